import { z } from "zod"
import { databaseSourceSchema, pythonSourceSchema } from "../advisories/advisories.ts"
import { ciNames } from "../ci/names.ts"
import { answerSchema } from "../explain/answer.ts"
import { phaseAnswerSchema } from "../phases/evidence.ts"
import { gateSchema, ingredientsSchema, recordSchema } from "../release/record.ts"
import { riskSchema } from "../risks/risk.ts"
import { standingRiskSchema } from "../risks/standing.ts"
import { demoSchema } from "./demo.ts"
import { pinSchema } from "./pin.ts"
import { preflightSchema } from "./preflight.ts"
import { pruneSchema } from "./prune.ts"
import { rescanSchema } from "./rescan.ts"
import { historySchema } from "./rollout-history.ts"
import { rolloutPlanSchema } from "./rollout-plan.ts"
import { statusSchema } from "./status.ts"

const verdict = z.enum(["PASS", "ACCEPTED", "FAIL", "UNCHECKED", "ERROR"])
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const bytes = z.number().describe("bytes")
const seconds = z.number().describe("seconds")
const schema = z.literal(1).describe("The version of this document's format.")
const gates = z.record(z.string(), gateSchema).describe("By the gate's name.")

const init = z.object({
  schema,
  folder: z.string(),
  name: z.string().describe("The fleet's name."),
  written: z
    .array(z.string())
    .describe("Paths in the folder; what was there already, and the same, is not among them."),
})

const families = z.object({
  schema,
  families: z.array(
    z.object({
      family: z.string(),
      alias: z.string(),
      parent: z.string().nullable(),
      base: z.string().optional().describe("The base that a family without a parent stands on."),
      budget: z.object({ compressed: bytes, uncompressed: bytes }),
      buildable: z.boolean().describe("It has a Dockerfile."),
      services: z.array(z.string()),
    }),
  ),
  apps: z
    .array(
      z.object({
        image: z.string(),
        app: z.string(),
        standIn: z.boolean().describe("Its services name no code of their own."),
        family: z.string().describe("The family that it stands on."),
        budget: z.object({ compressed: bytes, uncompressed: bytes }),
        buildable: z.boolean().describe("All that it stands on has a Dockerfile."),
        services: z.array(z.string()),
      }),
    )
    .describe("App images: a family with an app's code in it."),
})

const plan = z.object({
  schema,
  tag: z.string(),
  commit: z.string(),
  dirty: z.boolean(),
  families: z.array(
    z.object({
      family: z.string(),
      parent: z.string().optional(),
      app: z.string().optional().describe("The app whose code is in it; absent for a family."),
      standIn: z.literal(true).optional().describe("The app is the stand-in."),
      action: z.enum(["build", "reuse"]),
      reasons: z.array(z.string()),
      fingerprint: z.string(),
      ingredients: ingredientsSchema,
      revision: z.string(),
      digest: digest.optional(),
      touches: z.record(z.string(), z.number()).describe("Services by host."),
      expected: z.object({ seconds: seconds.optional(), bytes: bytes.optional() }).optional(),
    }),
  ),
})

const build = z.object({
  schema,
  tag: z.string(),
  families: z.array(
    z.object({
      family: z.string(),
      digest,
      archive: z.string().describe("Path of the OCI archive."),
      packages: z.number(),
      seconds,
      steps: z.object({ ran: z.number(), cached: z.number() }),
    }),
  ),
})

const gate = z.object({ schema, verdict, families: z.array(z.object({ family: z.string(), digest, verdict, gates })) })

const ship = z.object({
  schema,
  verdict,
  tag: z.string(),
  families: z
    .array(
      z.object({
        family: z.string(),
        verdict,
        reused: z.boolean().describe("The image was there already: nothing was built."),
        reason: z.string(),
        ref: z.string().optional().describe("Absent when it was not published."),
        digest,
        previous: digest.optional().describe("What <tag>-prev points to; absent for a first release."),
        size: z.object({ compressed: bytes, uncompressed: bytes }),
        packages: z.number().describe("Packages in the SBOM."),
        gates,
        seconds: seconds.describe("Of its build; of one that was there already, when it was built."),
        gateSeconds: seconds.describe("The same of its gates."),
        steps: z
          .object({ ran: z.number(), cached: z.number() })
          .optional()
          .describe("Of this run's build; absent for what was there already."),
        added: bytes.optional().describe("Bytes of layers that no image had before this run."),
      }),
    )
    .describe("In build order, the asked-for one last."),
  signedBy: z
    .string()
    .optional()
    .describe("Who signed the records of what was published: a key's id, or as whom a CI's job may sign."),
  notes: z.array(z.string()).optional(),
  seconds,
})

