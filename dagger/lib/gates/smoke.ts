import { readFileSync } from "node:fs"
import { z } from "zod"
import { type Artifact, type Engine, harmless, type Step } from "../engine/engine.ts"
import { type App, appSchema } from "../fleet/app.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { imageNamed, usesGpu } from "../fleet/hierarchy.ts"
import { cudaCalled } from "./cuda.ts"
import type { Gate, Image } from "./gate.ts"
import { originOf } from "./origin.ts"
import { answered, imagesFolder, probe, shaped } from "./probe.ts"
import { CouldNotLook, type Finding, judge } from "./verdict.ts"

const count = z.int().nonnegative()
const seconds = z.number().nonnegative()

const factsSchema = z.strictObject({
  schema: z.literal(1),
  /** Of the image that was started. */
  digest: z.string(),
  /** Why it could not be started at all; null when it was. */
  refused: z.string().nullable(),
  /** The last answer of the health port; null when the container ended before it was asked. */
  health: z.strictObject({ status: z.int().nullable(), body: z.string(), error: z.string().nullable() }).nullable(),
  /** When it was healthy. */
  processes: z.array(
    z.strictObject({
      pid: z.int().positive(),
      program: z.string(),
      command: z.array(z.string()),
      uids: z.array(count).min(1),
      gids: z.array(count).min(1),
      groups: z.array(count),
      capabilities: count,
      noNewPrivileges: z.boolean(),
    }),
  ),
  /** What is other than in the image, as podman tells it. */
  changed: z.array(z.string()),
  temporary: z.array(z.string()),
  /** Files and folders in /app that the service's user cannot read; null where nobody looked. */
  unreadable: z.strictObject({ count, examples: z.array(z.string()) }).nullable(),
  /** null when it never ran. */
  exitCode: z.int().nullable(),
  /** Whether SIGTERM was not enough; null when it ended by itself. */
  killed: z.boolean().nullable(),
  seconds: z.strictObject({ unpack: seconds, healthy: seconds.nullable(), stop: seconds.nullable() }),
  /** GPU families: what the call to the GPU said; null where the machine that builds has none to call. */
  cuda: z.string().nullable().optional(),
  log: z.array(z.string()),
})

export type SmokeFacts = z.infer<typeof factsSchema>

// A service that needs longer than this to say that it is up, on a loopback and without work, is not up.
const mostHealthySeconds = 30

/**
 * Starts the image as it will run: root read only, no capabilities, its own user and entrypoint. An app image runs its own
 * app, a family the fleet's app `reference`; where there is none, the first service of `fairlead init`, which needs Python only.
 */
export const smokeStep = (subject: Image, fleet: Fleet, engine: Engine): Step => {
  const own = imageNamed(fleet, subject.family)?.app
  const app = (own === undefined ? fleet.apps.reference : fleet.apps[own]) ?? hello
  const { healthPath, stopSeconds } = fleet.policy.image
  const gpus = usesGpu(fleet, subject.family)
  return {
    name: `start ${subject.family}`,
    image: "toolbox:run",
    privileged: true,
    gpus,
    scratch: ["/var/lib/containers"],
    shared: imagesFolder(fleet, subject.family),
    argv: [
      "python3", "-I", "-B", "/fairlead/probe.py",
      "--archive=/in/image.tar",
      ...(own === undefined ? ["--app=/in/app"] : []),
      ...(gpus ? ["--cuda-call=/fairlead/cuda_call.py", ...archs(fleet).map((each) => `--gpu=${each}`)] : []),
      `--port-env=${app.portEnv}`,
      `--health-port-env=${app.healthPortEnv}`,
      `--health-path=${healthPath}`,
      `--healthy-seconds=${Math.min(mostHealthySeconds, fleet.policy.rollout.healthySeconds)}`,
      `--stop-seconds=${stopSeconds}`,
      ...Object.entries(app.env).map(([name, value]) => `--env=${name}=${value}`),
      ...app.tmpfs.map((path) => `--tmpfs=${path}`),
      ...Object.values(app.volumes).map((path) => `--empty-volume=${path}`),
      "--", ...app.command,
    ], // biome-ignore format: one argument per line would hide the shape of the command
    inputs: {
      "/fairlead/probe.py": probe(engine, "smoke_probe.py"),
      ...(gpus ? { "/fairlead/cuda_call.py": probe(engine, "cuda_call.py") } : {}),
      "/in/image.tar": subject.archive,
      ...(own === undefined ? code(app, engine) : {}),
    },
  }
}

const archs = ({ hosts }: Fleet): string[] => [...new Set(Object.values(hosts).flatMap(({ gpu }) => gpu?.arch ?? []))]

const hello = appSchema.parse({ command: ["python", "/app/main.py"] })

const code = ({ path }: App, engine: Engine): Record<string, Artifact> =>
  path === undefined
    ? { "/in/app/main.py": engine.file("main.py", readFileSync(helloFile, "utf8")) }
    : { "/in/app": engine.local(path) }

const helloFile = new URL("../../templates/fleet/apps/hello/main.py", import.meta.url)

