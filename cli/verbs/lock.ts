import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Command } from "commander"
import { compileLocks } from "../../dagger/lib/lock/compile.ts"
import { lockProblems, locksOf } from "../../dagger/lib/lock/locks.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { commitOf } from "../git.ts"
import { type Shared, withShared } from "../options.ts"
import { chooseRegistry } from "../registry.ts"
import { openRepository } from "../repository.ts"
import { chooseEngine } from "../setup/engine.ts"
import { Progress } from "../show/progress.ts"
import { withYard } from "../yard.ts"

interface LockFlags extends Shared {
  check?: boolean
  upgrade?: boolean
}

export const lockVerb = (): Command =>
  withShared(new Command("lock").description("make the locks of fleet.yaml anew from what is wanted, with hashes"))
    .option("--check", "change nothing; exit code 1 if a lock is not what uv would write")
    .option("--upgrade", "the newest versions that fit; without it, what still fits stays")
    .action(lockAction)

async function lockAction(flags: LockFlags): Promise<void> {
  const repository = await openRepository(flags.source)
  const { fleet, root } = repository
  const texts = await readAll(
    root,
    locksOf(fleet).flatMap(({ path, source }) => [path, source]),
  )
  const registry = { ...(await chooseRegistry(fleet)), embedded: false }
  const progress = new Progress(flags)
  const choice = await chooseEngine()
  const commit = await commitOf(root, [])
  await withYard({ repository, commit, registry, toolbox: ["lock"], progress, choice }, async (yard) => {
    const { engine, source, ca, index } = yard
    const made = await compileLocks(
      { ...{ fleet, engine, source, texts, ca, index }, upgrade: flags.upgrade },
      ({ name }) => progress.say(line("lock", name)),
    )
    progress.done()
    const changed = Object.keys(made).filter((path) => made[path] !== texts[path])
    const problems = lockProblems(fleet, flags.check ? { ...texts, ...made } : made)
    if (!flags.check) for (const path of changed) await writeFile(join(root, path), made[path]!)
    if (flags.json) console.log(JSON.stringify({ schema: 1, locks: Object.keys(made).length, changed, problems }))
    else {
      for (const path of changed) console.log(`  ${path}  ${flags.check ? "is out of date" : "written"}`)
      for (const { path, what } of problems) console.log(`  ${path}  ${what}`)
      console.log(
        line("locks", `${Object.keys(made).length}, ${changed.length} ${flags.check ? "out of date" : "changed"}`),
      )
      if (flags.check && changed.length > 0) console.log(line("fix", "fairlead lock"))
    }
    if (problems.length > 0 || (flags.check && changed.length > 0)) process.exitCode = 1
  })
}

async function readAll(root: string, paths: readonly string[]): Promise<Record<string, string>> {
  const read = paths.map(async (path) => [path, await readFile(join(root, path), "utf8").catch(() => "")] as const)
  return Object.fromEntries(await Promise.all(read))
}
