import type { Artifact, Engine, Secret, Step } from "../engine/engine.ts"
import { succeeded } from "../engine/engine.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { builtIn, compileArguments, constraintsOf, type Lock, locksOf } from "./locks.ts"

export interface Compiling {
  fleet: Fleet
  engine: Engine
  /** The repository as steps see it. */
  source: Artifact
  /** path -> text of every source and lock that there is. */
  texts: Readonly<Record<string, string>>
  ca?: Secret
  index?: Secret
  /** Take the newest versions that fit, instead of keeping those that still do. */
  upgrade?: boolean
}

// The folder is read only, and uv keeps the versions of the lock that it finds where it writes.
const script = `\
set -eu
cp "/src/$1/"*.in "/src/$1/"*.lock /out/
if [ -d /new ]; then cp /new/* /out/; fi
shift
cd /out
if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi
if [ -s /run/secrets/index ]; then UV_DEFAULT_INDEX=$(head -n 1 /run/secrets/index); export UV_DEFAULT_INDEX; fi
exec uv "$@"
`

/** Every lock as uv makes it from its source today: path -> text. What a family stands on is locked before it. */
export async function compileLocks(
  on: Compiling,
  onLock: (lock: Lock) => void = () => {},
): Promise<Record<string, string>> {
  const made: Record<string, string> = {}
  for (const lock of locksOf(on.fleet)) {
    onLock(lock)
    const step = compileStep(on, lock, made)
    const ran = succeeded(step, await on.engine.run(step), `look at ${lock.source}: uv says above what does not fit`)
    made[lock.path] = settled(await on.engine.read(ran.outputs.lock!))
  }
  return made
}

function compileStep(
  { engine, source, fleet, texts, ca, index, upgrade }: Compiling,
  lock: Lock,
  made: Record<string, string>,
): Step {
  const constraints = constraintsOf(lock, texts[lock.source] ?? "", locksOf(fleet))
  const folder = lock.path.split("/").slice(0, -1).join("/") || "."
  const renewed = constraints.filter(({ path }) => path in made)
  return {
    name: `lock ${lock.name}`,
    image: "toolbox:lock",
    argv: [
      "sh",
      "/fairlead/lock",
      folder,
      ...compileArguments(lock, constraints, builtIn(lock.source, texts)),
      ...(upgrade ? ["--upgrade"] : []),
    ],
    inputs: {
      "/fairlead/lock": engine.file("lock", script),
      "/src": source,
      ...Object.fromEntries(
        renewed.map(({ path }) => [`/new/${fileName(path)}`, engine.file(fileName(path), made[path]!)]),
      ),
    },
    outputs: { lock: `/out/${fileName(lock.path)}` },
    env: { UV_NO_CONFIG: "1", UV_NO_PROGRESS: "1", UV_NO_CACHE: "1", UV_PYTHON_DOWNLOADS: "never" },
    secrets: { ...(ca ? { "/run/secrets/ca": ca } : {}), ...(index ? { "/run/secrets/index": index } : {}) },
    outside: true,
    look: "again",
  }
}

/** How it was made is the same for everybody, whether the newest versions were asked for or not. */
const settled = (text: string): string => text.replace(/^(# {4}uv pip compile .*) --upgrade$/m, "$1")

const fileName = (path: string): string => path.split("/").at(-1)!
