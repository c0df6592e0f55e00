import { humanBytes } from "../../fleet/bytes.ts"
import { venv } from "../inside.ts"
import { anyOf, examples, type Fact, installs, named, noneOf, ofFiles, run, type Wanted } from "./fact.ts"

const bundles = ["build-essential", "golang", "rustup", "cuda-nvcc"]
// A compiler is some twenty programs: these are the names by which people know them.
const known = ["gcc", "g++", "clang", "go", "rustc", "cargo", "nvcc", "make", "cmake", "ninja", "ld", "as"]

/** What builds leave behind: tools, caches, bytecode. */
export const leftoverFacts = ({ origin, allow, family }: Wanted): Fact[] => {
  const permitted = (path: string) => allow.compilers.some((each) => path === each || path.startsWith(`${each}/`))
  const tools = (id: string, says: string, kinds: readonly string[], fix: string): Fact =>
    ofFiles(id, says, (inside) => {
      const found = inside.tools
        .filter(({ kind, path }) => kinds.includes(kind) && !permitted(path))
        .map(({ path }) => path)
        .sort((a, b) => rank(a) - rank(b))
      return noneOf(found, () => ({
        what: `image has ${named(found)}`,
        where: origin.set("RUN", anyOf(packagesOf(found))) ?? run(origin, /apt-get|apt /),
        fix: `${fix}, or add the path to families.${family.name}.allow.compilers`,
      }))
    })
  const caches = (id: string, says: string, mine: (path: string) => boolean, about: RegExp, fix: string): Fact =>
    ofFiles(id, says, (inside) => {
      const found = inside.caches.filter(({ path }) => mine(path))
      return noneOf(
        found.map(({ path, count, bytes }) => `${path} (${count} files, ${humanBytes(bytes)})`),
        () => ({
          what: `left in the image: ${named(found.map((each) => examples(each)))}`,
          where: run(origin, about),
          fix,
        }),
      )
    })
  const apt = (path: string) => path.includes("/apt")
  const temporary = (path: string) => path === "/tmp" || path === "/var/tmp"
  return [
    tools(
      "compilers",
      "has no compiler and no build tool",
      ["compiler", "build tool"],
      "build in an earlier stage and copy the result",
    ),
    tools(
      "installers",
      "has no pip, uv or other installer",
      ["installer"],
      "make the virtual environment without pip (uv does), in an earlier stage",
    ),
    ofFiles("headers", "has no C headers and no -dev package", ({ headers, debian }) => {
      const packages = debian.filter(({ name }) => name.endsWith("-dev")).map(({ name }) => name)
      return noneOf([...packages, ...headers.map(({ path, count }) => `${path} (${count} files)`)], () => ({
        what: `image has ${named([...packages, ...headers.map(examples)])}`,
        where: run(origin, packages.length > 0 ? anyOf(packages) : /-dev/),
        fix: "install -dev packages in an earlier stage only",
      }))
    }),
    caches(
      "apt",
      "has no apt lists and no apt cache",
      apt,
      /apt-get|apt /,
      "end the RUN with rm -rf /var/lib/apt/lists/* /var/cache/apt/*, or use cache mounts",
    ),
    caches(
      "caches",
      "has no package cache",
      (path) => !apt(path) && !temporary(path),
      /\bpip\b|\buv\b|cache/,
      "use --mount=type=cache, or remove it in the same RUN",
    ),
    caches("temporary files", "has an empty /tmp", temporary, /\/tmp/, "remove it in the same RUN"),
    ofFiles("bytecode", `has no bytecode in ${venv} that goes by file times`, ({ bytecode }) => ({
      evidence: `${bytecode.timestamped.count} of ${bytecode.count} in the image`,
      // rewrite-timestamp moves the sources' times, so such bytecode is never used and differs from build to build.
      wrong:
        bytecode.timestamped.count === 0
          ? undefined
          : {
              what: `${examples(bytecode.timestamped)} (${humanBytes(bytecode.timestamped.bytes)}) is made anew by each build and never used`,
              where: run(origin, installs),
              fix: "set PYTHONDONTWRITEBYTECODE=1 and install without --compile-bytecode, or compile with --invalidation-mode unchecked-hash",
            },
    })),
  ]
}

/** Words by which a Dockerfile may ask for these programs; "as" and "ld" would be found anywhere. */
const packagesOf = (tools: readonly string[]): string[] => {
  const names = tools.map((path) =>
    path
      .split("/")
      .at(-1)!
      .replace(/-[0-9.]+$/, ""),
  )
  return [...new Set([...names, ...bundles, ...known])].filter((name) => name.length > 2)
}

const rank = (path: string): number => {
  const at = known.indexOf(path.split("/").at(-1)!)
  return at < 0 ? known.length : at
}
