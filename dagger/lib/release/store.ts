import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { type ImageRecord, recordSchema } from "./record.ts"

/** Where records are kept. */
export interface RecordStore {
  /** The newest record of a family, whatever it was built from. */
  latest(family: string): Promise<ImageRecord | undefined>
  byFingerprint(family: string, fingerprint: string): Promise<ImageRecord | undefined>
  put(record: ImageRecord): Promise<void>
}

/** Records as files of one folder: <family>/<fingerprint>.json and <family>/latest.json. */
export class FolderStore implements RecordStore {
  constructor(private readonly folder: string) {}

  latest(family: string): Promise<ImageRecord | undefined> {
    return this.read(join(family, "latest.json"))
  }

  byFingerprint(family: string, fingerprint: string): Promise<ImageRecord | undefined> {
    return this.read(join(family, `${fingerprint}.json`))
  }

  async put(record: ImageRecord): Promise<void> {
    await this.write(join(record.family, `${record.fingerprint}.json`), record)
    await this.write(join(record.family, "latest.json"), record)
  }

  /** A record that is missing, cut off or of another format is no record: the image is built and looked at again. */
  private async read(name: string): Promise<ImageRecord | undefined> {
    const text = await readFile(join(this.folder, name), "utf8").catch(() => "")
    try {
      return recordSchema.parse(JSON.parse(text))
    } catch {
      return undefined
    }
  }

  /** Whole or not at all: a record is written beside its place and moved there. */
  private async write(name: string, record: ImageRecord): Promise<void> {
    const path = join(this.folder, name)
    await mkdir(dirname(path), { recursive: true })
    const draft = `${path}.${process.pid}.draft`
    await writeFile(draft, `${JSON.stringify(record, null, 1)}\n`)
    await rename(draft, path)
  }
}

/** Remembers nothing beyond its own life, for engines that have no disk of their own. */
export class MemoryStore implements RecordStore {
  private readonly records = new Map<string, ImageRecord>()

  async latest(family: string): Promise<ImageRecord | undefined> {
    return this.records.get(family)
  }

  async byFingerprint(family: string, fingerprint: string): Promise<ImageRecord | undefined> {
    return this.records.get(`${family}@${fingerprint}`)
  }

  async put(record: ImageRecord): Promise<void> {
    this.records.set(record.family, record)
    this.records.set(`${record.family}@${record.fingerprint}`, record)
  }
}
