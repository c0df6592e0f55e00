import type { Artifact } from "../engine/engine.ts"
import { Problem } from "../problem.ts"
import { patient } from "../release/patience.ts"
import type { Registry } from "../release/registry.ts"
import type { SignedCopy } from "../release/store.ts"
import { sha256 } from "../sha256.ts"
import { Ahead } from "./ahead.ts"
import { type Attached, artifactSchema, empty, indexSchema, type ReferrersIndex } from "./artifact.ts"
import { bundleType } from "./envelope.ts"
import { Untrusted } from "./untrusted.ts"

// An SBOM of 10,000 packages takes some 10 MB.
const mostBytes = 64 * 1024 * 1024

/**
 * What is attached to images, by the tag that OCI 1.1 has for registries without its referrers API. Others keep their own
 * list of what is pushed with a subject, and this tag beside it: so there is one way that works with each of them.
 */
export class Referrers {
  private readonly ahead = new Ahead()

  constructor(private readonly registry: Registry) {}

  /** Fetches with one step what hangs on many images; this object answers from it what it can, and asks for the rest. */
  fetchAhead(images: readonly { family: string; digest: string }[]): Promise<void> {
    return this.ahead.fetch(
      this.registry,
      images.map(({ family, digest }) => ({ family, tag: tagOf(digest) })),
    )
  }

  async list(family: string, digest: string): Promise<ReferrersIndex | undefined> {
    const known = this.ahead.list(family, tagOf(digest))
    const text = known ? known.text : await this.registry.manifest(family, tagOf(digest))
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
    const manifest = this.ahead.part(family, digest) ?? (await this.registry.manifest(family, digest))
    if (manifest === undefined) throw new Untrusted("the list names it, and the registry does not have it")
    if (sha256(manifest) !== digest) throw new Untrusted("the registry answers other bytes than the list names")
    const layer = artifactSchema.safeParse(json(manifest)).data?.layers[0]
    if (layer?.mediaType !== bundleType) throw new Untrusted("it is no signed statement")
    if (layer.size > mostBytes) throw new Untrusted(`it has ${layer.size} bytes, at most ${mostBytes} are read`)
    const known = this.ahead.part(family, layer.digest)
    if (known !== undefined) return { manifest, bundle: known }
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
    const { registry } = this
    const list = registry.name(family, tagOf(digest))
    const folders = added.map((_, index) => `/in/${index}`)
    const step = patient({
      ...registry.tags(`attach ${added.length} records to ${family}`, ["attach", list, ...folders]),
      inputs: Object.fromEntries(added.flatMap((each, index) => this.filesOf(each, folders[index]!))),
    })
    this.ahead.forget(family, tagOf(digest))
    const ran = await registry.engine.run(step)
    if (ran.exitCode === 0) return
    if (!/^unlisted$/m.test(ran.stdout)) throw registry.failed(step, ran)
    throw new Problem(`${family}:${tagOf(digest)} does not name what was just attached`, {
      where: registry.address.host,
      why: "somebody else wrote the list at the same moment",
      fix: "run the same command again",
    })
  }

  /** As image-tags wants an artifact: its blobs under their digests, the manifest, and its entry in the list. */
  private filesOf({ manifest, bundle, descriptor }: Attached, folder: string): [string, Artifact][] {
    const files = {
      "manifest.json": manifest,
      "descriptor.json": JSON.stringify(descriptor),
      [hex(sha256(bundle))]: bundle,
      [hex(empty.digest)]: empty.text,
    }
    return Object.entries(files).map(([name, text]) => [`${folder}/${name}`, this.registry.engine.file(name, text)])
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