const risks = z.object({
  schema,
  at: z.string().describe("When it was judged, in UTC; FAIRLEAD_NOW moves it."),
  risks: z.array(standingRiskSchema),
})

const riskAccept = z.object({
  schema,
  accepted: z.array(riskSchema).describe("What was written into risks.yaml, one entry per package."),
  replaced: z.array(riskSchema.extend({ families: z.array(z.string()) })).describe("What those took the place of."),
  failing: z
    .array(z.object({ family: z.string(), gate: z.string(), what: z.string(), fix: z.string().optional() }))
    .describe("What still fails in these families, by their newest records."),
  unchecked: z.array(z.string()).describe("Families in which a gate could not look."),
})

const explain = z.object({
  schema,
  word: z.string(),
  answers: z.array(answerSchema).min(1).describe("Every meaning of the word."),
})

const phases = z.object({
  schema,
  at: z.string().describe("When it was judged, in UTC; FAIRLEAD_NOW moves it."),
  yard: z
    .string()
    .describe('"fleet.yaml", or the demo yard whose hosts it is about: a demo proves nothing of real hosts.'),
  phases: z.array(phaseAnswerSchema),
})

const verify = z.object({
  schema,
  ref: z.string(),
  family: z.string(),
  digest,
  good: z
    .boolean()
    .describe("The newest record that somebody trusted signed is about this image, and its gates passed."),
  problems: z.array(z.string()).describe("Why it is not good."),
  record: recordSchema.optional(),
  verdict: verdict.optional(),
  signedBy: z
    .string()
    .optional()
    .describe("The id of the key: SHA-256 of its public half, base64. Of a CI's job: its subject (its issuer)."),
  trusted: z.string().describe("Where it is written whose signatures count."),
  sbom: z.enum(["signed", "missing", "wrong"]),
})

const key = z.object({
  schema,
  id: z.string().describe("SHA-256 of the public half, base64."),
  publicKey: z.string().describe("The public half on one line, as fleet.yaml takes it."),
  path: z.string(),
  trusted: z.boolean().describe("policy.signing.keys of fleet.yaml names it."),
})

const compose = z.object({
  schema,
  hosts: z.array(
    z.object({
      host: z.string(),
      files: z.array(z.string()).describe("Paths of what was written or compared."),
      notes: z.array(z.string()).describe("What is odd about what the host runs."),
    }),
  ),
})

const ci = z.object({
  schema,
  for: z.enum(ciNames),
  files: z.array(z.string()).optional().describe("Paths of what was written or compared; absent with --jobs."),
  tag: z.string().optional().describe("With --jobs: the tag that a release of this commit would have."),
  build: z.array(z.string()).optional().describe("With --jobs: images that have to be built or brought back."),
})

const advisories = z.object({
  schema,
  source: z.enum(["online", "none", "folder"]),
  by: z.string().optional().describe("Who said so; absent for the default."),
  maxAgeDays: z.number(),
  database: databaseSourceSchema.describe("What scan looks things up in."),
  python: pythonSourceSchema.describe("What audit asks."),
})

/** The documents of --json, by verb. The verbs of gates answer with the document "gate", `unpin` with "pin". */
export const documents = {
  init,
  families,
  plan,
  build,
  gate,
  ship,
  verify,
  key,
  "risk-list": risks,
  "risk-accept": riskAccept,
  explain,
  phases,
  compose,
  ci,
  rescan: rescanSchema,
  advisories,
  preflight: preflightSchema,
  "rollout-plan": rolloutPlanSchema,
  status: statusSchema,
  history: historySchema,
  pin: pinSchema,
  prune: pruneSchema,
  demo: demoSchema,
} as const

/** The JSON Schema of a document. */
export const documentSchema = (name: keyof typeof documents): object => ({
  title: `fairlead ${name} --json`,
  ...z.toJSONSchema(documents[name], { target: "draft-7", reused: "inline" }),
})
