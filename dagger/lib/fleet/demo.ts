import { stringify } from "yaml"
import { z } from "zod"
import { Problem } from "../problem.ts"
import type { Fleet } from "./fleet.ts"
import { hostSchema } from "./host.ts"
import { labelSchema, portSchema } from "./names.ts"
import { standingIn } from "./stand-in.ts"
import { readYaml } from "./yaml.ts"

const addressSchema = z.ipv4()
const { address, port, user, hostKey } = hostSchema.shape

const demoHostSchema = z.strictObject({
  address: address.describe("Where SSH reaches the host from this machine: always its loopback."),
  port: port.unwrap(),
  user,
  hostKey: hostKey.unwrap().describe("The key that the host must show, as in fleet.yaml."),
  identityFile: z.string().describe("The private key to log in with, on this machine."),
  container: z.string().describe("The container that is this host."),
  onNetwork: z
    .strictObject({ address: addressSchema, port: portSchema })
    .describe("Where SSH reaches the host from the demo's own network: for a container that was connected to it."),
  gpu: z
    .strictObject({ standIn: z.literal(true), name: z.string(), driver: z.string(), memoryMiB: z.int() })
    .optional()
    .describe("What the stand-in for nvidia-smi answers. There is no GPU."),
})

/** hosts.yaml of the demo yard. */
export const yardSchema = z.strictObject({
  schema: z.literal(1),
  name: z.string().describe('"demo", or "demo-…" where FAIRLEAD_DEMO names another one.'),
  fleet: labelSchema.describe("The fleet that the hosts were made for."),
  registry: z
    .string()
    .describe("host:port on this machine's loopback; a host reaches it by the same name through a reverse tunnel."),
  network: z.strictObject({ name: z.string(), subnet: z.string() }),
  disk: z.int().optional().describe("Bytes of the disk that each host has of its own. Default: this machine's disk."),
  hosts: z.record(labelSchema, demoHostSchema),
  observability: z
    .strictObject({ url: z.string(), address: addressSchema, port: portSchema, container: z.string() })
    .describe("The receiver: `url` from this machine; `address` and `port` from the hosts and what runs on them."),
})

/** A host of the demo yard. */
export type DemoHost = z.infer<typeof demoHostSchema>

/**
 * The demo yard as `fairlead demo up` left it: everything that a verb needs to use its hosts in place of the owner's. It is
 * kept in `demo/hosts.yaml` in the state folder, is there as long as the demo is up, and touches no fleet.yaml.
 */
export type DemoYard = z.infer<typeof yardSchema>

/** Reads what `yardText` wrote; `path` is for sentences. */
export function readYard(text: string, path: string): DemoYard {
  const parsed = yardSchema.safeParse(readYaml(text, path, hints).data)
  if (parsed.success) return parsed.data
  throw new Problem("the demo yard was left by another version of Fairlead", {
    where: path,
    why: z.prettifyError(parsed.error),
    fix: "fairlead demo up",
  })
}

const again = "it is Fairlead's own file: fairlead demo up writes it anew"
const hints = { begin: again, tooLarge: again }

/** The text of the file. */
export const yardText = (yard: DemoYard): string =>
  `# Written by \`fairlead demo up\`, removed by \`fairlead demo down\`: how the demo's hosts are reached.\n${stringify(yard, { lineWidth: 0 })}`

/**
 * The same fleet with the demo's hosts in place of its own: how SSH reaches them differs, and the stand-in runs in place of
 * what the demo has no GPU or image for. Services on the hosts reach each other and the receiver by other addresses:
 * `onNetwork` and `observability` of the yard.
 */
export function onDemo(fleet: Fleet, yard: DemoYard): Fleet {
  const hosts = Object.entries(fleet.hosts).map(([name, host]) => {
    const { address, port, user, hostKey } = hostOf(yard, name)
    return [name, { ...host, address, port, user, hostKey }] as const
  })
  return { ...fleet, hosts: Object.fromEntries(hosts), services: standingIn(fleet) }
}

/** A host of the yard; a Problem where the demo was made for a fleet without it. */
export function hostOf(yard: DemoYard, name: string): DemoHost {
  const host = yard.hosts[name]
  if (host) return host
  throw new Problem(`the demo yard has no host ${name}`, {
    why: `it was made for the hosts ${Object.keys(yard.hosts).join(", ")} of ${yard.fleet}`,
    fix: "fairlead demo up",
    exitCode: 2,
  })
}
