import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { Problem } from "../../dagger/lib/problem.ts"
import { duration } from "../../dagger/lib/report/text.ts"
import { aptInstall } from "./apt.ts"
import { run } from "./command.ts"
import { type DockerServer, type DockerState, dockerState, ownSocket } from "./docker-server.ts"
import { dockerd, startDocker } from "./dockerd.ts"
import { hasApt, type Machine, thisMachine } from "./machine.ts"
import { remember } from "./made.ts"
import type { Found, Part } from "./part.ts"

export { buildx, buildxPart } from "./buildx.ts"
export { type DockerServer, dockerServer } from "./docker-server.ts"

/** The container engine. One that answers is used as it is; else an installed one is started; else it is installed. */
export const dockerPart = (): Part => ({
  name: "engine",
  after: [],
  verb: "readied",
  look: async () => judged(await dockerState(), await thisMachine()),
  ready,
  // Others may have come to use it: only `clean --engine` removes it, see engineRemoval in clean.ts.
  remove: async () => [],
})

async function ready(say: (line: string) => void): Promise<void> {
  const [state, machine] = [await dockerState(), await thisMachine()]
  const found = judged(state, machine)
  if (found.state === "ready") return
  if (found.state === "unsuitable") throw new Problem(found.detail, { fix: found.fix })
  const way = wayTo(state, machine, dockerd() !== undefined)
  if ("fix" in way) throw new Problem(found.detail, { fix: way.fix })
  if (way.install) await installDocker(machine, say)
  else await refuseOld()
  const server = await startDocker(machine, say)
  const unsuitable = unsuitability(server)
  if (unsuitable) throw new Problem(unsuitable.detail, { fix: unsuitable.fix })
}

/** What the state of things means. */
export function judged(state: DockerState, machine: Machine): Found {
  if (state.is === "answering")
    return unsuitability(state.server) ?? { state: "ready", detail: described(state.server) }
  const way = wayTo(state, machine, dockerd() !== undefined)
  const detail = state.is === "absent" ? "no Docker on this machine" : `Docker does not answer: ${state.why}`
  if ("fix" in way) return { state: way.wrong ? "unsuitable" : "missing", detail, fix: way.fix }
  return { state: "missing", detail, fix: `\`fairlead setup\` ${way.install ? "installs" : "starts"} it` }
}

type Way = { install: boolean } | { fix: string; wrong?: boolean }

/** How a machine gets from a Docker that does not answer to one that does: by set-up, or by what a person does. */
export function wayTo(state: DockerState, machine: Machine, hasDaemon: boolean): Way {
  if (state.is === "silent") {
    if (state.endpoint === "podman") return { wrong: true, fix: `install Docker 23 or newer beside Podman: ${guide}` }
    if (state.endpoint !== ownSocket && !/^unix:\/\/\/run\/docker\.sock$/.test(state.endpoint)) {
      const named = process.env.DOCKER_HOST ? "DOCKER_HOST" : "the docker context"
      return { wrong: true, fix: `${named} points to ${state.endpoint}: start the Docker there, or unset it` }
    }
    if (/permission denied/i.test(state.why)) {
      return { wrong: true, fix: "sudo usermod -aG docker $USER and log in anew, or run this as root" }
    }
  }
  if (state.is === "absent" && process.env.DOCKER_HOST) {
    return { fix: `DOCKER_HOST is ${process.env.DOCKER_HOST}, and there is no docker client: install docker-cli` }
  }
  if (machine.platform === "darwin")
    return { fix: "install and start Docker Desktop, OrbStack or Colima, then run this again" }
  if (machine.platform !== "linux") return { fix: "run this inside WSL2, with Docker Desktop or Docker in it" }
  if (!machine.root) {
    if (hasDaemon) return { fix: machine.systemd ? "sudo systemctl start docker" : "start dockerd as root" }
    const desktop = machine.wsl ? "turn on WSL integration in Docker Desktop, or " : ""
    return { fix: `${desktop}run this once as root (sudo ./fairlead setup), or install Docker 23 or newer: ${guide}` }
  }
  if (!machine.capable) {
    return {
      fix: "this container has not the rights that Docker needs: run it with --privileged and a volume at /var/lib/docker",
    }
  }
  // A daemon without a client (Debian's docker.io only recommends docker-cli) is completed by the same packages.
  if (hasDaemon && state.is === "silent") return { install: false }
  if (hasApt(machine)) return { install: true }
  return {
    fix: `set-up installs Docker on Debian 12 and Ubuntu 22.04 or newer only, and this is ${machine.os.pretty}: ${guide}`,
  }
}

