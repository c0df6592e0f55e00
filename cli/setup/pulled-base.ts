import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { execa } from "execa"
import type { Base } from "../../dagger/lib/fleet/base.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { must, run } from "./command.ts"

/** A base that a registry had, unpacked into `layout` of the folder; or why none had it. */
export type Pulled = { digest: string; pulled?: string } | { refused: string }

/** Asks the container engine, with whatever mirrors, credentials and proxies it is set up with. */
export async function pulledBase(base: Base, folder: string): Promise<Pulled> {
  const name = base.digest ? `${base.image.replace(/:[^:/]*$/, "")}@${base.digest}` : base.image
  const known = await run(["docker", "image", "inspect", name])
  const refused = await pull(name)
  if (refused !== undefined) return { refused }
  try {
    const [archive, layout] = [join(folder, "image.tar"), join(folder, "layout")]
    await must(`Docker could not save ${name}`, ["docker", "save", "--output", archive, name])
    await must(`${name} could not be unpacked`, ["tar", "-xf", archive, "-C", layout])
    await withoutTags(join(layout, "manifest.json"))
    return { digest: await digestIn(layout, name), pulled: await registryDigest(name) }
  } finally {
    if (known.exitCode !== 0) await run(["docker", "image", "rm", name])
  }
}

/** The name stays the user's: loading the layout again must not give it to anything. */
async function withoutTags(path: string): Promise<void> {
  const images = JSON.parse(await readFile(path, "utf8").catch(() => "[]")) as object[]
  await writeFile(path, JSON.stringify(images.map((each) => ({ ...each, RepoTags: null }))))
}

async function registryDigest(name: string): Promise<string | undefined> {
  const { stdout } = await run(["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", name])
  return /sha256:[0-9a-f]{64}/.exec(stdout)?.[0]
}

async function digestIn(layout: string, name: string): Promise<string> {
  const text = await readFile(join(layout, "index.json"), "utf8").catch(() => "{}")
  const digest = (JSON.parse(text) as { manifests?: { digest: string }[] }).manifests?.[0]?.digest
  if (digest) return digest
  throw new Problem(`Docker saved ${name} in a format of old`, { fix: "upgrade Docker to 25 or newer" })
}

/** Why it cannot be pulled; undefined when it was. A registry that says nothing for some seconds is none. */
async function pull(name: string): Promise<string | undefined> {
  const child = execa("docker", ["pull", "--platform", "linux/amd64", name], { reject: false, stdin: "ignore" })
  const silence = setTimeout(() => child.kill(), silenceSeconds * 1000)
  child.stdout.once("data", () => clearTimeout(silence))
  const { exitCode, stderr, isTerminated } = await child
  clearTimeout(silence)
  if (exitCode === 0) return undefined
  return isTerminated ? `nothing answered in ${silenceSeconds} s` : reasonIn(stderr)
}

const silenceSeconds = 6

/** The cause at the end of Go's chain of errors: "no such host". */
const reasonIn = (stderr: string): string =>
  stderr.trim().split("\n").at(-1)!.split(": ").slice(-2).join(": ").slice(0, 120) || "docker is missing"
