import { z } from "zod"
import { archSchema } from "./arch.ts"
import { lineSchema, portSchema, spelled, valueSchema } from "./names.ts"

const profileSchema = z.strictObject({
  GPU_VISIBLE_DEVICES: spelled({
    pattern: /^(?:[0-9]+(?:,[0-9]+)*)?$/,
    right: 'a list of GPU numbers such as "0" or "0,1"',
  }).describe('The GPUs that services may see: numbers with commas between them, "" for none.'),
  TORCH_CUDA_ALLOC_CONF: valueSchema.describe("Handed to torch's CUDA allocator as it is."),
  OMP_NUM_THREADS: z.int().min(1).max(1024).describe("Threads per process for numerical libraries."),
  UVICORN_WORKERS: z.int().min(1).max(1024).describe("Processes per web service."),
  MODEL_EVICT_THRESHOLD_PCT: z.int().min(1).max(100).describe("GPU memory in use, in percent, at which models go."),
})

/** What /etc/machine-profile.json says in an image for this host (build argument MACHINE is the host's name). */
export type Profile = z.infer<typeof profileSchema>

const gpuSchema = z.strictObject({
  name: lineSchema.describe('As nvidia-smi calls it, such as "RTX 4090".'),
  arch: archSchema.describe('CUDA compute capability; "8.9" and "89" are the same.'),
  driver: z
    .int()
    .min(1)
    .max(9999)
    .describe("The oldest NVIDIA driver, by its major number, that GPU services may meet."),
})

/** A host's NVIDIA GPU. */
export type Gpu = z.infer<typeof gpuSchema>

export const hostSchema = z.strictObject({
  address: spelled({
    pattern: /^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$/,
    right: "a host name or an IP address",
  }).describe("Name or IP address that SSH connects to."),
  port: portSchema.default(22).describe("SSH port. Default: 22."),
  user: spelled({
    pattern: /^[a-z_][a-z0-9_-]{0,31}$/,
    right: "a user name: lower-case letters, digits, _ and -",
  }).describe("SSH user; must be allowed to use Docker."),
  hostKey: spelled({
    pattern: /^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}$/,
    right: 'an SSH host key: "ssh-ed25519" and 68 characters that begin with AAAA, without a comment',
  })
    .optional()
    .describe("The key that the host must show. Default: not recorded yet, and every verb that uses SSH is refused."),
  platform: z.literal("linux/amd64").default("linux/amd64"),
  observability: z
    .boolean()
    .default(false)
    .describe("The observability receiver runs here. At most one host. Default: the first host."),
  mirror: spelled({
    pattern: /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?$/,
    right: "a registry as host or host:port, in lower case",
  })
    .optional()
    .describe(
      "A registry nearby that is asked for images' bytes first, such as a pull-through cache of the fleet's registry on another host: host[:port]. Default: none.",
    ),
  gpu: gpuSchema.optional().describe("Default: the host has no GPU."),
  profile: profileSchema,
})

/** A machine that runs services, reached over SSH. */
export type Host = z.infer<typeof hostSchema>
