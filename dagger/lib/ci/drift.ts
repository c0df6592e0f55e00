import { readdir, readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Problem, Problems } from "../problem.ts"
import { firstLine } from "../rollout/drift.ts"
import { type CiName, madeBy } from "./names.ts"

/** Throws what differs between a CI's files and those in a repository, each with how to mend it; exit code 1. */
export async function requireWritten(
  root: string,
  ci: CiName,
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const fix = `run \`fairlead ci --for ${ci}\` and commit the files`
  const differing = await Promise.all(
    Object.entries(wanted).map(async ([path, text]) => {
      const found = await readFile(join(root, path), "utf8").catch(() => undefined)
      if (found === text) return []
      const what = found === undefined ? "is not there" : `is not what fleet.yaml says${firstLine(found, text)}`
      return [new Problem(what, { where: path, fix, exitCode: 1 })]
    }),
  )
  const left = (await leftOver(root, ci, wanted)).map(
    (path) => new Problem("is no longer written", { where: path, fix: "remove the file", exitCode: 1 }),
  )
  const problems = [...differing.flat(), ...left]
  if (problems.length > 0) throw new Problems(problems, 1)
}

/** Files beside those that are wanted, which an earlier version or another fleet.yaml wrote. */
async function leftOver(root: string, ci: CiName, wanted: Readonly<Record<string, string>>): Promise<string[]> {
  const folders = [...new Set(Object.keys(wanted).map((path) => dirname(path)))].filter((folder) => folder !== ".")
  const paths = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(root, folder)).catch(() => [])).map((name) => join(folder, name)),
    ),
  )
  const others = paths.flat().filter((path) => !Object.hasOwn(wanted, path))
  const ours = await Promise.all(
    others.map(async (path) =>
      (await readFile(join(root, path), "utf8").catch(() => "")).slice(0, 1000).includes(`${madeBy} --for ${ci}\``),
    ),
  )
  return others.filter((_, index) => ours[index])
}
