import { z } from "zod"
import { standingRiskSchema } from "../risks/standing.ts"

const verdict = z.enum(["PASS", "ACCEPTED", "FAIL", "UNCHECKED", "ERROR"])
const services = z.array(z.object({ service: z.string(), hosts: z.array(z.string()) }))

const image = z.object({
  digest: z.string(),
  published: z.array(z.object({ ref: z.string(), at: z.string() })).describe("Under which names, the newest first."),
  fingerprint: z.string(),
  revision: z.string(),
  at: z.string().describe("When the record was written, in UTC."),
  verdict: verdict.describe("As of today: an acceptance that has passed makes it FAIL."),
  gates: z.record(z.string(), z.object({ verdict, brief: z.string().optional() })),
  size: z.object({ compressed: z.number(), uncompressed: z.number() }).describe("bytes"),
  packages: z.number(),
  contents: z.string(),
})

const shown = z.object({
  family: z.string(),
  gate: z.string(),
  ids: z.array(z.string()),
  package: z.string(),
  installed: z.string().optional(),
  fixed: z.array(z.string()).optional(),
  severity: z.string().optional(),
  state: z.enum(["failing", "accepted", "noted"]),
  what: z.string(),
})

const service = z.object({
  kind: z.literal("service"),
  service: z.string(),
  container: z.string(),
  family: z.string(),
  places: z.array(z.object({ host: z.string(), address: z.string(), wave: z.string() })),
  port: z.number(),
  healthPort: z.number(),
  needs: z.array(z.string()),
  gpus: z.number(),
  app: z.object({ name: z.string(), path: z.string().optional(), standIn: z.boolean() }),
  image: image.optional().describe("The newest of its family."),
  deployed: z
    .array(
      z.object({
        yard: z.string().describe('"fleet.yaml", or the name of a demo yard.'),
        host: z.string(),
        image: z.string(),
        digest: z.string(),
        tag: z.string().optional(),
        run: z.string().optional(),
        standIn: z.boolean(),
        at: z.string().describe("When it was last seen to serve, in UTC."),
      }),
    )
    .describe("What this machine last saw it run, by host: `fairlead status` looks anew."),
})

const family = z.object({
  kind: z.literal("family"),
  family: z.string(),
  alias: z.string(),
  description: z.string(),
  line: z.array(z.string()).describe("What it stands on, the root first, and itself last."),
  base: z.string().optional(),
  children: z.array(z.string()),
  buildable: z.boolean().describe("It has a Dockerfile."),
  services,
  image: image.optional().describe("From the newest record; absent where there is none."),
  risks: z.array(standingRiskSchema),
})

const ofPackage = z.object({
  kind: z.literal("package"),
  package: z.string(),
  found: z.array(
    z.object({
      family: z.string(),
      kind: z.enum(["debian", "python", "other"]),
      name: z.string(),
      version: z.string(),
      services,
    }),
  ),
  hosts: z.array(z.string()).describe("Where a service runs on one of these families."),
  advisories: z.array(shown),
  risks: z.array(standingRiskSchema),
  unknown: z.array(z.string()).describe("Families without a record that tells their packages."),
})

const advisory = z.object({
  kind: z.literal("advisory"),
  id: z.string(),
  ids: z.array(z.string()).describe("Every name that it is known under here."),
  found: z.array(shown.extend({ services })),
  risks: z.array(standingRiskSchema),
  unchecked: z.array(z.string()).describe("Families in which nobody could look for it."),
})

const digest = z.object({
  kind: z.literal("digest"),
  digest: z.string(),
  of: z.enum(["image", "packages", "fingerprint", "commit", "tag"]),
  family: z.string(),
  newest: z.boolean().describe("The family's newest record."),
  image,
})

export const answerSchema = z.discriminatedUnion("kind", [service, family, ofPackage, advisory, digest])

/** What is known of one meaning of a word. */
export type Answer = z.infer<typeof answerSchema>
export type AnswerOf<K extends Answer["kind"]> = Extract<Answer, { kind: K }>
