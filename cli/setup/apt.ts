import { existsSync, readFileSync } from "node:fs"
import { mkdir, readdir, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { lastLines } from "../../dagger/lib/engine/engine.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { type AptPlan, aptPlan, keyringOf, readIndexes, readSimulation, sourcesFile, type Wanted } from "./apt-plan.ts"
import { type Argv, type Ended, must, type RunOptions, run, toldBy } from "./command.ts"
import type { Machine } from "./machine.ts"
import { remember } from "./made.ts"

// needrestart would otherwise restart other people's services after the installation.
const quiet: RunOptions = {
  env: { DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_SUSPEND: "1", LC_ALL: "C.UTF-8" },
}
const install = [
  "--yes", "--no-install-recommends",
  "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
  // A fresh machine may be busy with its first automatic upgrade.
  "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3",
] // biome-ignore format: one thought per line

/** Installs what set-up needs with the distribution's own packages, after writing down what is new. */
export async function aptInstall(machine: Machine, wanted: Wanted, beforeInstall = async () => {}): Promise<void> {
  await finishInterrupted()
  const updated = await update()
  const plan = aptPlan(machine.os, wanted, await indexes())
  await writeNew(plan.files)
  if (plan.files[sourcesFile]) await update(sourcesFile)
  const packages = [...plan.packages, ...(await available(plan.optional))]
  await remember({ packages: await wouldAdd(packages, updated) })
  await beforeInstall()
  await must(`apt-get could not install ${packages.join(", ")}`, ["apt-get", "install", ...install, ...packages], {
    ...quiet,
    fix: "run it again: it resumes; docs/set-up.md has what to do behind a proxy or with a mirror",
  })
}

/** Whether a package is installed. */
export async function installed(name: string): Promise<boolean> {
  const { stdout } = await run(["dpkg-query", "--show", "--showformat", "${db:Status-Status}", name])
  return stdout === "installed"
}

/** Purges these packages, unless something that is not among them would go too. Answers those that are gone. */
export async function aptPurge(packages: readonly string[]): Promise<{ removed: string[]; left?: string }> {
  const there: string[] = []
  for (const each of packages) if (await installed(each)) there.push(each)
  if (there.length === 0) return { removed: [] }
  const { stdout } = await run(["apt-get", "--simulate", "purge", ...there], quiet)
  const others = readSimulation(stdout).removed.filter((each) => !there.includes(each))
  if (others.length > 0) return { removed: [], left: `packages ${there.join(", ")}: ${others.join(", ")} needs them` }
  const argv: Argv = ["apt-get", "purge", "--yes", "-o", "DPkg::Lock::Timeout=300", ...there]
  await must(`apt-get could not remove ${there.join(", ")}`, argv, quiet)
  return { removed: there }
}

/** What a Ctrl-C in an earlier installation left half done. */
async function finishInterrupted(): Promise<void> {
  const { stdout } = await run(["dpkg", "--audit"])
  const journal = await readdir("/var/lib/dpkg/updates").catch(() => [])
  if (stdout.trim() === "" && journal.length === 0) return
  await must("dpkg could not finish what was interrupted", ["dpkg", "--configure", "-a", "--force-confold"], quiet)
}

/** Reads the mirrors anew. That one of somebody else's sources fails need not matter: the installation will tell. */
async function update(file?: string): Promise<Ended> {
  const only = file
    ? ["-o", `Dir::Etc::sourcelist=${file}`, "-o", "Dir::Etc::sourceparts=-", "-o", "APT::Get::List-Cleanup=0"]
    : []
  const argv: Argv = ["apt-get", "update", "-o", "Acquire::Retries=3", ...only]
  for (let tries = 0; ; tries++) {
    const ended = await run(argv, quiet)
    if (tries === 60 || !/Could not get lock/.test(ended.stderr)) return ended
    await sleep(5000)
  }
}

async function indexes(): Promise<ReturnType<typeof readIndexes>> {
  const format = "$(CODENAME) $(REPO_URI) $(SOURCESENTRY)"
  const { stdout } = await run(["apt-get", "indextargets", "--format", format, "Created-By: Packages"], quiet)
  return readIndexes(stdout, (place) => {
    const file = place.replace(/:\d+$/, "")
    return existsSync(file) ? keyringOf(readFileSync(file, "utf8"), place) : undefined
  })
}

async function writeNew(files: AptPlan["files"]): Promise<void> {
  await remember({ files: Object.keys(files).filter((path) => !existsSync(path)) })
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
}

async function available(packages: readonly string[]): Promise<string[]> {
  if (packages.length === 0) return []
  const { stdout } = await run(["apt-cache", "policy", ...packages], quiet)
  const candidate = (name: string) => new RegExp(`^${name}:\\n(?:  .*\\n)*?  Candidate: (?!\\(none\\))`, "m")
  return packages.filter((name) => candidate(name).test(stdout))
}

/** The packages that would be new; refuses when others would have to go. */
async function wouldAdd(packages: readonly string[], updated: Ended): Promise<string[]> {
  const argv: Argv = ["apt-get", "--simulate", "install", "--no-install-recommends", ...packages]
  const ended = await run(argv, quiet)
  if (ended.exitCode !== 0) {
    const mirrors =
      updated.exitCode === 0 ? "" : `\n    before that, apt-get update said:\n${lastLines(updated.stderr, 5)}`
    throw new Problem(`apt-get cannot install ${packages.join(", ")}`, {
      why: toldBy(argv, ended) + mirrors,
      fix: "see that `apt-get update` works and the distribution's own sources are there (Ubuntu: universe too)",
    })
  }
  const { added, removed } = readSimulation(ended.stdout)
  if (removed.length > 0) {
    throw new Problem(`apt-get would remove ${removed.join(", ")} to install ${packages.join(", ")}`, {
      fix: "decide which of them you want, install or remove it yourself, then run this again",
    })
  }
  return added
}
