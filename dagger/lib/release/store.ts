import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { z } from "zod"
import { digestSchema } from "../fleet/names.ts"
import { type Reproduction, reproductionSchema } from "../reproduce/answer.ts"
import { type ImageRecord, recordSchema } from "./record.ts"

const publishedSchema = z.object({
  family: z.string(),
  tag: z.string(),
  /** "127.0.0.1:5000/my-fleet/family-web:20261122-abc1234". */
  ref: z.string(),
  digest: digestSchema,
  /** What `<tag>-prev` points to. */
  previous: digestSchema.optional(),
  /** The id of the key that signed its record; none where nothing was signed. */
  signedBy: z.string().optional(),
  /** The digest of the signed statement that its record is in: it hangs on the image. */
  statement: digestSchema.optional(),
  /** UTC. */
  at: z.string(),
})

/** One release: a tag that was published, in the order in which it happened. */
export type PublishedRelease = z.infer<typeof publishedSchema>

const signedSchema = z.object({ manifest: z.string(), bundle: z.string() })

/** A signed statement as it was pushed: the manifest and the bundle that it names. */
export type SignedCopy = z.infer<typeof signedSchema>

/** Where records are kept. */
export interface RecordStore {
  /** The newest record of a family, whatever it was built from. */
  latest(family: string): Promise<ImageRecord | undefined>
  byFingerprint(family: string, fingerprint: string): Promise<ImageRecord | undefined>
  /** The newest record of an image. */
  byDigest(digest: string): Promise<ImageRecord | undefined>
  /** Every record of a family that is kept, the newest first. */
  history(family: string): Promise<ImageRecord[]>
  put(record: ImageRecord): Promise<void>
  /** A signed copy by the digest of its statement. */
  signed(family: string, statement: string): Promise<SignedCopy | undefined>
  putSigned(family: string, statement: string, copy: SignedCopy): Promise<void>
  /** What was published, the newest first; of every family where none is named. */
  releases(family?: string): Promise<PublishedRelease[]>
  /** Remembers a release; the same one with the same record twice in a row is one. */
  released(release: PublishedRelease): Promise<void>
  /** What came of building a family's release again, the last time. */
  reproduction(family: string): Promise<Reproduction | undefined>
  putReproduction(reproduction: Reproduction): Promise<void>
}

/** What a rollout asks of records, wherever they are kept. Which image a digest is of helps who has to ask a registry. */
export interface KnownRecords {
  byDigest(digest: string, image?: string): Promise<ImageRecord | undefined>
  /** Of one image, the newest first. */
  releases(image: string): Promise<Pick<PublishedRelease, "tag" | "digest">[]>
}

// A record takes some 100 kB. What fell off here is still attached to its image.
const mostKept = 200

/**
 * Records as files of one folder, for each family <fingerprint>.json, latest.json, history/<when>-<digest>.json,
 * signed/<statement>.json, releases.jsonl and reproduction.json. What is missing, cut off or of another format is not there: the image is
 * built and looked at again.
 */
export class FolderStore implements RecordStore {
  constructor(private readonly folder: string) {}

  latest(family: string): Promise<ImageRecord | undefined> {
    return this.read(join(family, "latest.json"), recordSchema)
  }

  byFingerprint(family: string, fingerprint: string): Promise<ImageRecord | undefined> {
    return this.read(join(family, `${fingerprint}.json`), recordSchema)
  }

  async byDigest(digest: string): Promise<ImageRecord | undefined> {
    const found: ImageRecord[] = []
    for (const family of await this.families()) {
      const latest = await this.latest(family)
      if (latest?.digest === digest) found.push(latest)
      else found.push(...(await this.kept(family, (name) => name.endsWith(ending(digest)))).slice(0, 1))
    }
    return newestFirst(found.filter((each) => each.digest === digest))[0]
  }

  async history(family: string): Promise<ImageRecord[]> {
    const kept = await this.kept(family)
    const latest = await this.latest(family)
    // Records from before there was a history are in latest.json only.
    const known = latest && kept.some(({ at, digest }) => at === latest.at && digest === latest.digest)
    return newestFirst(latest && !known ? [...kept, latest] : kept)
  }

  async put(record: ImageRecord): Promise<void> {
    const { family, fingerprint, at, digest } = record
    await this.write(join(family, "history", `${at.replaceAll(":", "")}${ending(digest)}`), record)
    await this.write(join(family, `${fingerprint}.json`), record)
    await this.write(join(family, "latest.json"), record)
    for (const name of (await this.names(family, "history")).slice(mostKept))
      await rm(join(this.folder, family, "history", name), { force: true })
  }

  signed(family: string, statement: string): Promise<SignedCopy | undefined> {
    return this.read(signedName(family, statement), signedSchema)
  }

  putSigned(family: string, statement: string, { manifest, bundle }: SignedCopy): Promise<void> {
    return this.write(signedName(family, statement), { manifest, bundle })
  }

