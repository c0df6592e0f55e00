import { setTimeout as sleep } from "node:timers/promises"
import { lastLines } from "../../dagger/lib/engine/engine.ts"
import { Problem, wrongInput } from "../../dagger/lib/problem.ts"
import { dockerName } from "../instance.ts"
import { label } from "../state.ts"
import { must, run } from "./command.ts"
import { networkName } from "./network.ts"
import type { Found, Part } from "./part.ts"

export interface RegistryOptions {
  /** Docker's name for an image that runs a registry on its port 5000 and keeps its data in /var/lib/registry. */
  image: () => string | Promise<string>
  /** The parts that make that image. */
  after?: readonly string[]
}

export const registryContainer = dockerName("registry")
export const registryVolume = dockerName("registry")
const imageLabel = `${label}.image`

/** Where the embedded registry is reached from this machine, and from no other. */
export const registryAddress = (): string => `127.0.0.1:${registryPort()}`

function registryPort(): number {
  const text = process.env.FAIRLEAD_REGISTRY_PORT || "5000"
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535) return Number(text)
  throw wrongInput(`${text} is not a port`, { where: "FAIRLEAD_REGISTRY_PORT", fix: "give a number from 1 to 65535" })
}

/** The embedded registry: one container, on loopback only. A registry that somebody else runs on that port is used as it is. */
export const registryPart = ({ image, after = [] }: RegistryOptions): Part => ({
  name: "registry",
  after: ["engine", "network", ...after],
  verb: "started",
  look: async () => judged(await ping(registryAddress()), await embeddedContainer(), await image()),
  ready: async (say) => readyRegistry(await image(), say),
  remove,
})

/** What answers on the port. */
export type Answer = "registry" | "login" | "other" | "nothing"

export interface RegistryContainer {
  running: boolean
  image: string
  /** host:port as published. */
  published: string
  /** Made by Fairlead. */
  ours: boolean
}

/** A registry says so by a header, or by an empty JSON object; a web server that answers 200 to anything does neither. */
export async function ping(address: string): Promise<Answer> {
  const late = new AbortController()
  // Not AbortSignal.timeout: its timer keeps nothing alive, and neither does a connection that Node 20 holds to a registry
  // that is just coming up; the process then ended in the middle of waiting, with exit code 0.
  const timer = setTimeout(() => late.abort(), 3000)
  try {
    const answer = await fetch(`http://${address}/v2/`, { signal: late.signal, redirect: "manual" })
    const declared = answer.headers.get("docker-distribution-api-version") === "registry/2.0"
    if (answer.status === 401 && declared) return "login"
    if (answer.status !== 200) return "other"
    return declared || (await answer.text()).trim() === "{}" ? "registry" : "other"
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code
    return cause === "ECONNREFUSED" || cause === "ECONNRESET" ? "nothing" : "other"
  } finally {
    clearTimeout(timer)
  }
}

/** What the answer on the port and the container mean together. */
export function judged(answer: Answer, container: RegistryContainer | undefined, image: string): Found {
  const address = registryAddress()
  const short = `registry ${address}`
  const ours = container?.ours && container.running && container.published === address
  if (answer === "registry" && ours) {
    if (container.image === image)
      return { state: "ready", detail: `${address}, container ${registryContainer}`, short }
    return {
      state: "missing",
      detail: `${address} runs an older image`,
      fix: "`fairlead setup` renews it, its data stays",
    }
  }
  if (answer === "registry") return { state: "ready", detail: `${address}, not Fairlead's own, used as it is`, short }
  if (answer === "login")
    return { state: "unsuitable", detail: `the registry on ${address} wants a login`, fix: elsewhere }
  if (answer === "other" && !ours) {
    return { state: "unsuitable", detail: `${address} is taken by something that is not a registry`, fix: elsewhere }
  }
  return { state: "missing", detail: `nothing answers on ${address}`, fix: "`fairlead setup` starts it" }
}

const elsewhere =
  "set FAIRLEAD_REGISTRY_PORT to a free port, or FAIRLEAD_REGISTRY to a registry you have (on macOS, AirPlay Receiver takes port 5000)"

