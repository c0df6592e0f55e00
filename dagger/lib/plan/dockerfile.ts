import { type Copy, DockerfileParser } from "dockerfile-ast"
import { readOnce } from "../once.ts"

/** What a Dockerfile stands on and reads, as far as a plan has to know it. */
export interface DockerfileNeeds {
  /** Names of images outside the file: FROM, COPY --from and mounts' from=, each once, in order. */
  images: string[]
  /** Paths of the build context that COPY, ADD and bind mounts read, as written. */
  paths: string[]
}

/** Reads a Dockerfile's text; build arguments in image names are filled with `args` and the file's own defaults. */
export const dockerfileNeeds = (text: string, args: Readonly<Record<string, string>> = {}): DockerfileNeeds =>
  needsOnce(JSON.stringify([text, args]))

// All apps of a fleet are built by one Dockerfile.
const needsOnce = readOnce((asked) => needsOf(...(JSON.parse(asked) as [string, Record<string, string>])))

function needsOf(text: string, args: Readonly<Record<string, string>>): DockerfileNeeds {
  const file = DockerfileParser.parse(text)
  const values: Record<string, string> = {}
  for (const arg of file.getARGs()) {
    const property = arg.getProperty()
    const name = property?.getName()
    if (name) values[name] = args[name] ?? property?.getValue() ?? values[name] ?? ""
  }
  const stages = new Set<string>()
  const images = new Set<string>()
  const paths = new Set<string>()
  const refer = (name: string | null | undefined) => {
    const filled = fill(name ?? "", values)
    if (filled && filled !== "scratch" && !stages.has(filled) && !/^\d+$/.test(filled)) images.add(filled)
  }
  for (const from of file.getFROMs()) {
    refer(from.getImage())
    const stage = from.getBuildStage()
    if (stage) stages.add(stage)
  }
  // ADD has the arguments and flags of COPY; the parser gives it a class of its own without a getter.
  const adds = file.getInstructions().filter((each) => each.getKeyword() === "ADD") as Copy[]
  for (const copy of [...file.getCOPYs(), ...adds]) {
    const source = copy.getFlags().find((flag) => flag.getName() === "from")
    if (source) refer(source.getValue())
    else for (const each of sources(copy)) paths.add(fill(each, values))
  }
  for (const mount of mounts(text)) {
    if (mount.from) refer(mount.from)
    else if (mount.type === "bind") paths.add(mount.source ?? mount.src ?? ".")
  }
  return { images: [...images], paths: [...paths] }
}

/** All but the last argument, up to a here-document, and no URLs. */
function sources(copy: Copy): string[] {
  const all = jsonForm(copy.getTextContent()) ?? copy.getArguments().map((each) => each.getValue())
  const document = all.findIndex((each) => each.startsWith("<<"))
  return all.slice(0, document < 0 ? -1 : document).filter((each) => !/^(https?|git):\/\//.test(each))
}

/** COPY ["with space", "/to"]; read here, as the parser drops the spaces. */
function jsonForm(instruction: string): string[] | undefined {
  try {
    return JSON.parse(/\[[^\]]*\]\s*$/.exec(instruction)?.[0] ?? "")
  } catch {
    return undefined
  }
}

/** RUN --mount=key=value,… of the whole file. */
const mounts = (text: string): Record<string, string>[] =>
  [...text.matchAll(/--mount=(\S+)/g)].map(([, fields]) =>
    Object.fromEntries(fields!.split(",").map((field) => field.split("=", 2) as [string, string])),
  )

const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(
    /\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)/g,
    (_, braced, fallback, bare) => values[braced ?? bare] || fallback || "",
  )
