import { Problem } from "../problem.ts"

/** A part of the toolbox: one image each, so that a verb waits only for the tools it needs (dagger/toolbox/Dockerfile). */
export type ToolboxPart =
  | "build"
  | "registry"
  | "sbom"
  | "run"
  | "lint"
  | "lock"
  | "scan"
  | "sign"
  | "ssh"
  | "browser"
  | "kubernetes"
  | "groovy"
  | "host"

/** Something a step made or was given. Only the engine that made it knows what the handle is. */
export interface Artifact {
  readonly kind: "file" | "directory"
  /** Shown to people. */
  readonly name: string
  readonly handle: unknown
}

/** A secret reaches a step as a mounted file only: never in argv, in the environment, in a log or in a record. */
export interface Secret {
  readonly name: string
  readonly handle: unknown
}

/** A Unix socket of whoever calls, such as an SSH agent's. What it hands out is as secret as its holder makes it. */
export interface Socket {
  readonly name: string
  readonly handle: unknown
}

/** A long-running command that a step needs; the same service is started once and shared until the engine closes. */
export interface Service {
  readonly name: string
  readonly image: `toolbox:${ToolboxPart}`
  readonly argv: readonly [string, ...string[]]
  /** The TCP port that answers when the service is up; reachable by steps that name it, and by nothing else. */
  readonly port: number
  readonly inputs?: Record<string, Artifact>
  readonly secrets?: Record<string, Secret>
  /** path -> cache name; kept from run to run. */
  readonly caches?: Record<string, string>
  /** Other services that this one reaches by host name, such as a registry for BuildKit. */
  readonly services?: Record<string, Service | CallerPort>
  readonly privileged?: boolean
}

/** A port on the loopback of the machine that runs Fairlead, such as the embedded registry's. */
export interface CallerPort {
  readonly callerPort: number
}

/** One command in one container. Paths are absolute inside it; artifacts are what other steps made. */
export interface Step {
  /** "scan family-web", shown to people. */
  name: string
  /** An OCI archive, or a part of the toolbox. */
  image: Artifact | `toolbox:${ToolboxPart}`
  /** Never a shell string built from input. */
  argv: readonly [string, ...string[]]
  /** path -> file or folder, read only. */
  inputs?: Record<string, Artifact>
  /** name -> path to keep; a path that ends in "/" is a folder. Missing ones are missing in the answer too. */
  outputs?: Record<string, string>
  env?: Record<string, string>
  /** path -> secret. */
  secrets?: Record<string, Secret>
  /** path -> socket, for the step's user. */
  sockets?: Record<string, Socket>
  /** path -> cache name; kept from run to run. */
  caches?: Record<string, string>
  /** host name -> service, up while the step runs. */
  services?: Record<string, Service | CallerPort>
  /** It reaches hosts beyond its services. Docker gives other steps no network at all; Dagger cannot take it away. */
  outside?: boolean
  /** Empty folders on disk, gone after the step. */
  scratch?: readonly string[]
  /**
   * path -> name; a folder on disk that steps of this run share, gone with the run. What one finds there saves work and is
   * never needed: an engine that answers from its cache what it ran before gives each step an empty one.
   */
  shared?: Record<string, string>
  /** "uid:gid"; the image's own where not given. */
  user?: string
  /** All capabilities, for steps that run a container of their own. */
  privileged?: boolean
  /** NVIDIA's GPUs with their driver, where Docker hands them out; the step sees for itself whether any are there. Dagger: never. */
  gpus?: boolean
  /** "again": the answer depends on the outside world, do not reuse it. Default "once". */
  look?: "once" | "again"
}

/** What a step answered. A non-zero exit code is data, not an error. */
export interface Ran {
  exitCode: number
  stdout: string
  stderr: string
  outputs: Record<string, Artifact>
  seconds: number
}

/** Runs steps. All decisions are made elsewhere, by plain functions over what the steps answered. */
export interface Engine {
  readonly name: "dagger" | "docker"
  /** Another name is another BuildKit, with a cache of its own; without one it is what everybody on this machine shares. */
  readonly buildCache?: string
  /** The parts of the toolbox that this run's steps used so far. */
  readonly parts: ReadonlySet<ToolboxPart>
  /** Throws StepError only when the step could not run. */
  run(step: Step): Promise<Ran>
  /** A file made of text, for a step's inputs. */
  file(name: string, text: string): Artifact
  /** A file or folder of the machine that runs Fairlead (Docker) or of the module's source (Dagger). */
  local(path: string): Artifact
  /** The text of an artifact that is a file. Throws when it is larger than `maxBytes` (default 64 MiB). */
  read(artifact: Artifact, maxBytes?: number): Promise<string>
  /** Copies an artifact to a path of the machine that runs Fairlead. */
  save(artifact: Artifact, path: string): Promise<void>
  /** Nobody wants the artifact any more: what it takes on this machine's disk is freed. */
  discard(artifact: Artifact): Promise<void>
  /** No step of the run uses a shared folder any more: what is in it is freed, and who asks for it next finds it empty. */
  discardShared(name: string): Promise<void>
  /** Stops every service and removes what only this run needed. */
  close(): Promise<void>
}

/** An engine that lets a step go on beside the others. */
export interface Beside {
  /** It goes on until it is stopped, or the engine closes. Whether it is of any use yet is for its caller to see. */
  start(step: Step): Promise<{ stop(): Promise<void> }>
}

/** The step could not run at all, or ended with an exit code that its caller does not take as data. */
export class StepError extends Problem {
  constructor(
    readonly step: string,
    ran: { exitCode?: number; output?: string; why?: string },
    fix?: string,
  ) {
    const why = ran.why ?? `exited ${ran.exitCode}`
    const tail = lastLines(ran.output ?? "")
    super(step, { why: tail ? `${why}; last lines:\n${tail}` : why, fix, exitCode: 3 })
    this.name = "StepError"
  }
}

/** The answer of a step that has to succeed. */
export function succeeded(step: Step, ran: Ran, fix?: string): Ran {
  if (ran.exitCode !== 0) {
    throw new StepError(step.name, { exitCode: ran.exitCode, output: ran.stderr || ran.stdout }, fix)
  }
  return ran
}

/** The last lines of a tool's output, indented, with terminal control sequences made harmless. */
export const lastLines = (output: string, count = 15): string =>
  harmless(output)
    .trimEnd()
    .split("\n")
    .slice(-count)
    .filter(Boolean)
    .map((line) => `    ${line}`)
    .join("\n")

/** Remote output may carry ANSI and OSC sequences: escapes are dropped, so that a log cannot steer a terminal. */
export const harmless = (text: string): string =>
  text
    .replace(/\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?/g, "")
    .replace(/\u001b\[[0-?]*[ -/]*[@-~]/g, "")
    .replace(/\r(?!\n)/g, "\n")
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u0080-\u009f]/g, "")
