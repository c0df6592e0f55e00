import { readdir, readFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseFleet } from "../fleet/load.ts"
import { labelSchema } from "../fleet/names.ts"
import { wrongInput } from "../problem.ts"
import { allComposeFiles } from "../rollout/compose.ts"
import { composeFolder } from "../rollout/drift.ts"

/** A file of a fleet that begins. */
export interface NewFile {
  /** In the repository, with "/" between its parts. */
  path: string
  text: string
  executable: boolean
}

/** What the template calls the fleet. */
export const templateName = "my-fleet"

const folder = fileURLToPath(new URL("../../templates/fleet", import.meta.url))

/**
 * The least that ships as it is: one family, one service with code of its own, one host; and the host's compose file as it
 * is rendered from that. Sorted by path.
 */
export async function fleetTemplate(name: string = templateName): Promise<NewFile[]> {
  const right = labelSchema.safeParse(name)
  if (!right.success) throw wrongInput(right.error.issues[0]!.message, { where: "--name" })
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry): Promise<NewFile> => {
      const path = join(entry.parentPath, entry.name)
      const text = await readFile(path, "utf8")
      return made(path.slice(folder.length + 1), entry.name === "fleet.yaml" ? named(text, name) : text)
    })
  const template = await Promise.all(files)
  const fleet = parseFleet(template.find(({ path }) => path === "fleet.yaml")!.text)
  const compose = Object.entries(allComposeFiles(fleet)).map(([file, text]) => made(`${composeFolder}/${file}`, text))
  return [...template, ...compose].sort((one, other) => (one.path < other.path ? -1 : 1))
}

/** A fleet's name that a folder's name suggests. */
export function nameFor(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "")
  return name || templateName
}

/**
 * What has to be written, where some of the files are there already: those that are the same stay. Throws where another
 * file has a name of the template: nothing is ever overwritten, and half a fleet is none.
 */
export function toWrite(files: readonly NewFile[], there: Readonly<Record<string, string>>, where: string): NewFile[] {
  const missing = files.filter(({ path }) => !Object.hasOwn(there, path))
  const others = files.filter(({ path, text }) => Object.hasOwn(there, path) && there[path] !== text)
  if (others.length === 0) return missing
  throw wrongInput(`${others.map(({ path }) => path).join(", ")}: there already, and init overwrites nothing`, {
    where,
    fix: "take an empty folder, or move what is there out of the way",
  })
}

/** Programs say by their first line that they are. Modes are not taken from here: npm and Dagger both have their own ideas. */
const made = (path: string, text: string): NewFile => ({ path, text, executable: text.startsWith("#!") })

const named = (text: string, name: string): string =>
  text.replace(/^name: my-fleet$/m, `name: ${name}`).replace(/^(registry: .*)org: my-fleet \}$/m, `$1org: ${name} }`)
