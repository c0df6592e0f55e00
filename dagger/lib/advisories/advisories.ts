import { z } from "zod"
import { digestSchema } from "../fleet/names.ts"

// UNCHECKED and ERROR are told apart here: a site that has no source is not one whose source cannot be read.
const none = z.strictObject({ state: z.literal("none"), why: z.string(), fix: z.string().optional() })
const broken = z.strictObject({ state: z.literal("broken"), why: z.string(), fix: z.string().optional() })

const databaseSchema = z.strictObject({
  state: z.literal("ready"),
  /** Of trivy.db, "sha256:…". */
  digest: digestSchema,
  /** When its makers wrote it; for a folder of OSV records the newest record's `modified`. ISO 8601, UTC. */
  updatedAt: z.string(),
  /** For people: "ghcr.io/aquasecurity/trivy-db:2", "folder advisories/". */
  from: z.string(),
  /** What it knows anything about: "pip", "debian 12". Trivy finds nothing for what is missing here, and does not say so. */
  covers: z.array(z.string()).optional(),
})

const pythonSchema = z.strictObject({
  state: z.literal("ready"),
  service: z.enum(["pypi", "osv", "folder"]),
  from: z.string(),
  /** An OSV service other than api.osv.dev. */
  url: z.string().optional(),
  /** Only of folders: a service has no age of its own. */
  digest: digestSchema.optional(),
  updatedAt: z.string().optional(),
})

export const databaseSourceSchema = z.discriminatedUnion("state", [databaseSchema, none, broken])
export const pythonSourceSchema = z.discriminatedUnion("state", [pythonSchema, none, broken])

/** Trivy's database, which `scan` looks things up in. */
export type DatabaseSource = z.infer<typeof databaseSourceSchema>
/** What pip-audit asks, for `audit`. */
export type PythonSource = z.infer<typeof pythonSourceSchema>

/** What this run knows about advisories; found out once per run. Facts of gates carry the half that they used. */
export interface Advisories {
  database: DatabaseSource
  python: PythonSource
}

/** Steps see the databases here, by a cache that is kept from run to run: <digest without "sha256:">/trivy.db, metadata.json, osv.json. */
export const advisoriesCache = { name: "advisories", path: "/advisories" } as const
