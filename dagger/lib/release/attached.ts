import pLimit from "p-limit"
import type { ImageRecord } from "./record.ts"
import type { KnownRecords } from "./store.ts"
import { releaseTag, tagsOf } from "./tags.ts"
import { trustedRecord, type Verifying } from "./verify.ts"

const sideBySide = 3

/** Records as they hang on their images in the registry, for whoever keeps none: only what somebody trusted signed counts. */
export class AttachedRecords implements KnownRecords {
  private readonly found = new Map<string, Promise<ImageRecord | undefined>>()
  private readonly side = pLimit(sideBySide)

  constructor(private readonly on: Verifying) {}

  /** Undefined for a digest of which nobody has said yet what image it is. */
  async byDigest(digest: string, image?: string): Promise<ImageRecord | undefined> {
    const known = this.found.get(digest)
    if (known || image === undefined) return known
    const asked = this.side(() => trustedRecord(this.on, { family: image, digest }))
    this.found.set(digest, asked)
    // What could not be asked is asked again.
    asked.catch(() => this.found.delete(digest))
    return asked
  }

  /** By their tags, which begin with the day: a registry does not say in which order they were pushed. */
  async releases(image: string): Promise<{ tag: string; digest: string }[]> {
    const tags = await this.side(() => tagsOf(this.on.registry, image))
    return tags.filter(({ tag }) => releaseTag.test(tag)).sort((a, b) => (a.tag < b.tag ? 1 : a.tag > b.tag ? -1 : 0))
  }

  /** The record of what is released now. */
  async latest(image: string): Promise<ImageRecord | undefined> {
    const digest = await this.side(() => this.on.registry.digestOf(image, "current"))
    return digest === undefined ? undefined : this.byDigest(digest, image)
  }
}
