import { createHash } from "node:crypto"
import { createServer } from "node:net"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { Problem, wrongInput } from "../../dagger/lib/problem.ts"
import { must, run } from "../setup/command.ts"
import { label } from "../state.ts"
import { yardName } from "./yard.ts"

/** Everything of the yard in Docker carries this label, with the yard's name as its value. */
export const yardLabel = `${label}.demo`
const madeLabel = `${label}.demo.made`

export const receiverName = "observability"

/** Docker's name for something of the yard: "fairlead-demo-mainpc". */
export const inDocker = (...parts: string[]): string => ["fairlead", yardName(), ...parts].join("-")

/** The names of the hosts, in the order in which they get addresses. */
export function hostNames(fleet: Fleet): string[] {
  const names = Object.keys(fleet.hosts)
  if (!names.includes(receiverName)) return names
  throw wrongInput(`a host is named ${receiverName}, as the receiver is`, {
    where: `fleet.yaml: hosts.${receiverName}`,
    fix: "give the host another name to try the fleet on the demo yard",
  })
}

/** A container as it is to be. */
export interface Wanted {
  name: string
  /** Options of `docker run`, the published port left out. */
  options: readonly string[]
  image: string
  argv?: readonly string[]
  /** The container's port that is published on loopback, and the port to try first. */
  port: number
  from: number
  /** How far apart ports to try are, so that two containers that start at the same time never try the same. */
  step: number
}

/** A container as it is. */
export interface Running {
  state: "running" | "paused" | "stopped"
  /** The port on this machine's loopback. */
  port: number
  /** It is what is wanted; else it is made anew. */
  asWanted: boolean
  /** Its address in the yard's network; undefined while it is cut off. */
  address?: string
}

export async function inspected(wanted: Wanted): Promise<Running | undefined> {
  const { exitCode, stdout } = await run(["docker", "container", "inspect", wanted.name])
  if (exitCode !== 0) return undefined
  const [{ State, Config, HostConfig, NetworkSettings }] = JSON.parse(stdout) as [Inspected]
  return {
    state: State.Paused ? "paused" : State.Running ? "running" : "stopped",
    port: Number(HostConfig.PortBindings?.[`${wanted.port}/tcp`]?.[0]?.HostPort ?? 0),
    asWanted: Config.Labels?.[madeLabel] === made(wanted),
    address: NetworkSettings.Networks?.[inDocker()]?.IPAddress || undefined,
  }
}

/** `docker container inspect`, as far as it matters. */
interface Inspected {
  State: { Running: boolean; Paused: boolean }
  Config: { Labels?: Record<string, string> }
  HostConfig: { PortBindings?: Record<string, { HostPort: string }[] | null> }
  NetworkSettings: { Networks?: Record<string, { IPAddress?: string }> }
}

/** The ports on this machine's loopback that containers are published on, by their names. */
export async function publishedPorts(names: readonly string[]): Promise<Record<string, number>> {
  const { stdout } = await must("the yard is not whole", ["docker", "container", "inspect", ...names], {
    fix: "fairlead demo up",
  })
  const found = (JSON.parse(stdout) as (Inspected & { Name: string })[]).map(({ Name, HostConfig }) => {
    const [binding] = Object.values(HostConfig.PortBindings ?? {}).flatMap((each) => each ?? [])
    return [Name.replace(/^\//, ""), Number(binding?.HostPort)] as const
  })
  return Object.fromEntries(found)
}

const made = ({ options, image, argv = [] }: Wanted): string =>
  createHash("sha256")
    .update(JSON.stringify([options, image, argv]))
    .digest("hex")
    .slice(0, 16)

/** The container, running: started where it stands still, made anew where it is another one. Volumes stay as they are. */
export async function started(wanted: Wanted): Promise<void> {
  const there = await inspected(wanted)
  if (there?.asWanted && (await startedAgain(wanted.name, there.state))) return
  if (there) await removed(wanted.name)
  await must(
    `${wanted.name} did not start`,
    [
      ...["docker", "run", "--detach", "--name", wanted.name, "--pull", "never"],
      ...labels(made(wanted)),
      ...["--publish", `127.0.0.1:${await freePort(wanted.from, wanted.step)}:${wanted.port}`],
      ...wanted.options,
      wanted.image,
      ...(wanted.argv ?? []),
    ] as unknown as readonly [string, ...string[]],
    { fix: "`docker info` tells whether Docker is well; else fairlead demo down, then fairlead demo up" },
  )
}

/** False where somebody took its port meanwhile. */
async function startedAgain(name: string, state: Running["state"]): Promise<boolean> {
  if (state === "paused") await must(`${name} stays paused`, ["docker", "unpause", name])
  return (await run(["docker", "start", name])).exitCode === 0
}

export const removed = (name: string) =>
  must(`${name} stays`, ["docker", "rm", "--force", "--volumes", name]).then(() => `container ${name}`)

export const labels = (more?: string): string[] =>
  [`${label}=1`, `${yardLabel}=${yardName()}`, ...(more ? [`${madeLabel}=${more}`] : [])].flatMap((each) => [
    "--label",
    each,
  ])

/** A volume that carries the labels; one that is there stays as it is. */
export const volume = (name: string) =>
  must(`Docker could not make the volume ${name}`, ["docker", "volume", "create", ...labels(), name])

/** The first port from there on that nobody listens on, on loopback. */
export async function freePort(from: number, step = 1): Promise<number> {
  for (let port = from; port < from + 200 * step && port <= 65_535; port += step) {
    if (await isFree(port)) return port
  }
  throw new Problem(`no port from ${from} on is free on 127.0.0.1`, { fix: "`ss -ltn` shows who listens" })
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((answer) => {
    const server = createServer()
    server.once("error", () => answer(false))
    server.listen(port, "127.0.0.1", () => server.close(() => answer(true)))
  })
