import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { lastLines } from "../../dagger/lib/engine/engine.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { duration } from "../../dagger/lib/report/text.ts"
import { must, run } from "../setup/command.ts"
import type { Found, Part } from "../setup/part.ts"
import { toolboxImage } from "../setup/toolbox.ts"
import {
  hostNames,
  inDocker,
  inspected,
  type Running,
  receiverName,
  removed,
  started,
  volume,
  type Wanted,
} from "./docker.ts"
import { identityFolder } from "./keys.ts"
import { type YardNetwork, yardNetwork } from "./network.ts"

export interface HostOptions {
  /** Bytes of a disk of the host's own for what Docker keeps; this machine's disk where not given. */
  disk?: number
}

/**
 * A host of the yard: a privileged container with a dockerd and an sshd of its own. Docker's data and the user's home are on
 * volumes, so that they outlive the container, as a disk does a machine's power.
 */
export const hostPart = (fleet: Fleet, host: string, options: HostOptions = {}): Part => ({
  name: `demo:${host}`,
  after: ["engine", "toolbox:host", "demo:network", "demo:keys"],
  verb: "started",
  look: () => look(fleet, host, options),
  ready: async (say) => {
    const start = performance.now()
    for (const name of volumesOf(host, options)) await volume(name)
    const wanted = await wantedHost(fleet, host, options)
    await started(wanted)
    await connected(fleet, host)
    await answers(host, wanted)
    say(`${host} is up after ${duration((performance.now() - start) / 1000)}`)
  },
  remove: () => removeHost(host),
})

/** A container of the yard that is this host; also one that fleet.yaml no longer names. */
export async function removeHost(host: string): Promise<string[]> {
  const gone: string[] = []
  if ((await run(["docker", "container", "inspect", inDocker(host)])).exitCode === 0)
    gone.push(await removed(inDocker(host)))
  for (const name of Object.values(volumes(host))) {
    if ((await run(["docker", "volume", "inspect", name])).exitCode !== 0) continue
    await must(`the volume ${name} stays`, ["docker", "volume", "rm", name])
    gone.push(`volume ${name}`)
  }
  return gone
}

export const inHost = (host: string) => ["docker", "exec", inDocker(host)] as const

/** Where members of the network are: the receiver first, then the hosts in fleet.yaml's order. */
export function addressesOf(fleet: Fleet, network: YardNetwork): Record<string, string> {
  return Object.fromEntries([receiverName, ...hostNames(fleet)].map((name, index) => [name, network.at(index + 1)]))
}

/** In the yard's network, at its address; also after it was cut off. */
export async function connected(fleet: Fleet, host: string): Promise<void> {
  const network = await yardNetwork()
  const container = inDocker(host)
  const { stdout } = await run(["docker", "inspect", "--format", `{{json .NetworkSettings.Networks}}`, container])
  if (Object.hasOwn(JSON.parse(stdout || "{}"), network.name)) return
  const address = addressesOf(fleet, network)[host]!
  const options = ["--ip", address, "--alias", host]
  await must(`${host} stays cut off`, ["docker", "network", "connect", ...options, network.name, container])
}

export async function wantedHost(fleet: Fleet, host: string, own: HostOptions = {}): Promise<Wanted> {
  const network = await yardNetwork()
  const addresses = addressesOf(fleet, network)
  const others = Object.entries(addresses).flatMap(([name, address]) => ["--add-host", `${name}:${address}`])
  const [data, home] = volumesOf(host, own)
  const names = hostNames(fleet)
  const options = [
    ...["--hostname", host, "--privileged", "--cgroupns", "private", "--stop-timeout", "20", "--log-opt", "max-size=5m"],
    ...["--network", network.name, "--network-alias", host, "--ip", addresses[host]!, ...others],
    // As on a machine, /run is empty at each start: sockets and process numbers of before would be in the way.
    ...["--tmpfs", "/run:mode=0755"],
    ...["--mount", `type=bind,src=${identityFolder(host)},dst=/mnt/fairlead-demo,readonly`],
    ...["--mount", `type=volume,src=${data},dst=${own.disk ? "/disk" : "/var/lib/docker"}`],
    ...["--mount", `type=volume,src=${home},dst=/home/fairlead`],
    ...(own.disk ? ["--env", `FAIRLEAD_DISK=${own.disk}`] : []),
  ] // biome-ignore format: one group of options per line
  const from = firstPort + names.indexOf(host)
  return { name: inDocker(host), options, image: await toolboxImage("host"), port: 22, from, step: names.length }
}

const firstPort = 22_001

const volumes = (host: string) => ({ data: inDocker(host), disk: inDocker(host, "disk"), home: inDocker(host, "home") })

function volumesOf(host: string, { disk: bytes }: HostOptions): string[] {
  const { data, disk, home } = volumes(host)
  return [bytes ? disk : data, home]
}

async function look(fleet: Fleet, host: string, options: HostOptions): Promise<Found> {
  const there = await inspected(await wantedHost(fleet, host, options))
  const fix = "`fairlead demo up` starts it"
  if (!there) return { state: "missing", detail: "not there", fix }
  if (!there.asWanted)
    return { state: "missing", detail: "another image or other options", fix: "`fairlead demo up` renews it" }
  const silent = await silence(host, there)
  if (silent) return { state: "missing", detail: silent, fix }
  return { state: "ready", detail: `127.0.0.1:${there.port}, ${there.address}`, short: host }
}

/** Why the host is none to work with; undefined where its Docker answers and SSH does. */
export async function silence(host: string, there: Running): Promise<string | undefined> {
  if (there.state !== "running") return there.state
  if (!there.address) return "cut off from the network"
  const [ssh, docker] = await Promise.all([
    speaksSsh(there.port),
    run([...inHost(host), "docker", "info", "--format", "{{json .DriverStatus}}"], { timeoutSeconds: 10 }),
  ])
  if (docker.exitCode !== 0) return "its Docker does not answer"
  if (!docker.stdout.includes("io.containerd.snapshotter")) return "its Docker does not use the containerd image store"
  return ssh ? undefined : noSsh
}

const noSsh = "its sshd does not answer"

/** Whether an SSH server greets on this port of the loopback. */
export const speaksSsh = (port: number): Promise<boolean> =>
  new Promise((answer) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: 3000 })
    const end = (spoke: boolean) => {
      socket.destroy()
      answer(spoke)
    }
    socket.once("data", (data) => end(data.toString("latin1").startsWith("SSH-2.0-")))
    for (const event of ["error", "timeout", "close"]) socket.once(event, () => end(false))
  })

async function answers(host: string, wanted: Wanted): Promise<void> {
  let why: string | undefined = "it did not start"
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
    const there = await inspected(wanted)
    why = there ? await silence(host, there) : "its container is gone"
    if (why === undefined) return
    if (there?.state === "stopped") break
    // Its dockerd answers after its sshd was started: somebody killed that one.
    if (why === noSsh) await run([...inHost(host), "fairlead-demo-break", "mend"])
  }
  const { stdout, stderr } = await run(["docker", "logs", "--tail", "40", wanted.name])
  throw new Problem(`${host} is not up`, {
    why: `${why}; its log ends with:\n${lastLines(`${stdout}\n${stderr}`, 12)}`,
    fix: "mend what the last lines name; a host needs a Docker that may run privileged containers",
  })
}