  async releases(family?: string): Promise<PublishedRelease[]> {
    const families = family === undefined ? await this.families() : [family]
    const all = await Promise.all(families.map((each) => this.releasesOf(each)))
    return newestFirst(all.flat())
  }

  async released(release: PublishedRelease): Promise<void> {
    const last = (await this.releasesOf(release.family))[0]
    if (last && sameRelease(last, release)) return
    const path = join(this.folder, releasesName(release.family))
    await mkdir(dirname(path), { recursive: true })
    // In front of the line, so that one that was cut off spoils no other.
    await appendFile(path, `\n${JSON.stringify(release)}`)
  }

  reproduction(family: string): Promise<Reproduction | undefined> {
    return this.read(join(family, "reproduction.json"), reproductionSchema)
  }

  putReproduction(reproduction: Reproduction): Promise<void> {
    return this.write(join(reproduction.family, "reproduction.json"), reproduction)
  }

  private async releasesOf(family: string): Promise<PublishedRelease[]> {
    const text = await readFile(join(this.folder, releasesName(family)), "utf8").catch(() => "")
    const lines = text.split("\n").flatMap((line) => parsed(line, publishedSchema) ?? [])
    return lines.reverse()
  }

  private async kept(family: string, which: (name: string) => boolean = () => true): Promise<ImageRecord[]> {
    const names = (await this.names(family, "history")).filter(which)
    const records = await Promise.all(names.map((name) => this.read(join(family, "history", name), recordSchema)))
    return records.filter((record) => record !== undefined)
  }

  /** The newest first: names begin with the time. */
  private async names(...path: string[]): Promise<string[]> {
    const names = await readdir(join(this.folder, ...path)).catch(() => [])
    return names
      .filter((name) => name.endsWith(".json"))
      .sort()
      .reverse()
  }

  private async families(): Promise<string[]> {
    const entries = await readdir(this.folder, { withFileTypes: true }).catch(() => [])
    return entries.filter((each) => each.isDirectory()).map(({ name }) => name)
  }

  private async read<T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> {
    return parsed(await readFile(join(this.folder, name), "utf8").catch(() => ""), schema)
  }

  /** Whole or not at all: written beside its place and moved there. */
  private async write(name: string, what: object): Promise<void> {
    const path = join(this.folder, name)
    await mkdir(dirname(path), { recursive: true })
    const draft = `${path}.${process.pid}.draft`
    await writeFile(draft, `${JSON.stringify(what, null, 1)}\n`)
    await rename(draft, path)
  }
}

const ending = (digest: string): string => `-${digest.slice(7, 19)}.json`
const releasesName = (family: string): string => join(family, "releases.jsonl")
// What a statement is said to be may come from a registry: only a digest becomes a file's name.
const signedName = (family: string, statement: string): string =>
  join(family, "signed", `${digestSchema.safeParse(statement).data?.slice(7) ?? "none"}.json`)

const sameRelease = (a: PublishedRelease, b: PublishedRelease): boolean =>
  a.tag === b.tag && a.digest === b.digest && a.statement === b.statement

const newestFirst = <T extends { at: string }>(all: T[]): T[] =>
  [...all].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))

function parsed<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Remembers nothing beyond its own life, for engines that have no disk of their own. */
export class MemoryStore implements RecordStore {
  private readonly records: ImageRecord[] = []
  private readonly copies = new Map<string, SignedCopy>()
  private readonly published: PublishedRelease[] = []
  private readonly reproductions = new Map<string, Reproduction>()

  async latest(family: string): Promise<ImageRecord | undefined> {
    return this.records.find((each) => each.family === family)
  }

  async byFingerprint(family: string, fingerprint: string): Promise<ImageRecord | undefined> {
    return this.records.find((each) => each.family === family && each.fingerprint === fingerprint)
  }

  async byDigest(digest: string): Promise<ImageRecord | undefined> {
    return this.records.find((each) => each.digest === digest)
  }

  async history(family: string): Promise<ImageRecord[]> {
    return this.records.filter((each) => each.family === family)
  }

  async put(record: ImageRecord): Promise<void> {
    this.records.unshift(record)
  }

  async signed(family: string, statement: string): Promise<SignedCopy | undefined> {
    return this.copies.get(`${family}@${statement}`)
  }

  async putSigned(family: string, statement: string, copy: SignedCopy): Promise<void> {
    this.copies.set(`${family}@${statement}`, copy)
  }

  async releases(family?: string): Promise<PublishedRelease[]> {
    return this.published.filter((each) => family === undefined || each.family === family)
  }

  async released(release: PublishedRelease): Promise<void> {
    const last = (await this.releases(release.family))[0]
    if (!last || !sameRelease(last, release)) this.published.unshift(release)
  }

  async reproduction(family: string): Promise<Reproduction | undefined> {
    return this.reproductions.get(family)
  }

  async putReproduction(reproduction: Reproduction): Promise<void> {
    this.reproductions.set(reproduction.family, reproduction)
  }
}
