import { Problem } from "../problem.ts"
import type { Registry } from "../release/registry.ts"
import type { SignedCopy } from "../release/store.ts"
import { sha256 } from "../sha256.ts"
import { type Attached, artifactSchema, empty, indexSchema, indexWith, type ReferrersIndex } from "./artifact.ts"
import { bundleType, Untrusted } from "./envelope.ts"

// An SBOM of 10,000 packages takes some 10 MB.
const mostBytes = 64 * 1024 * 1024

/**
 * What is attached to images, by the tag that OCI 1.1 has for registries without its referrers API. Others keep their own
 * list of what is pushed with a subject, and this tag beside it: so there is one way that works with each of them.
 */
export class Referrers {
  constructor(private readonly registry: Registry) {}

  async list(family: string, digest: string): Promise<ReferrersIndex | undefined> {
    const text = await this.registry.manifest(family, tagOf(digest))
    if (text === undefined) return undefined
    const read = indexSchema.safeParse(json(text))
    if (read.success) return read.data
    throw new Problem(`${family}:${tagOf(digest)} is no list of what belongs to an image`, {
      where: this.registry.address.host,
      why: "OCI keeps that list under this tag, and something else was pushed there",
      fix: "find out who else writes this tag, remove it, then run ship again",
    })
  }

  /** The bundle behind a digest of the list. Throws Untrusted for what is no bundle. */
  async fetch(family: string, digest: string): Promise<string> {
    return (await this.fetchWhole(family, digest)).bundle
  }

  /** The same with the manifest that names it, as a store keeps both. */
  async fetchWhole(family: string, digest: string): Promise<SignedCopy> {
    const manifest = await this.registry.manifest(family, digest)
    if (manifest === undefined) throw new Untrusted("the list names it, and the registry does not have it")
    // skopeo checks what it copies; a manifest that is only looked at is checked here.
    if (sha256(manifest) !== digest) throw new Untrusted("the registry answers other bytes than the list names")
    const layer = artifactSchema.safeParse(json(manifest)).data?.layers[0]
    if (layer?.mediaType !== bundleType) throw new Untrusted("it is no signed statement")
    if (layer.size > mostBytes) throw new Untrusted(`it has ${layer.size} bytes, at most ${mostBytes} are read`)
    const { registry } = this
    const file = `/out/${layer.digest.replace("sha256:", "")}`
    const step = {
      ...registry.step(`fetch a record of ${family}`, [
        ...["copy", "--preserve-digests", "--retry-times", "3", ...registry.tls("src-")],
        ...[registry.refByDigest(family, digest), "dir:/out"],
      ]),
      outputs: { bundle: file },
    }
    const ran = await registry.engine.run(step)
    if (ran.exitCode !== 0 || !ran.outputs.bundle) throw registry.failed(step, ran)
    return { manifest, bundle: await registry.engine.read(ran.outputs.bundle, mostBytes) }
  }

  /** Pushes statements by digest, then the list that names them: they are there together, or not yet. */
  async attach(family: string, digest: string, added: readonly Attached[]): Promise<void> {
    await Promise.all(added.map((each) => this.push(family, each)))
    const index = indexWith(
      await this.list(family, digest),
      added.map(({ descriptor }) => descriptor),
    )
    await this.copy(`list records of ${family}`, {
      files: { "manifest.json": index },
      options: ["--multi-arch", "index-only"],
      to: this.registry.ref(family, tagOf(digest)),
    })
    const now = await this.list(family, digest)
    if (added.every((each) => now?.manifests.some((known) => known.digest === each.descriptor.digest))) return
    throw new Problem(`${family}:${tagOf(digest)} does not name what was just attached`, {
      where: this.registry.address.host,
      why: "somebody else wrote the list at the same moment",
      fix: "run the same command again",
    })
  }

  private push(family: string, { manifest, bundle, descriptor }: Attached): Promise<void> {
    return this.copy(`attach a record to ${family}`, {
      files: { "manifest.json": manifest, [hex(sha256(bundle))]: bundle, [hex(empty.digest)]: empty.text },
      options: [],
      to: this.registry.refByDigest(family, descriptor.digest),
    })
  }

  /** From skopeo's plain folder: each file under its digest. */
  private copy(name: string, what: { files: Record<string, string>; options: string[]; to: string }): Promise<void> {
    const { registry } = this
    const files = { version: "Directory Transport Version: 1.1\n", ...what.files }
    return registry.run({
      ...registry.step(name, [
        ...["copy", "--preserve-digests", "--retry-times", "3", ...what.options, ...registry.tls("dest-")],
        ...["dir:/in", what.to],
      ]),
      inputs: Object.fromEntries(
        Object.entries(files).map(([file, text]) => [`/in/${file}`, registry.engine.file(file, text)]),
      ),
    })
  }
}

/** OCI distribution specification 1.1, "Referrers Tag Schema". */
export const tagOf = (digest: string): string => digest.replace(":", "-")

const hex = (digest: string): string => digest.replace("sha256:", "")

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
