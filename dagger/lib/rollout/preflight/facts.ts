import { readFileSync } from "node:fs"
import { z } from "zod"
import { type CudaCall, cudaCalled } from "../../gates/cuda.ts"
import { probeText } from "../../gates/probe.ts"
import { Problem } from "../../problem.ts"
import type { HostShell } from "../host/shell.ts"

/** What was seen on a host; nothing here is judged yet. */
export interface HostFacts {
  user: string
  /** systemd ends what a login of this user left running, as KillUserProcesses of its logind.conf says. */
  endsWithLogin: boolean
  /** Windows' Linux: some of what a host has is Windows' there. */
  wsl: boolean
  /** A host of the demo yard: its GPU is a stand-in. */
  demo: boolean
  docker: DockerFacts | { error: string }
  /** Where Docker keeps images; undefined where nobody could ask. */
  disk?: { folder: string; freeBytes: number }
  gpus: { driver: string; name: string }[] | { error: string }
  /** The program of NVIDIA's container toolkit that was found. */
  toolkit?: string
  /** What a CUDA call in a container answered: the GPUs, or why not. Undefined where no image of the fleet is there. */
  cuda?: CudaCall
  sound: ("snd" | "pulse")[]
  /** TCP ports on which something listens. */
  listens: number[]
  /** What the registry answered, as an HTTP status; 0 for no answer, undefined where it was not asked. */
  registry?: number
  /** The same of the mirror in fleet.yaml; `plain` is what it answered without TLS, where it did not answer with it. */
  mirror?: { status?: number; plain?: number }
  /** Whether the host could be given a way to a registry on the deployer's loopback; undefined where nobody tried. */
  way?: { open: true } | { open: false; why: string; fix?: string }
  /** Docker on the host has credentials for the registry. */
  login: boolean
  /** How far the host's clock is ahead of this machine's, at least and at most. */
  clock: { leastSeconds: number; mostSeconds: number }
}

export interface DockerFacts {
  version: string
  compose?: string
  store: "containerd" | "classic"
  /** Digests of the images that are there. */
  images: string[]
  containers: Container[]
  /** What each container of this fleet runs, and whether the image is still there. */
  back: BackImage[]
  /** What was good together after the last rollout. */
  deployed: { ref: string; present: boolean; pullable?: boolean }[]
}

export interface BackImage {
  service: string
  /** As Docker numbers it. */
  image: string
  /** As the container was made from: with a digest where Fairlead made it. */
  ref: string
  present: boolean
  /** The registry has it still; undefined where nobody asked. */
  pullable?: boolean
}

export interface Container {
  name: string
  state: string
  /** Ports that it holds on the host. */
  ports: number[]
  /** Its labels; "" where it has none. */
  fleet: string
  service: string
}

/**
 * Asks a host for everything, by one script and one look at its clock. `registry` is a host name, "" for none; `mirror`
 * likewise; `gpu` asks for a call to the GPU in a container.
 */
export async function lookAtHost(
  shell: HostShell,
  host: string,
  { fleet, registry, gpu = false, mirror = "" }: { fleet: string; registry: string; gpu?: boolean; mirror?: string },
): Promise<HostFacts> {
  const input = text("./facts.sh")
  const argv = ["sh", "-s", "--", fleet, registry, gpu ? probeText("cuda_call.py") : "", mirror] as const
  // Each call to Docker is given up after 15 s by the script itself, the one with a GPU after 60.
  const ran = await shell.run(host, argv, { input, timeoutSeconds: 240 })
  const clock = await lookAtClock(shell, host)
  return { ...readFacts(ran.stdout, host), clock }
}

/** The connection is open by now, so the round trip is short; what is left of it is the answer's uncertainty. */
async function lookAtClock(shell: HostShell, host: string): Promise<HostFacts["clock"]> {
  const before = Date.now() / 1000
  const { stdout } = await shell.run(host, ["date", "+%s"], { timeoutSeconds: 20 })
  const after = Date.now() / 1000
  if (!/^\d{1,12}$/.test(stdout.trim())) throw unreadable(host, "date gave no number")
  const seconds = Number(stdout.trim())
  // `date` cut the fraction off.
  return { leastSeconds: seconds - after, mostSeconds: seconds + 1 - before }
}

const text = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8")

const value = z.string().max(300)
const one = z.tuple([value])
const pairs = (pattern: RegExp) => z.array(value.regex(pattern)).max(3000)

const status = z.tuple([z.union([z.literal("unasked"), z.string().regex(/^\d{3}$/)])]).optional()

