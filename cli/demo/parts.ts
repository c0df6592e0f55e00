import { readFile, rm } from "node:fs/promises"
import { type DemoHost, type DemoYard, yardText } from "../../dagger/lib/fleet/demo.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { run } from "../setup/command.ts"
import type { Part } from "../setup/part.ts"
import { registryAddress } from "../setup/registry.ts"
import { hostNames, inDocker, publishedPorts, receiverName, yardLabel } from "./docker.ts"
import { gpuOf } from "./gpu.ts"
import { addressesOf, type HostOptions, hostPart, removeHost } from "./host.ts"
import { clientKey, hostKeyOf, type KeysOptions, keysPart, written } from "./keys.ts"
import { yardNetwork, yardNetworkPart } from "./network.ts"
import { observabilityPart, receiverPort } from "./observability.ts"
import { knownHosts, sshConfig } from "./ssh.ts"
import { inYard, yardFile, yardName } from "./yard.ts"

export type DemoOptions = HostOptions & KeysOptions

/** The yard, beside the parts that set-up knows: a host for each of fleet.yaml's, the receiver, and how to reach them. */
export function demoParts(fleet: Fleet, options: DemoOptions = {}): Part[] {
  const hosts = hostNames(fleet).map((host) => hostPart(fleet, host, options))
  const receiver = observabilityPart(fleet)
  return [
    yardNetworkPart(),
    keysPart(fleet, options),
    ...hosts,
    receiver,
    filesPart(fleet, options, [...hosts, receiver]),
  ]
}

/** Removes the yard, hosts that fleet.yaml no longer names among it. */
export async function removeDemo(fleet: Fleet, options: KeysOptions): Promise<string[]> {
  const own = `label=${yardLabel}=${yardName()}`
  const { stdout } = await run(["docker", "ps", "--all", "--filter", own, "--format", "{{.Names}}"])
  const containers = stdout.split("\n").filter(Boolean)
  const there = containers.map((name) => name.slice(inDocker("").length)).filter((name) => name !== receiverName)
  const members = [...new Set([...hostNames(fleet), ...there])].map((host) => removeHost(host))
  const gone = await Promise.all([observabilityPart(fleet).remove(), ...members])
  const after = [filesPart(fleet, options, []), keysPart(fleet, options), yardNetworkPart()]
  for (const part of after) gone.push(await part.remove())
  return gone.flat()
}

/** hosts.yaml for verbs, ssh_config and known_hosts for people. Written last: where they are, the yard was up. */
const filesPart = (fleet: Fleet, options: DemoOptions, after: readonly Part[]): Part => ({
  name: "demo:files",
  after: after.map(({ name }) => name),
  verb: "written",
  look: async () => {
    const wanted = Object.entries(await files(fleet, options))
    const there = await Promise.all(wanted.map(([path]) => readFile(path, "utf8").catch(() => undefined)))
    return wanted.every(([, text], index) => text === there[index])
      ? { state: "ready", detail: yardFile(), short: "" }
      : { state: "missing", detail: "not written yet", fix: "`fairlead demo up` writes it" }
  },
  ready: async () => {
    for (const [path, text] of Object.entries(await files(fleet, options))) await written(path, text)
  },
  remove: async () => {
    for (const path of paths()) await rm(path, { force: true })
    return []
  },
})

const paths = () => [inYard("known_hosts"), inYard("ssh_config"), yardFile()] as const

async function files(fleet: Fleet, options: DemoOptions): Promise<Record<string, string>> {
  const yard = await yardOf(fleet, options)
  const [known, config, file] = paths()
  return { [known]: knownHosts(yard), [config]: sshConfig(yard, known), [file]: yardText(yard) }
}

/** The yard as its containers are. */
async function yardOf(fleet: Fleet, { disk }: DemoOptions): Promise<DemoYard> {
  const network = await yardNetwork()
  const addresses = addressesOf(fleet, network)
  const members = [receiverName, ...hostNames(fleet)]
  const ports = await publishedPorts(members.map((name) => inDocker(name)))
  const portOf = (name: string) => ports[inDocker(name)]!
  const host = async (name: string): Promise<[string, DemoHost]> => [
    name,
    {
      address: "127.0.0.1",
      port: portOf(name),
      user: "fairlead",
      hostKey: await hostKeyOf(name),
      identityFile: clientKey(),
      container: inDocker(name),
      onNetwork: { address: addresses[name]!, port: 22 },
      ...standIn(fleet, name),
    },
  ]
  return {
    schema: 1,
    name: yardName(),
    fleet: fleet.name,
    registry: registryAddress(),
    network: { name: network.name, subnet: network.subnet },
    ...(disk && { disk }),
    hosts: Object.fromEntries(await Promise.all(hostNames(fleet).map(host))),
    observability: {
      url: `http://127.0.0.1:${portOf(receiverName)}`,
      address: addresses[receiverName]!,
      port: receiverPort,
      container: inDocker(receiverName),
    },
  }
}

function standIn(fleet: Fleet, host: string): Pick<DemoHost, "gpu"> {
  const gpu = gpuOf(fleet, host)
  if (!gpu) return {}
  const { name, driver, memoryMiB } = gpu
  return { gpu: { standIn: true, name, driver, memoryMiB } }
}
