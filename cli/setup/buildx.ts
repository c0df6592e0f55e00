import { homedir } from "node:os"
import { join } from "node:path"
import { Problem } from "../../dagger/lib/problem.ts"
import { aptInstall, installed } from "./apt.ts"
import { isExecutable, must, run } from "./command.ts"
import { dockerServer } from "./docker-server.ts"
import { hasApt, thisMachine } from "./machine.ts"
import type { Found, Part } from "./part.ts"

/** Docker's client for BuildKit. */
export const buildxPart = (): Part => ({
  name: "buildx",
  after: ["engine"],
  verb: "installed",
  look,
  ready,
  // Its package is the container engine's matter: `clean --engine`.
  remove: async () => [],
})

/**
 * How buildx is called. A docker client put there by hand may look for plugins elsewhere than the distribution's package
 * puts them, but the plugin is a program of its own.
 */
export async function buildx(): Promise<[string, ...string[]]> {
  const server = await dockerServer()
  const plugin = server?.buildx ? undefined : pluginPath()
  return plugin ? [plugin] : ["docker", "buildx"]
}

// The client's own list: docker/cli, cli-plugins/manager/manager_unix.go; the last two are what distributions use.
const pluginFolders = [
  join(process.env.DOCKER_CONFIG ?? join(homedir(), ".docker"), "cli-plugins"),
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
]

const pluginPath = (): string | undefined =>
  pluginFolders.map((folder) => join(folder, "docker-buildx")).find(isExecutable)

async function look(): Promise<Found> {
  const server = await dockerServer()
  if (server?.buildx) return { state: "ready", detail: server.buildx, short: "" }
  const plugin = pluginPath()
  if (plugin) {
    const { exitCode, stdout } = await run([plugin, "version"], { timeoutSeconds: 10 })
    if (exitCode === 0) return { state: "ready", detail: `${stdout.trim()} (${plugin})`, short: "" }
  }
  return { state: "missing", detail: "docker knows no buildx", fix: `\`fairlead setup\` as root, or ${byHand}` }
}

const byHand =
  "install it: docker-buildx of Debian (from trixie on) or Ubuntu, docker-buildx-plugin of Docker's own repository; Docker Desktop has it"

async function ready(say: (line: string) => void): Promise<void> {
  const machine = await thisMachine()
  if (!hasApt(machine) || !machine.root) throw new Problem("docker knows no buildx", { fix: byHand })
  say("installing docker-buildx …")
  if (await installed("docker-ce")) {
    await must(
      "apt-get could not install docker-buildx-plugin",
      ["apt-get", "install", "--yes", "docker-buildx-plugin"],
      {
        env: { DEBIAN_FRONTEND: "noninteractive" },
        fix: byHand,
      },
    )
  } else await aptInstall(machine, "buildx")
}