export const smoke: Gate<SmokeFacts> & { readonly name: "smoke" } = {
  name: "smoke",
  async look({ subject, rules, engine }) {
    const step = smokeStep(subject, rules.fleet, engine)
    const facts = answered(step.name, await engine.run(step), factsSchema)
    if (facts.digest !== subject.digest) {
      throw new CouldNotLook(
        `smoke: ${facts.digest} was started instead of ${subject.digest}`,
        "build the family again",
      )
    }
    const free = facts.processes.find(({ capabilities, noNewPrivileges }) => capabilities !== 0 || !noNewPrivileges)
    if (free) throw new CouldNotLook(`smoke: the image was not started as it will run: ${free.program} had privileges`)
    return { ...facts, ...(facts.cuda ? { cuda: harmless(facts.cuda) } : {}), log: facts.log.map(harmless) }
  },
  judge(facts, rules) {
    const findings = [
      ...startFindings(facts, rules.fleet),
      ...processFindings(facts, rules.fleet),
      ...stopFindings(facts, rules.fleet),
      ...cudaFindings(facts),
    ]
    const origin = originOf(rules)
    const last = facts.log.slice(-5).join(" | ")
    const told = findings.map((finding) => ({
      ...finding,
      where: origin.set(finding.what.startsWith("user: ") ? "USER" : "ENTRYPOINT") ?? origin.file(),
      evidence: finding.evidence ?? (last ? `last lines: ${last}` : undefined),
    }))
    return {
      ...judge(facts, told),
      ...(facts.cuda === null ? { notes: [noGpu] } : {}),
      brief: facts.seconds.healthy === null ? undefined : `${facts.seconds.healthy.toFixed(1)} s`,
    }
  },
  recall: (stored) => shaped("smoke", stored, factsSchema),
}

function startFindings(
  { refused, health, exitCode, killed, seconds, log, unreadable }: SmokeFacts,
  fleet: Fleet,
): Finding[] {
  const { healthPath } = fleet.policy.image
  if (refused !== null)
    return [
      {
        what: `start: the image does not start: ${harmless(refused)}`,
        fix: "see the contract gate about the entrypoint",
      },
    ]
  if (killed === null) {
    return [
      {
        what: `start: the container ended by itself with exit code ${exitCode}`,
        fix: "run `fairlead smoke -v` to see its log",
      },
    ]
  }
  const found: Finding[] = []
  if (seconds.healthy === null) {
    const saw = health?.error ?? `${health?.status} ${JSON.stringify(harmless(health?.body.slice(0, 200) ?? ""))}`
    found.push({
      what: `health: GET ${healthPath} answers ${saw}, the blueprint wants 200 {"status":"ok"}`,
      fix: "the entrypoint has to start the command at once, whatever the observability receiver does",
    })
  }
  const refusedWrites = log.filter((line) => /read-only file system/i.test(line))
  if (refusedWrites.length > 0) {
    found.push({
      what: "writes: something wanted to write outside /tmp",
      evidence: refusedWrites[0],
      fix: "write to /tmp, or to what apps.….tmpfs or .volumes name; the root file system is read only on every host",
    })
  }
  if (unreadable !== null && unreadable.count > 0) {
    found.push({
      what: `code: the user cannot read ${unreadable.count} of the files in /app, ${harmless(unreadable.examples[0] ?? "")} among them`,
      fix: "the build sets the modes of /app; look what else changes them",
    })
  }
  return found
}

function processFindings({ processes, killed }: SmokeFacts, fleet: Fleet): Finding[] {
  if (killed === null) return []
  const { init, user } = fleet.policy.image
  const [uid, gid] = user.split(":").map(Number)
  const found: Finding[] = []
  const first = processes.find(({ pid }) => pid === 1)
  if (first?.program.split("/").at(-1) !== init.split("/").at(-1)) {
    found.push({
      what: `PID 1: ${harmless(first?.program ?? "nothing")} runs as PID 1, the blueprint wants ${init}`,
      evidence: first && harmless(first.command.join(" ")),
      fix: `end the entrypoint with exec ${init} -- "$@"`,
    })
  }
  const others = processes.filter(
    ({ uids, gids }) => uids.some((each) => each !== uid) || gids.some((each) => each !== gid),
  )
  const [one] = others
  if (one) {
    const more = others.length > 1 ? ` and ${others.length - 1} more` : ""
    found.push({
      what: `user: ${harmless(one.program)}${more} ${more ? "run" : "runs"} as ${one.uids.join("/")}:${one.gids.join("/")}, the blueprint wants ${user}`,
      fix: `end the Dockerfile with USER ${user}`,
    })
  }
  return found
}

const noGpu: Finding = {
  what: "no CUDA call was made: this machine's Docker hands out no GPU",
  fix: "preflight makes the call on each GPU host; with nvidia-container-toolkit, this machine does, too",
}

function cudaFindings({ cuda }: SmokeFacts): Finding[] {
  const called = typeof cuda === "string" ? cudaCalled(cuda) : undefined
  if (!called || "gpus" in called) return []
  return [
    {
      what: `CUDA: the image cannot use the GPU of this machine: ${called.error}`,
      fix: "see the contract gate about the driver and about device code for this GPU",
    },
  ]
}

function stopFindings({ exitCode, killed, seconds }: SmokeFacts, fleet: Fleet): Finding[] {
  const { stopSeconds } = fleet.policy.image
  if (killed === null) return []
  if (killed) {
    return [
      {
        what: `stop: still running ${stopSeconds} s after SIGTERM, and had to be killed`,
        fix: "let PID 1 pass SIGTERM on to the command",
      },
    ]
  }
  if (exitCode === 0 || exitCode === 143) return []
  return [
    {
      what: `stop: exit code ${exitCode} after SIGTERM (${seconds.stop} s), 0 or 143 is clean`,
      fix: "let the command end cleanly on SIGTERM",
    },
  ]
}
