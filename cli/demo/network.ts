import { Problem } from "../../dagger/lib/problem.ts"
import { must, run } from "../setup/command.ts"
import type { Found, Part } from "../setup/part.ts"
import { inDocker, labels, yardLabel } from "./docker.ts"
import { inYard } from "./yard.ts"

export interface YardNetwork {
  name: string
  subnet: string
  /** The address of a member, by its number from 1 on. */
  at(member: number): string
}

const folderLabel = `${yardLabel}.folder`

/**
 * The network of the hosts and the receiver. Docker chooses an address range that this machine does not use; members get
 * fixed addresses in it, so that one that was cut off or stopped comes back as the same.
 */
export const yardNetworkPart = (): Part => ({
  name: "demo:network",
  after: ["engine"],
  verb: "made",
  look,
  ready,
  remove: async () => {
    if (!(await inspect())) return []
    await must(`Docker could not remove the network ${inDocker()}`, ["docker", "network", "rm", inDocker()])
    return [`network ${inDocker()}`]
  },
})

/** The network as it is; a Problem where it is not there. */
export async function yardNetwork(): Promise<YardNetwork> {
  const network = await inspect()
  if (!network) throw new Problem(`there is no network ${inDocker()}`, { fix: "fairlead demo up" })
  const { subnet } = network
  return { name: inDocker(), subnet, at: (member) => addressIn(subnet, member + 1) }
}

async function look(): Promise<Found> {
  const network = await inspect()
  if (!network) return { state: "missing", detail: `no network ${inDocker()}`, fix: "`fairlead demo up` makes it" }
  if (network.folder === inYard()) return { state: "ready", detail: `${inDocker()}, ${network.subnet}`, short: "" }
  return {
    state: "unsuitable",
    detail: `another state folder's demo is up: ${network.folder || "of nobody known"}`,
    fix: "take that one down, or name another yard in FAIRLEAD_DEMO",
  }
}

async function inspect(): Promise<{ subnet: string; folder: string } | undefined> {
  const { exitCode, stdout } = await run(["docker", "network", "inspect", inDocker()])
  if (exitCode !== 0) return undefined
  const [{ IPAM, Labels }] = JSON.parse(stdout) as [Inspected]
  const subnet = IPAM.Config.map((each) => each.Subnet).find((each) => each.includes("."))
  return subnet === undefined ? undefined : { subnet, folder: Labels?.[folderLabel] ?? "" }
}

interface Inspected {
  IPAM: { Config: { Subnet: string }[] }
  Labels?: Record<string, string>
}

async function ready(): Promise<void> {
  const found = await look()
  if (found.state === "ready") return
  if (found.state === "unsuitable") throw new Problem(found.detail, { fix: found.fix })
  const name = inDocker()
  const what = `Docker could not make the network ${name}`
  const create = ["docker", "network", "create", ...labels(), "--label", `${folderLabel}=${inYard()}`] as const
  const fix = "`docker network prune` frees address ranges that nothing uses"
  // Docker lets nobody choose addresses in a range that it chose itself, so it is told its own choice.
  await must(what, [...create, name], { fix })
  const { subnet } = (await inspect())!
  await must(what, ["docker", "network", "rm", name])
  const [gateway, range] = [addressIn(subnet, 1), upperHalf(subnet)]
  await must(what, [...create, "--subnet", subnet, "--gateway", gateway, "--ip-range", range, name], { fix })
}

/** The address at this place of a range: 172.20.0.0/16 at 3 is 172.20.0.3. */
export function addressIn(subnet: string, place: number): string {
  const [base, bits] = subnet.split("/") as [string, string]
  if (place >= 2 ** (32 - Number(bits)) - 1) {
    throw new Problem(`${subnet} has no room for ${place} addresses`, {
      fix: "give Docker larger ranges: default-address-pools in /etc/docker/daemon.json",
    })
  }
  return text(number(base) + place)
}

/** Where Docker chooses addresses for whoever joins without one of its own: away from the fixed ones. */
export function upperHalf(subnet: string): string {
  const [base, bits] = subnet.split("/") as [string, string]
  return `${text(number(base) + 2 ** (31 - Number(bits)))}/${Number(bits) + 1}`
}

const number = (address: string): number => address.split(".").reduce((sum, each) => sum * 256 + Number(each), 0)

const text = (address: number): string => [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join(".")
