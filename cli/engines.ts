import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises"
import { isAbsolute, join, resolve } from "node:path"
import type { Engine, Secret } from "../dagger/lib/engine/engine.ts"
import { wrongInput } from "../dagger/lib/problem.ts"
import { DockerEngine } from "./docker.ts"
import { type EngineChoice, findDagger } from "./setup/engine.ts"
import { lifeOf } from "./setup/process.ts"
import { saveToolbox, toolboxImage } from "./setup/toolbox.ts"
import { inHome } from "./state.ts"

/** An engine that is ready to run steps, and what it takes from this machine. */
export interface OpenEngine {
  engine: Engine
  secretFile(name: string, path: string): Secret
  secretText(name: string, text: string): Secret
  close(): Promise<void>
}

/** Works with an engine and closes it. What went wrong first is told, also where a full disk lets nothing be tidied up. */
export async function whileOpen<T>(opened: OpenEngine, work: () => Promise<T>): Promise<T> {
  let made: T
  try {
    made = await work()
  } catch (error) {
    await opened.close().catch(() => {})
    throw error
  }
  await opened.close()
  return made
}

export interface EngineOptions {
  /** The repository: relative paths start here. */
  root: string
  onLine?: (step: string, line: string) => void
  signal?: AbortSignal
}

export const openEngine = (name: EngineChoice["name"], options: EngineOptions): Promise<OpenEngine> =>
  name === "dagger" ? openDagger(options) : openDocker(options)

export async function openDocker({ root, onLine, signal }: EngineOptions): Promise<OpenEngine> {
  const work = await mkdtemp(join(await runsFolder(), `${process.pid}-`))
  const engine = new DockerEngine({ root, work, toolbox: toolboxImage, buildCache: buildCache(), onLine, signal })
  return {
    engine,
    secretFile: (name, path) => ({ name, handle: Promise.resolve(path) }),
    secretText: (name, text) => engine.secret(name, text),
    close: () => engine.close(),
  }
}

/** FAIRLEAD_BUILD_CACHE: a builder with a cache of its own, such as an empty one to see what a fresh machine sees. */
function buildCache(): string | undefined {
  const name = process.env.FAIRLEAD_BUILD_CACHE
  if (!name || /^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) return name || undefined
  throw wrongInput(`"${name}" is no name for a build cache`, {
    where: "FAIRLEAD_BUILD_CACHE",
    fix: "write lower-case letters, digits and hyphens, 31 at most",
  })
}

/** Where runs work; folders of runs that were killed are removed on the way. */
async function runsFolder(): Promise<string> {
  const folder = inHome("runs")
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder)) {
    if (!lifeOf(Number.parseInt(name, 10))) await rm(join(folder, name), { recursive: true, force: true })
  }
  return folder
}

/**
 * A session with the Dagger engine that answers here. Its client is loaded only now: who works on Docker does not pay
 * for it. The toolbox comes from this machine's Docker as archives, so that both engines run the very same tools.
 */
export async function openDagger({ root, signal }: EngineOptions): Promise<OpenEngine> {
  const { connect } = await import("@dagger.io/dagger")
  const { DaggerEngine } = await import("../dagger/lib/engine/dagger.ts")
  process.env._EXPERIMENTAL_DAGGER_CLI_BIN ??= (await findDagger()).cli
  return new Promise((opened, failed) => {
    const session = connect(async (client) => {
      const at = (path: string) => (isAbsolute(path) ? path : resolve(root, path))
      const engine = new DaggerEngine({
        dag: client,
        toolbox: async (part) => client.container().import_(client.host().file(await saveToolbox(part))),
        local: async (path) => {
          const host = client.host()
          return (await stat(at(path))).isDirectory()
            ? host.directory(at(path), { exclude: heavy })
            : host.file(at(path))
        },
        callerPort: (port) => client.host().service([{ frontend: port, backend: port }], { host: "localhost" }),
      })
      await new Promise<void>((ended) => {
        signal?.addEventListener("abort", () => ended(), { once: true })
        opened({
          engine,
          secretFile: (name, path) => engine.secret(name, client.secret(`file://${path}`)),
          secretText: (name, text) => engine.secret(name, client.setSecret(`fairlead-${name}`, text)),
          close: async () => {
            await engine.close()
            ended()
            await session.catch(() => {})
          },
        })
      })
    })
    session.catch(failed)
  })
}

// What a repository holds besides its sources; a build never reads it, and uploading it would take minutes.
const heavy = ["**/node_modules", ".git", "dagger/sdk"]
