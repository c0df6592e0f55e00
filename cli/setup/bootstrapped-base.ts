import { mkdir, readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "../../dagger/lib/problem.ts"
import { readSimulation } from "./apt-plan.ts"
import { must, onPath, run } from "./command.ts"
import { chosenMirrors, type Mirrors, mmdebstrap, snapshotMirrors } from "./debian.ts"
import { hasApt, thisMachine } from "./machine.ts"
import { remember } from "./made.ts"

export interface BootstrapOptions {
  /** What it stands in for. */
  image: string
  suite: string
  /** A moment of the archive: "20261120T000000Z". */
  snapshot?: string
  epoch: number
  /** For what is written on the way. */
  folder: string
  say: (line: string) => void
}

/** A slim Debian out of its packages: a tar file, and the versions of the packages in it. */
export async function bootstrapped(
  options: BootstrapOptions,
): Promise<{ tar: string; packages: Record<string, string> }> {
  const { image, suite, snapshot, epoch, folder, say } = options
  await needMmdebstrap(image, say)
  const mirrors = snapshot ? snapshotMirrors(snapshot) : await hostMirrors()
  if (mirrors && !mirrors.security) say(`no mirror of ${suite}-security is known: set FAIRLEAD_DEBIAN_SECURITY_MIRROR`)
  const [target, packages] = [join(folder, "root.tar"), join(folder, "packages")]
  const { argv, env } = mmdebstrap({ suite, epoch, mirrors, target, packages })
  await must(`mmdebstrap could not make ${image}`, argv, {
    env,
    fix: snapshot
      ? `see that ${mirrors!.archive} answers; FAIRLEAD_DEBIAN_SNAPSHOT_MIRROR names another service of snapshots`
      : "name a mirror that answers in FAIRLEAD_DEBIAN_MIRROR, or give Docker a registry mirror that serves the image",
  })
  await addDev(target, folder, epoch)
  return { tar: target, packages: await versions(packages) }
}

/**
 * The empty /dev that containers mount theirs on: the first image built on a base without it would get it as a change.
 * Releases of mmdebstrap differ in whether they pack it.
 */
async function addDev(tar: string, folder: string, epoch: number): Promise<void> {
  const what = "tar could not add /dev"
  const packed = await run(["tar", "--list", "--file", tar, "./dev/"])
  if (packed.exitCode === 0) await must(what, ["tar", "--delete", "--file", tar, "./dev/"])
  await mkdir(join(folder, "dev"))
  const fixed = ["--owner=0", "--group=0", "--numeric-owner", "--mode=755", `--mtime=@${epoch}`, "--format=ustar"]
  await must(what, ["tar", "--append", "--file", tar, ...fixed, "-C", folder, "./dev"])
}

async function versions(path: string): Promise<Record<string, string>> {
  const lines = (await readFile(path, "utf8")).split("\n").filter(Boolean)
  return Object.fromEntries(lines.map((each) => each.split(" ") as [string, string]))
}

/** Mirrors of this machine where it is a Debian itself; another one's are of no use. */
async function hostMirrors(): Promise<Mirrors | undefined> {
  const { os } = await thisMachine()
  const folder = "/etc/apt/sources.list.d"
  const files = os.id === "debian" ? await readdir(folder).catch(() => []) : []
  const paths = os.id === "debian" ? ["/etc/apt/sources.list", ...files.sort().map((each) => join(folder, each))] : []
  const texts = await Promise.all(
    paths.filter((each) => /\.(list|sources)$/.test(each)).map((each) => readFile(each, "utf8").catch(() => "")),
  )
  return chosenMirrors(os.codename, texts)
}

let installing: Promise<void> | undefined
async function needMmdebstrap(image: string, say: (line: string) => void): Promise<void> {
  if (onPath("mmdebstrap")) return
  const machine = await thisMachine()
  if (!machine.root || !hasApt(machine)) {
    throw new Problem(`${image} cannot be had`, {
      why: "no image registry serves it, and mmdebstrap, which makes it from Debian's packages, is not installed",
      fix: "install mmdebstrap, or give Docker a registry mirror that serves the image (registry-mirrors in daemon.json)",
    })
  }
  installing ??= install(say)
  await installing
}

async function install(say: (line: string) => void): Promise<void> {
  say("installing mmdebstrap …")
  const env = { DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_SUSPEND: "1", LC_ALL: "C.UTF-8" }
  const wanted = ["install", "--yes", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring"]
  const options = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
  await run(["apt-get", ...options, "update"], { env })
  const { stdout } = await run(["apt-get", "--simulate", ...wanted], { env })
  await remember({ packages: readSimulation(stdout).added })
  const fix =
    "install mmdebstrap and debian-archive-keyring yourself (Ubuntu has them in universe), then run this again"
  await must("apt-get could not install mmdebstrap", ["apt-get", ...options, ...wanted], { env, fix })
}
