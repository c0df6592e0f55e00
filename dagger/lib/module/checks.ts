import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Client, Directory } from "@dagger.io/dagger"
import { ciFiles } from "../ci/ci.ts"
import { requireWritten } from "../ci/drift.ts"
import { ciNames, madeBy } from "../ci/names.ts"
import { requireCleanDockerfiles } from "../lint/dockerfiles.ts"
import { locksOf } from "../lock/locks.ts"
import { staleLocks } from "../lock/stale.ts"
import { Problem, Problems } from "../problem.ts"
import { familiesText } from "../report/families.ts"
import { loadRisks } from "../risks/load.ts"
import { allComposeFiles } from "../rollout/compose.ts"
import { composeFolder, requireRendered } from "../rollout/drift.ts"
import { daggerEngine, openSource, type Site } from "./yard.ts"

/** The hierarchy as a table. */
export const familiesCall = async (source: Directory): Promise<string> => familiesText((await openSource(source)).fleet)

/** The compose files as fleet.yaml says them. */
export async function composeFilesOf(dag: Client, source: Directory): Promise<Directory> {
  const files = Object.entries(allComposeFiles((await openSource(source)).fleet))
  return files.reduce((folder, [name, text]) => folder.withNewFile(name, text), dag.directory())
}

/** Throws what is wrong with fleet.yaml or risks.yaml. */
export async function requireSound(source: Directory): Promise<void> {
  const { root, fleet } = await openSource(source)
  await loadRisks(root, fleet)
}

/** Throws where the source's compose files are not what its fleet.yaml says. */
export async function requireComposeFiles(source: Directory): Promise<void> {
  const { root, fleet } = await openSource(source)
  await requireRendered(join(root, composeFolder), allComposeFiles(fleet))
}

/** Throws everything that is wrong with the source's locks, as far as no package index has to be asked. */
export async function requireLocks(source: Directory): Promise<void> {
  const { root, fleet } = await openSource(source)
  const read = locksOf(fleet)
    .flatMap(({ path, source }) => [path, source])
    .map(async (path) => [path, await readFile(join(root, path), "utf8").catch(() => undefined)] as const)
  const found = staleLocks(fleet, Object.fromEntries(await Promise.all(read)))
  if (found.length === 0) return
  const fix = "run `fairlead lock` and commit the files"
  throw new Problems(
    found.map(({ path, what }) => new Problem(what, { where: path, fix, exitCode: 1 })),
    1,
  )
}

/** Throws where a CI's files that the source keeps are not what its fleet.yaml says; a CI that it keeps none of is not asked about. */
export async function requireCiFiles(source: Directory): Promise<void> {
  const { root, fleet } = await openSource(source)
  for (const name of ciNames) {
    const files = ciFiles(fleet, name)
    const texts = Object.keys(files).map((path) => readFile(join(root, path), "utf8").catch(() => ""))
    // A pipeline of the repository's own is nobody's business here.
    const ours = (await Promise.all(texts)).some((text) => text.includes(`${madeBy} --for ${name}\``))
    if (ours) await requireWritten(root, name, files)
  }
}

/** Throws what hadolint finds in the source's Dockerfiles. */
export async function lintCall(site: Site): Promise<void> {
  const repository = await openSource(site.source)
  const engine = daggerEngine(site)
  try {
    await requireCleanDockerfiles(engine, repository)
  } finally {
    await engine.close()
  }
}
