import { z } from "zod"
import { identitySchema } from "../attest/identity.ts"
import { publicKeySchema } from "../attest/key.ts"
import { advisorySourceFields } from "./advisories.ts"
import { bytesSchema } from "./bytes.ts"
import { imagePathSchema, labelSchema, pathSchema, serviceNameSchema, spelled } from "./names.ts"

const seconds = z.int().min(1).max(3600)
const days = z.int().min(1).max(3650)

const imagePolicySchema = z.strictObject({
  user: spelled({
    pattern: /^[1-9][0-9]{0,9}:[1-9][0-9]{0,9}$/,
    right: 'a numeric user and group such as "10001:10001", never root',
  }).describe("User and group of every image."),
  init: imagePathSchema.describe("PID 1 in every container."),
  entrypoint: imagePathSchema.describe(
    "What every image starts with: reports the image, then runs the command under init.",
  ),
  healthPath: spelled({ pattern: /^(?:\/[A-Za-z0-9._~-]+)+$/, right: 'a URL path such as "/health"' }).describe(
    'GET on it answers 200 and {"status":"ok"}.',
  ),
  health: z.strictObject({
    intervalSeconds: seconds.describe("From one probe to the next."),
    timeoutSeconds: seconds.describe("A probe that takes longer has failed."),
    retries: z.int().min(1).max(100).describe("Failed probes in a row until a container is unhealthy."),
  }),
  stopSeconds: seconds.describe("From SIGTERM to SIGKILL."),
  ingestUrl: spelled({
    pattern: /^https?:\/\/[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:\/[A-Za-z0-9._~/-]*)?$/,
    right: "an http(s) URL",
  }).describe("Where the entrypoint sends {service, image, git_sha, sbom} at start-up."),
})

/** What holds for every image, and what the contract gate checks. */
export type ImagePolicy = z.infer<typeof imagePolicySchema>

const waveSchema = z.strictObject({
  name: labelSchema,
  services: z.array(serviceNameSchema).min(1).optional().describe("Only these. Default: every service."),
  host: labelSchema.optional().describe("Only on this host. Default: on every host."),
  gpu: z.boolean().optional().describe("Only services that need a GPU (true) or do not (false). Default: both."),
})

/** Services that roll out together; the next wave starts when all of them are healthy. */
export type Wave = z.infer<typeof waveSchema>

const sigstoreSchema = z
  .strictObject({
    trustedRoot: pathSchema.describe(
      "Sigstore's trusted_root.json in this repository: whose certificates, logs and times count. Default: that of the public instance, fetched by TUF.",
    ),
    signingConfig: pathSchema
      .optional()
      .describe(
        "Sigstore's signing_config.json (v0.2) in this repository: where certificates, log entries and times come from. Default: the public instance's, fetched by TUF.",
      ),
  })
  .describe("Another Sigstore than the public one, or a place without the internet.")

const signingSchema = z
  .strictObject({
    keys: z
      .array(publicKeySchema)
      .min(1)
      .max(50)
      .optional()
      .describe("Public halves of the keys that release records may be signed with; `fairlead key trust` adds one."),
    identities: z
      .array(identitySchema)
      .min(1)
      .max(50)
      .optional()
      .describe("Who may sign them without a key, by a certificate of Sigstore: jobs of a CI. Its files then use it."),
    sigstore: sigstoreSchema.optional(),
  })
  .refine(({ keys, identities }) => keys !== undefined || identities !== undefined, {
    error: "names nobody, so no signature would count: write keys, identities or both",
  })
  .refine(({ identities, sigstore }) => identities !== undefined || sigstore === undefined, {
    path: ["sigstore"],
    error: "is for identities, and there are none: write identities beside it, or leave it out",
  })

/** Whose signatures count. */
export type SigningPolicy = z.infer<typeof signingSchema>

export const policySchema = z.strictObject({
  image: imagePolicySchema,
  cache: z
    .strictObject({
      maxBytes: bytesSchema.describe("Fairlead's own build cache is pruned to this."),
      keepFree: bytesSchema.describe("A build does not start with less free disk than this."),
    })
    .describe("The build cache on the machine that builds."),
  registryCache: z
    .strictObject({
      maxAgeDays: days.describe("Cache tags that are older are removed by `fairlead prune`."),
      use: z
        .enum(["auto", "on", "off"])
        .default("auto")
        .describe("Whether builds read it and releases write it. auto: but for a registry on loopback."),
      minAbove: bytesSchema
        .optional()
        .describe(
          "Families with a larger compressed budget write the layers of their images only (mode=min). Default: every family writes those of all stages (mode=max).",
        ),
    })
    .describe("The build cache in the registry (risk R3: its quota)."),
  advisories: z
    .strictObject({
      ...advisorySourceFields,
      maxAgeDays: days.describe("A vulnerability database that is older is an ERROR, not an answer."),
      severities: z
        .array(z.enum(["LOW", "MEDIUM", "HIGH", "CRITICAL"]))
        .min(1)
        .describe("What fails a release."),
      ignoreUnfixed: z.boolean().describe("Vulnerabilities without a fixed version do not fail a release."),
    })
    .refine(({ source, database, python }) => typeof source !== "object" || (!database && !python), {
      error: "both gates read the folder, so database and python would not be asked; write one or the other",
    }),
  risks: z
    .strictObject({ maxDays: days.describe("A risk acceptance expires at the latest after this many days.") })
    .describe("What a recorded risk acceptance may do (risk R4)."),
  signing: signingSchema
    .optional()
    .describe("Whose signatures count. Default: this machine's own key, and only for a registry on loopback."),
  rollout: z.strictObject({
    waves: z.array(waveSchema).min(1).describe("In this order; a service belongs to the first that matches."),
    onFailure: z.enum(["service", "wave", "fleet"]).describe("What goes back when a service does not become healthy."),
    healthyProbes: z.int().min(1).max(100).describe("Good answers in a row until a service is healthy."),
    healthySeconds: z.int().min(1).max(86_400).describe("A service that is not healthy by then has failed."),
    keepReleases: z.int().min(2).max(1000).describe("Releases that `prune` keeps on hosts and in the registry."),
  }),
})

/** Rules that hold for the whole fleet. */
export type Policy = z.infer<typeof policySchema>
