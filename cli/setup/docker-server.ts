import { existsSync } from "node:fs"
import { hostname } from "node:os"
import { onPath, run } from "./command.ts"

/** A Docker daemon that answers, as the docker client of this machine reaches it. */
export interface DockerServer {
  version: string
  /** "linux", "windows". */
  os: string
  arch: string
  /** Only the containerd store takes OCI archives with zstd layers by `docker load`. */
  store: "containerd" | "classic"
  rootDir: string
  /** Its data folder is one of this machine's, and not of another host, a container or a virtual machine. */
  local: boolean
  rootless: boolean
  cgroups: string
  /** The version of buildx that the client knows as its plugin. */
  buildx?: string
}

export type DockerState =
  | { is: "answering"; server: DockerServer }
  | { is: "silent"; why: string; endpoint: string }
  | { is: "absent" }

export const ownSocket = "unix:///var/run/docker.sock"

/** The daemon, if one answers. */
export async function dockerServer(): Promise<DockerServer | undefined> {
  const state = await dockerState()
  return state.is === "answering" ? state.server : undefined
}

export async function dockerState(): Promise<DockerState> {
  if (!onPath("docker")) return { is: "absent" }
  const { exitCode, stdout, stderr, why } = await run(["docker", "info", "--format", "{{json .}}"], {
    timeoutSeconds: 15,
  })
  const info = parsed(stdout)
  if (info?.ServerVersion && !info.ServerErrors?.length) return { is: "answering", server: serverOf(info) }
  if (info?.host) return { is: "silent", why: "docker on this machine is Podman", endpoint: "podman" }
  const said = why ?? info?.ServerErrors?.[0] ?? stderr.trim().split("\n").at(-1)
  return { is: "silent", why: said || `docker info exited ${exitCode}`, endpoint: await endpoint() }
}

/** `docker info`, as far as it matters. */
interface DockerInfo {
  ServerVersion?: string
  ServerErrors?: string[]
  OSType?: string
  Architecture?: string
  DriverStatus?: [string, string][]
  DockerRootDir?: string
  Name?: string
  SecurityOptions?: string[]
  CgroupVersion?: string
  ClientInfo?: { Plugins?: { Name: string; Version?: string; Err?: string }[] | null }
  /** Podman's own form. */
  host?: unknown
}

function parsed(stdout: string): DockerInfo | undefined {
  try {
    return JSON.parse(stdout) as DockerInfo
  } catch {
    return undefined
  }
}

function serverOf(info: DockerInfo): DockerServer {
  const rootDir = info.DockerRootDir ?? "/var/lib/docker"
  const containerd = info.DriverStatus?.some(
    ([key, value]) => key === "driver-type" && value.startsWith("io.containerd."),
  )
  return {
    version: info.ServerVersion!,
    os: info.OSType ?? "linux",
    arch: info.Architecture ?? "",
    store: containerd ? "containerd" : "classic",
    rootDir,
    local: process.platform === "linux" && info.Name === hostname() && existsSync(rootDir),
    rootless: info.SecurityOptions?.some((each) => each.includes("rootless")) ?? false,
    cgroups: info.CgroupVersion ?? "",
    buildx: info.ClientInfo?.Plugins?.find(({ Name, Err }) => Name === "buildx" && !Err)?.Version,
  }
}

/** Where the client looks for the daemon. */
async function endpoint(): Promise<string> {
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST
  const { stdout } = await run(["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], {
    timeoutSeconds: 5,
  })
  return /^[a-z]+:\/\/\S+$/.exec(stdout.trim())?.[0] ?? ownSocket
}
