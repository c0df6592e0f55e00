import { z } from "zod"
import type { Engine, Step } from "../engine/engine.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { inheritedPackages } from "../fleet/hierarchy.ts"
import type { Image } from "./gate.ts"
import { answered, imagesFolder, probe } from "./probe.ts"

/** Where every image has its Python packages. */
export const venv = "/opt/venv"

/**
 * Looks at the files of an image, from inside, as root so that every folder can be read. Podman in the toolbox starts it,
 * not the engine: a Dagger engine puts its own CA into the containers that it runs, which would be taken for the image's.
 */
export const insideStep = (subject: Image, fleet: Fleet, engine: Engine): Step => ({
  name: `look into ${subject.family}`,
  image: "toolbox:run",
  privileged: true,
  scratch: ["/var/lib/containers"],
  shared: imagesFolder(fleet, subject.family),
  argv: [
    "unpacked",
    "/in/image.tar",
    "podman-on",
    "/var/lib/containers",
    "--log-level=error",
    "run",
    "--quiet",
    "--rm",
    "--pull=never",
    "--network=none",
    "--read-only",
    "--read-only-tmpfs=false",
    "--security-opt=no-new-privileges",
    "--user=0:0",
    "--volume=/fairlead:/fairlead:ro",
    "--entrypoint=/bin/sh",
    `localhost/image:${subject.digest.replace("sha256:", "")}`,
    "/fairlead/start.sh",
    "/fairlead/probe.py",
    `--init=${fleet.policy.image.init}`,
    `--entrypoint=${fleet.policy.image.entrypoint}`,
    `--user=${fleet.policy.image.user}`,
    ...inheritedPackages(fleet, subject.family).map((module) => `--module=${module}`),
  ],
  inputs: {
    "/fairlead/start.sh": probe(engine, "start.sh"),
    "/fairlead/probe.py": probe(engine, "contract_probe.py"),
    "/fairlead/linked.py": probe(engine, "linked.py"),
    "/fairlead/gpu_code.py": probe(engine, "gpu_code.py"),
    "/in/image.tar": subject.archive,
  },
})

const count = z.int().nonnegative()
const path = z.string()
const some = z.strictObject({ count, bytes: count, examples: z.array(path) })

/** How many there are, and the first few of them. */
export type Some = z.infer<typeof some>

const owner = z.strictObject({ kind: z.enum(["debian", "python"]), name: z.string() }).nullable()
const needers = z.array(z.strictObject({ owner, count: z.int().positive(), example: path })).min(1)

/** What wants a library: files of one package, or files that came with none. */
export type Needer = z.infer<typeof needers>[number]

const librariesSchema = z.strictObject({
  loader: path,
  looked: count,
  /** Files with equal dynamic sections get equal answers, so the loader is asked once for them. */
  asked: count,
  static: count,
  /** For another machine, such as GPU code. */
  foreign: count,
  unseen: z.strictObject({ count, examples: z.array(z.strictObject({ path, why: z.string() })) }),
  missing: z.array(
    z.strictObject({
      library: z.string(),
      /** A package in the environment has it, where the loader does not look: packages load such ones themselves. */
      brought: z.strictObject({ path, owner }).nullable(),
      needers,
    }),
  ),
  /** There, and without a version of its symbols that is wanted, such as GLIBC_2.38 of libc.so.6. */
  outdated: z.array(z.strictObject({ library: z.string(), version: z.string(), needers })),
})

/** What the loader says about every program and shared library of an image. */
export type Libraries = z.infer<typeof librariesSchema>

const architectures = z.array(z.string().regex(/^[0-9]+\.[0-9]$/))

const gpuCodeSchema = z.strictObject({
  /** Compute capabilities by library: machine code, and PTX that a driver compiles when it is loaded. */
  libraries: z.array(z.strictObject({ path, compiled: architectures, ptx: architectures })),
  unread: z.array(z.strictObject({ path, why: z.string() })),
})

/** What the libraries of an image were compiled for. */
export type GpuCode = z.infer<typeof gpuCodeSchema>

const program = z.strictObject({
  path,
  present: z.boolean(),
  executable: z.boolean(),
  ownedBy: count.nullable(),
  mode: z
    .string()
    .regex(/^[0-7]{4}$/)
    .nullable(),
  sha256: z.string().nullable(),
  version: z.string().nullable(),
})

export const insideSchema = z.strictObject({
  schema: z.literal(1),
  python: z.strictObject({
    executable: path,
    venv: z.boolean(),
    systemSite: z.boolean(),
    version: z.string(),
    path: z.array(path),
  }),
  distributions: z.array(
    z.strictObject({
      name: z.string(),
      version: z.string(),
      location: path,
      files: count,
      missing: some,
      bytes: count,
    }),
  ),
  brokenMetadata: z.array(path),
  // A Debian image without a single package is one that could not be read.
  debian: z
    .array(
      z.strictObject({
        name: z.string(),
        version: z.string(),
        bytes: count,
        priority: z.string(),
        essential: z.boolean(),
        /** Each is a list of alternatives, without versions. */
        depends: z.array(z.array(z.string())),
        provides: z.array(z.string()),
      }),
    )
    .min(1),
  release: z.strictObject({ id: z.string(), codename: z.string() }),
  accounts: z
    .array(
      z.strictObject({
        name: z.string(),
        uid: count,
        gid: count,
        home: z.string(),
        password: z.enum(["locked", "empty", "set", "none"]),
      }),
    )
    .min(1),
  init: program,
  entrypoint: program,
  certificates: z.strictObject({ bundle: count.nullable(), packaged: count, local: z.array(path) }),
  profile: z.string().nullable(),
  imports: z.array(
    z.strictObject({
      module: z.string(),
      imported: z.boolean(),
      error: z.string().nullable(),
      further: z.array(z.string()),
      file: path.nullable(),
      version: z.string().nullable(),
      distribution: z.string().nullable(),
    }),
  ),
  /** null where no loader was asked. */
  libraries: librariesSchema.nullable(),
  /** Debian packages that init, Python, a promised module or a program that came with no Debian package makes use of. */
  used: z.array(z.string()),
  files: z.int().positive(),
  bytes: z.int().positive(),
  setuid: z.array(z.strictObject({ path, mode: z.string(), uid: count, gid: count })),
  capabilities: z.array(path),
  tools: z.array(z.strictObject({ path, kind: z.enum(["compiler", "build tool", "installer"]) })),
  headers: z.array(some.extend({ path })),
  caches: z.array(some.extend({ path })),
  bytecode: some.extend({ timestamped: some }),
  writable: z.strictObject({ folders: some, files: some }),
  gpuLibraries: some,
  gpuCode: gpuCodeSchema,
  secrets: z.array(z.strictObject({ path, why: z.string() })),
})

/** What stands in an image's file system. */
export type Inside = z.infer<typeof insideSchema>

const answerSchema = z.union([z.strictObject({ schema: z.literal(1), python: z.null() }), insideSchema])

/** What stands in the image; null when it has no Python to look with, which is a fact by itself. */
export async function lookInside(subject: Image, fleet: Fleet, engine: Engine): Promise<Inside | null> {
  const step = insideStep(subject, fleet, engine)
  const answer = answered(step.name, await engine.run(step), answerSchema)
  return answer.python === null ? null : (answer as Inside)
}
