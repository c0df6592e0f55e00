import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { Problem, Problems } from "../problem.ts"
import { madeBy } from "./header.ts"

/** The folder of a fleet's repository that its compose files stand in. */
export const composeFolder = "compose"

/** Throws what differs between rendered files and those in a folder, each with how to mend it; exit code 1. Files of another host than `only` are none of its business. */
export async function requireRendered(
  folder: string,
  wanted: Readonly<Record<string, string>>,
  { only }: { only?: string } = {},
): Promise<void> {
  const there = await readdir(folder).catch((): string[] => [])
  const left = await Promise.all(
    there
      .filter((name) => only === undefined && !Object.hasOwn(wanted, name))
      .map(async (name) => ((await isOurs(folder, name)) ? name : "")),
  )
  const differing = await Promise.all(
    Object.entries(wanted).map(async ([name, text]) => {
      const found = await readFile(join(folder, name), "utf8").catch(() => undefined)
      return found === text
        ? ""
        : `${name}: ${found === undefined ? "is not there" : `is not what fleet.yaml says${firstLine(found, text)}`}`
    }),
  )
  const problems = [
    ...differing.filter(Boolean).map((what) => new Problem(`${composeFolder}/${what}`, { fix, exitCode: 1 })),
    ...left.filter(Boolean).map((name) => {
      const where = `${composeFolder}/${name}`
      return new Problem("is of no host in fleet.yaml", {
        where,
        fix: "remove the file, or put the host back",
        exitCode: 1,
      })
    }),
  ]
  if (problems.length > 0) throw new Problems(problems, 1)
}

const fix = "run `fairlead compose` and commit the files"

const isOurs = async (folder: string, name: string): Promise<boolean> =>
  name.endsWith(".profile.json") ||
  (name.endsWith(".yaml") &&
    (await readFile(join(folder, name), "utf8").catch(() => "")).slice(0, 1000).includes(madeBy))

/** "(line 12)": where a text that is there is first not what is wanted. */
export function firstLine(found: string, wanted: string): string {
  const lines = found.split("\n")
  const at = wanted.split("\n").findIndex((line, index) => line !== lines[index])
  return ` (line ${(at < 0 ? wanted.split("\n").length : at) + 1})`
}