const factsSchema = z.strictObject({
  user: one,
  "logind-ends": one.optional(),
  wsl: one.optional(),
  demo: one.optional(),
  docker: z.tuple([value.regex(/^\d+\.\d+/)]).optional(),
  "docker-error": one.optional(),
  compose: one.optional(),
  store: z.tuple([z.enum(["containerd", "classic"])]).optional(),
  image: pairs(/^sha256:[0-9a-f]{64}$/).default([]),
  container: pairs(/^[^|]+\|[^|]*\|[^|]*\|[^|]*\|/).default([]),
  back: pairs(/^(present|gone)\|sha256:[0-9a-f]{64}\|[^|]*\|/).default([]),
  deployed: pairs(/^(present|gone)\|[A-Za-z0-9][A-Za-z0-9._:/@-]*$/).default([]),
  disk: z.tuple([value.regex(/^\d+\|\//)]).optional(),
  gpu: pairs(/^\d{1,4}(\.\d{1,4}){0,2}, .+$/).default([]),
  "gpu-error": one.optional(),
  toolkit: one.optional(),
  cuda: one.optional(),
  sound: z.array(z.enum(["snd", "pulse"])).default([]),
  listens: pairs(/^[0-9A-F]{4}$/).default([]),
  registry: status,
  mirror: status,
  "mirror-plain": status,
  login: one.optional(),
})

/** Reads what facts.sh wrote. What a login shell says before it is passed over; anything else that is odd is refused. */
export function readFacts(stdout: string, host: string): Omit<HostFacts, "clock"> {
  const all = stdout.split("\n").map((line) => line.replace(/\r$/, ""))
  const lines = all.slice(all.indexOf("fairlead-preflight=1") + 1)
  if (lines.length > all.length - 1 || !all.includes("fairlead-preflight=1")) throw unreadable(host, "it never began")
  const end = lines.indexOf("end=1")
  if (end < 0) throw unreadable(host, "it was cut off")
  const found = new Map<string, string[]>()
  for (const line of lines.slice(0, end)) {
    const [, name, value] = /^([a-z-]+)=(.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw unreadable(host, `a line is no fact: ${JSON.stringify(line)}`)
    found.set(name, [...(found.get(name) ?? []), value])
  }
  const parsed = factsSchema.safeParse(Object.fromEntries(found))
  if (!parsed.success) throw unreadable(host, z.prettifyError(parsed.error))
  return shaped(parsed.data)
}

function shaped(facts: z.infer<typeof factsSchema>): Omit<HostFacts, "clock"> {
  const [disk] = facts.disk ?? []
  const [registry, mirror, plain] = [facts.registry, facts.mirror, facts["mirror-plain"]].map(statusIn)
  return {
    user: facts.user[0],
    endsWithLogin: facts["logind-ends"] !== undefined && !facts["logind-ends"][0].includes(`"${facts.user[0]}"`),
    wsl: facts.wsl !== undefined,
    demo: facts.demo !== undefined,
    docker: dockerOf(facts),
    ...(disk && { disk: { folder: disk.slice(disk.indexOf("|") + 1), freeBytes: Number.parseInt(disk, 10) * 1024 } }),
    gpus: facts.gpu.length > 0 ? facts.gpu.map(gpuOf) : { error: facts["gpu-error"]?.[0] ?? "nvidia-smi listed none" },
    ...(facts.toolkit && { toolkit: facts.toolkit[0] }),
    ...(facts.cuda && { cuda: cudaCalled(facts.cuda[0]) }),
    sound: facts.sound,
    listens: facts.listens.map((port) => Number.parseInt(port, 16)),
    ...(registry !== undefined && { registry }),
    ...(facts.mirror && {
      mirror: { ...(mirror !== undefined && { status: mirror }), ...(plain !== undefined && { plain }) },
    }),
    login: facts.login !== undefined,
  }
}

const statusIn = (told: z.infer<typeof status>): number | undefined =>
  told === undefined || told[0] === "unasked" ? undefined : Number(told[0])

function dockerOf(facts: z.infer<typeof factsSchema>): HostFacts["docker"] {
  const [version] = facts.docker ?? []
  if (version === undefined) return { error: facts["docker-error"]?.[0] || "docker said nothing" }
  return {
    version,
    ...(facts.compose?.[0] && { compose: facts.compose[0] }),
    store: facts.store?.[0] ?? "classic",
    images: facts.image,
    containers: facts.container.map((line) => {
      const [name = "", state = "", ports = "", fleet = "", ...service] = line.split("|")
      return { name, state, ports: portsOf(ports), fleet, service: service.join("|") }
    }),
    back: facts.back.map((line) => {
      const [state, image = "", ref = "", ...service] = line.split("|")
      return { service: service.join("|"), image, ref, present: state === "present" }
    }),
    deployed: facts.deployed.map((line) => {
      const [state, ref = ""] = line.split("|")
      return { ref, present: state === "present" }
    }),
  }
}

function gpuOf(line: string): { driver: string; name: string } {
  const [driver = "", ...name] = line.split(", ")
  return { driver, name: name.join(", ") }
}

/** "0.0.0.0:7200-7201->7200-7201/tcp, [::]:7200-7201->…, 80/tcp": the ones on the host. */
function portsOf(text: string): number[] {
  const ports = [...text.matchAll(/:(\d{1,5})(?:-(\d{1,5}))?->[\d-]+\/tcp/g)].flatMap(([, first, last = first]) => {
    const from = Number(first)
    const length = Math.min(Math.max(Number(last) - from + 1, 1), 1000)
    return Array.from({ length }, (_, index) => from + index)
  })
  return [...new Set(ports)]
}

const unreadable = (host: string, why: string): Problem =>
  new Problem("what it answered to preflight cannot be read", {
    where: host,
    why,
    fix: `log in as fairlead does and run \`sh\`: a login shell on ${host} must not be anything else than a POSIX shell`,
  })