const guide = "https://docs.docker.com/engine/install/"

/** Why a Docker that answers is none to build with. */
export function unsuitability(server: DockerServer): Found | undefined {
  const wrong = (detail: string, fix: string): Found => ({ state: "unsuitable", detail, fix })
  if (server.os !== "linux")
    return wrong(`Docker runs ${server.os} containers`, "switch Docker Desktop to Linux containers")
  if (server.rootless) {
    return wrong(
      `Docker ${server.version} is rootless, which is not supported yet (BuildKit runs privileged)`,
      "use a Docker that runs as root: DOCKER_HOST=unix:///var/run/docker.sock, or docker context use default",
    )
  }
  if (isOld(server.version)) {
    return wrong(
      `Docker ${server.version} cannot read zstd layers`,
      `upgrade it to 23 or newer: ${guide} (Debian 12: remove docker.io, and \`fairlead setup\` installs 26 from trixie)`,
    )
  }
  if (server.store === "classic") {
    // Seen on 26.1: BuildKit there answers "unknown scheme oci-layout", and `docker load` finds no manifest.json.
    return wrong(
      `Docker ${server.version} keeps images in its classic store, which takes no OCI layouts and archives`,
      'turn its containerd image store on: {"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json, restart Docker (images made before are hidden meanwhile, not lost); Docker Desktop: Settings, General, "Use containerd for pulling and storing images"',
    )
  }
  return undefined
}

const isOld = (version: string): boolean => Number.parseInt(version, 10) < 23

const described = ({ version, store, cgroups }: DockerServer): string =>
  `Docker ${version}, ${store} image store${cgroups ? `, cgroup v${cgroups}` : ""}`

/** One that is installed but too old is not started: that would be of no use, and it is somebody else's. */
async function refuseOld(): Promise<void> {
  const { stdout } = await run([dockerd()!, "--version"])
  const version = /version (\S+?),/.exec(stdout)?.[1]
  if (!version || !isOld(version)) return
  throw new Problem(`the Docker ${version} that is installed cannot read zstd layers`, {
    fix: `upgrade it to 23 or newer: ${guide} (Debian 12: remove docker.io, and \`fairlead setup\` installs 26 from trixie)`,
  })
}

async function installDocker(machine: Machine, say: (line: string) => void): Promise<void> {
  const started = performance.now()
  say(`installing Docker from the packages of ${machine.os.pretty} …`)
  // The package starts the daemon where there is a service manager, so the configuration has to be there before.
  await aptInstall(machine, "engine", configure)
  say(`installed Docker in ${duration((performance.now() - started) / 1000)}`)
}

const configuration = "/etc/docker/daemon.json"
export const dataRoot = "/var/lib/docker"

/** Only the containerd image store takes OCI archives; a configuration that is there already is somebody's own. */
async function configure(): Promise<void> {
  if (!existsSync(dataRoot)) await remember({ dataRoot })
  if (existsSync(configuration)) return
  await remember({ files: [configuration] })
  await mkdir(dirname(configuration), { recursive: true })
  await writeFile(configuration, `${JSON.stringify({ features: { "containerd-snapshotter": true } })}\n`)
}