async function readyRegistry(image: string, say: (line: string) => void): Promise<void> {
  const there = await embeddedContainer()
  const found = judged(await ping(registryAddress()), there, image)
  if (found.state === "ready") return
  if (found.state === "unsuitable") throw new Problem(found.detail, { fix: found.fix })
  if (there && !there.ours) {
    throw new Problem(`a container ${registryContainer} is there that Fairlead did not make`, {
      fix: `rename or remove it: docker rename ${registryContainer} …`,
    })
  }
  if (there?.image === image && there.published === registryAddress()) await start()
  else await create(image, there !== undefined)
  await answers()
  say(`registry answers on ${registryAddress()}`)
}

const start = () =>
  must("the embedded registry did not start", ["docker", "start", registryContainer], { fix: elsewhere })

/** For whoever stopped it. Its data and its address are what they were. */
export async function startAgain(): Promise<void> {
  await start()
  await answers()
}

/** Steps reach it in Docker's network as registry:PORT, so it listens on the very port that this machine knows. */
async function create(image: string, replace: boolean): Promise<void> {
  if (replace) await must("the old embedded registry stays", ["docker", "rm", "--force", registryContainer])
  await must("Docker could not make a volume for the embedded registry", [
    "docker",
    "volume",
    "create",
    "--label",
    `${label}=1`,
    registryVolume,
  ])
  const argv = [
    "docker", "run", "--detach", "--name", registryContainer, "--label", `${label}=1`, "--label", `${imageLabel}=${image}`,
    "--network", networkName, "--network-alias", "registry", "--publish", `${registryAddress()}:${registryPort()}`, "--env", `REGISTRY_HTTP_ADDR=:${registryPort()}`,
    "--mount", `type=volume,src=${registryVolume},dst=/var/lib/registry`, "--restart", "unless-stopped", "--pull", "never",
    "--security-opt", "no-new-privileges", "--log-opt", "max-size=10m", image,
  ] as const // biome-ignore format: one option per line would hide the shape of the command
  await must("the embedded registry did not start", argv, { fix: elsewhere })
}

async function answers(): Promise<void> {
  let runs = true
  for (const deadline = Date.now() + 30_000; runs && Date.now() < deadline; await sleep(100)) {
    if ((await ping(registryAddress())) === "registry") return
    runs = (await embeddedContainer())?.running ?? false
  }
  const { stdout, stderr } = await run(["docker", "logs", "--tail", "5", registryContainer])
  throw new Problem(`the embedded registry ${runs ? "runs, and does not answer" : "ended"} on ${registryAddress()}`, {
    why: `its log ends with:\n${lastLines(`${stdout}\n${stderr}`, 5)}`,
    fix: runs ? otherLoopback : `mend what the last lines name; \`docker logs ${registryContainer}\` has them all`,
  })
}

const otherLoopback =
  "where Docker runs on another machine or outside of this container, its loopback is not this one's: set FAIRLEAD_REGISTRY to a registry that both reach"

export async function embeddedContainer(): Promise<RegistryContainer | undefined> {
  const { exitCode, stdout } = await run(["docker", "container", "inspect", registryContainer])
  if (exitCode !== 0) return undefined
  const [{ State, Config, HostConfig }] = JSON.parse(stdout) as [Inspected]
  const [binding] = Object.values(HostConfig.PortBindings ?? {})[0] ?? []
  return {
    running: State.Running,
    image: Config.Labels?.[imageLabel] ?? Config.Image,
    published: binding ? `${binding.HostIp}:${binding.HostPort}` : "",
    ours: Config.Labels?.[label] === "1",
  }
}

/** `docker container inspect`, as far as it matters. */
interface Inspected {
  State: { Running: boolean }
  Config: { Image: string; Labels?: Record<string, string> }
  HostConfig: { PortBindings?: Record<string, { HostIp: string; HostPort: string }[] | null> }
}

/** The container and every image in it: the volume is Fairlead's, whatever was pushed there. */
async function remove(): Promise<string[]> {
  const removed: string[] = []
  if ((await embeddedContainer())?.ours) {
    await must("the embedded registry stays", ["docker", "rm", "--force", registryContainer])
    removed.push(`container ${registryContainer}`)
  }
  const { exitCode, stdout } = await run([
    "docker",
    "volume",
    "inspect",
    "--format",
    `{{index .Labels "${label}"}}`,
    registryVolume,
  ])
  if (exitCode === 0 && stdout.trim() === "1") {
    await must(`the volume ${registryVolume} stays`, ["docker", "volume", "rm", registryVolume])
    removed.push(`volume ${registryVolume}`)
  }
  return removed
}
