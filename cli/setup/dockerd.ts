import { spawn } from "node:child_process"
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs"
import { readFile, stat } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { lastLines } from "../../dagger/lib/engine/engine.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { inHome, stateFolder } from "../state.ts"
import { mountCgroups } from "./cgroups.ts"
import { onPath, run, sbin } from "./command.ts"
import { type DockerServer, dockerServer } from "./docker-server.ts"
import type { Machine } from "./machine.ts"
import { made, remember } from "./made.ts"
import { type Life, lifeOf, lives } from "./process.ts"

type Say = (line: string) => void

/** The daemon's program, if this machine has one: a package's, or one put there by hand. */
export const dockerd = (): string | undefined => onPath("dockerd", sbin)

/** Starts the installed daemon and waits until it answers: by systemd where that runs, else as a process of its own. */
export async function startDocker(machine: Machine, say: Say): Promise<DockerServer> {
  const started = performance.now()
  const server = machine.systemd && (await hasUnit()) ? await startUnit() : await startProcess(say)
  say(`started Docker ${server.version} in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  return server
}

async function hasUnit(): Promise<boolean> {
  return (await run(["systemctl", "cat", "docker.service"])).exitCode === 0
}

async function startUnit(): Promise<DockerServer> {
  const { exitCode } = await run(["systemctl", "start", "docker"], { timeoutSeconds: 120 })
  const server = exitCode === 0 ? await answers(30) : undefined
  if (server) return server
  const { stdout } = await run(["journalctl", "--unit", "docker", "--lines", "15", "--no-pager", "--output", "cat"])
  throw new Problem("Docker did not start", {
    why: `systemctl start docker exited ${exitCode}; last lines of its journal:\n${lastLines(stdout)}`,
    fix: fixFor(stdout),
  })
}

/** Its log and its process number stay in the state folder. It outlives this run, as any daemon does. */
async function startProcess(say: Say): Promise<DockerServer> {
  // A package's own start script, or somebody else, may just have started it.
  const early = runningDaemon() && (await answers(20))
  if (early) return early
  await mountCgroups(say)
  await stateFolder()
  const log = inHome("dockerd.log")
  const from = (await stat(log).catch(() => undefined))?.size ?? 0
  const life = spawnDaemon(log)
  await remember({ daemon: life })
  const server = await answers(60, () => lives(life) !== false)
  if (server) return server
  const said = (await readFile(log)).subarray(from).toString("utf8")
  await stopDaemon()
  throw new Problem("dockerd did not start", {
    why: `its log ${log} ends with:\n${lastLines(said, 8)}`,
    fix: fixFor(said),
  })
}

function spawnDaemon(log: string): Life {
  removeStalePid()
  const output = openSync(log, "a", 0o600)
  const child = spawn(dockerd()!, [], { detached: true, stdio: ["ignore", output, output], cwd: "/" })
  child.on("error", () => {})
  child.unref()
  closeSync(output)
  const life = child.pid === undefined ? undefined : lifeOf(child.pid)
  if (!life) throw new Problem(`${dockerd()} could not be run`, { fix: "reinstall the package it belongs to" })
  return life
}

const pidFile = "/var/run/docker.pid"

/** The daemon that the usual pid file names, if it runs. */
function runningDaemon(): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, "utf8"))
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "dockerd" ? pid : undefined
  } catch {
    return undefined
  }
}

/** dockerd refuses to start when any process has the number that a killed one left there; a restarted container often has one. */
function removeStalePid(): void {
  if (existsSync(pidFile) && runningDaemon() === undefined) rmSync(pidFile, { force: true })
}

async function answers(seconds: number, worthWaiting: () => boolean = () => true): Promise<DockerServer | undefined> {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; await sleep(200)) {
    const server = await dockerServer()
    if (server || !worthWaiting()) return server
  }
  return undefined
}

/** Stops the daemon that set-up started itself, if it still is that one. Answers whether it was. */
export async function stopDaemon(): Promise<boolean> {
  const { daemon } = await made()
  if (!daemon || lives(daemon) !== true) return false
  process.kill(daemon.pid, "SIGTERM")
  for (const deadline = Date.now() + 30_000; lives(daemon) === true; await sleep(100)) {
    if (Date.now() > deadline) process.kill(daemon.pid, "SIGKILL")
  }
  return true
}

/** What the daemon's own words most often mean. */
export function fixFor(log: string): string {
  if (/iptables|nftables|nf_tables|NAT chain/i.test(log)) {
    return "Docker needs iptables: in a container run it with --privileged; on a kernel without nf_tables: update-alternatives --set iptables /usr/sbin/iptables-legacy"
  }
  if (/cgroup/i.test(log))
    return "control groups are not usable here: in a container run it with --privileged --cgroupns=private"
  if (/operation not permitted|permission denied|unshare|must be root/i.test(log)) {
    return "this place does not allow namespaces or mounts: in a container run it with --privileged, else use a virtual machine"
  }
  if (/no space left/i.test(log)) return "make room on the disk, then run this again"
  if (/containerd/i.test(log) && /timeout|connection refused|failed to dial/i.test(log)) {
    return "remove the stale socket /run/containerd/containerd.sock if no containerd runs, then run this again"
  }
  return "mend what the last lines name, or point DOCKER_HOST at a Docker that runs"
}
