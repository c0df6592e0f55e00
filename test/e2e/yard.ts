import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { execa } from "execa"
import { registryAddress } from "../../cli/setup/registry.ts"
import { fairleadRoot } from "../../cli/version.ts"
import type { ShipReport } from "../../dagger/lib/release/ship.ts"

/** A fleet's repository of its own: this one's files, committed, so that a test may break them. */
export class Checkout {
  private constructor(readonly root: string) {}

  static async make(): Promise<Checkout> {
    const root = await mkdtemp(join(tmpdir(), "fleet-"))
    for (const path of ["fleet.yaml", "dockerfiles", "apps"]) {
      await cp(join(fairleadRoot, path), join(root, path), { recursive: true })
    }
    const checkout = new Checkout(root)
    await checkout.git("init", "--quiet", "--initial-branch=main")
    await checkout.commit("a fleet")
    return checkout
  }

  /** The fleet of `fairlead init`: one family, and one app image on it. */
  static async init(): Promise<Checkout> {
    const checkout = new Checkout(await mkdtemp(join(tmpdir(), "init-fleet-")))
    const made = await fairlead(["init"], { cwd: checkout.root })
    if (made.exitCode !== 0) throw new Error(made.stderr)
    await checkout.git("init", "--quiet", "--initial-branch=main")
    await checkout.commit("a fleet")
    return checkout
  }

  /** Commits what another verb wrote. */
  save(message: string): Promise<void> {
    return this.commit(message)
  }

  /** Writes a file anew and commits it. */
  async change(path: string, how: (text: string) => string): Promise<void> {
    const full = join(this.root, path)
    await mkdir(dirname(full), { recursive: true })
    await writeFile(full, how(await readFile(full, "utf8").catch(() => "")))
    await this.commit(`change ${path}`)
  }

  /** The same commits in a folder of another name. */
  async copy(): Promise<Checkout> {
    const root = await mkdtemp(join(tmpdir(), "copy-of-a-fleet-"))
    await cp(this.root, root, { recursive: true })
    return new Checkout(root)
  }

  async head(): Promise<string> {
    return (await this.git("rev-parse", "HEAD")).trim()
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true, force: true })
  }

  private async commit(message: string): Promise<void> {
    await this.git("add", "--all")
    await this.git(
      "-c",
      "user.name=Test",
      "-c",
      "user.email=test@example.org",
      "commit",
      "--quiet",
      "--message",
      message,
    )
  }

  private async git(...argv: string[]): Promise<string> {
    return (await execa("git", argv, { cwd: this.root })).stdout
  }
}

export interface Told {
  exitCode: number
  stdout: string
  stderr: string
}

/** Runs ./fairlead as a person would. */
export async function fairlead(
  argv: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Told> {
  const { exitCode, stdout, stderr } = await execa(join(fairleadRoot, "fairlead"), argv, {
    ...options,
    // Vitest asks for colours; what is compared here has none, as in any pipe.
    env: { FORCE_COLOR: undefined, ...options.env },
    reject: false,
    stdin: "ignore",
  })
  return { exitCode: exitCode ?? -1, stdout, stderr }
}

/** Ships from a checkout to an organisation of the embedded registry. */
export const ship = (checkout: Checkout, org: string, ...more: string[]) =>
  shipAs({}, checkout, `${registryAddress()}/${org}`, ...more)

/** The same to any registry, with an environment of its own. */
export async function shipAs(
  env: Record<string, string>,
  checkout: Checkout,
  registry: string,
  ...more: string[]
): Promise<Told & { report: ShipReport }> {
  const told = await fairlead(["ship", "--json", "--registry", registry, ...more], { cwd: checkout.root, env })
  if (!told.stdout.startsWith("{")) throw new Error(`ship told no report, exit ${told.exitCode}:\n${told.stderr}`)
  return { ...told, report: JSON.parse(told.stdout) }
}

/** Asks the registry itself, not Fairlead: the digest of a tag. */
export async function digestIn(org: string, family: string, tag: string): Promise<string | undefined> {
  const accept = "application/vnd.oci.image.manifest.v1+json"
  const answer = await fetch(`http://${registryAddress()}/v2/${org}/${family}/manifests/${tag}`, {
    method: "HEAD",
    headers: { accept },
    signal: AbortSignal.timeout(60_000),
  })
  return answer.ok ? (answer.headers.get("docker-content-digest") ?? undefined) : undefined
}

/** The registry's tags of a family; none where it has never been pushed. */
export async function tagsIn(org: string, family: string): Promise<string[]> {
  const answer = await fetch(`http://${registryAddress()}/v2/${org}/${family}/tags/list`, {
    signal: AbortSignal.timeout(60_000),
  })
  return answer.ok ? ((await answer.json()) as { tags: string[] }).tags : []
}
