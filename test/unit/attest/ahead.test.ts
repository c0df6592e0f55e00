import { beforeEach, describe, expect, it } from "vitest"
import { type Attached, attached } from "../../../dagger/lib/attest/artifact.ts"
import { isAttested } from "../../../dagger/lib/attest/attest.ts"
import { Referrers, tagOf } from "../../../dagger/lib/attest/referrers.ts"
import type { Signer } from "../../../dagger/lib/attest/sign.ts"
import { recordStatement, recordType, sbomStatement, sbomType } from "../../../dagger/lib/attest/statement.ts"
import type { Engine, Ran, Step } from "../../../dagger/lib/engine/engine.ts"
import type { ImageRecord } from "../../../dagger/lib/release/record.ts"
import { Registry } from "../../../dagger/lib/release/registry.ts"
import { MemoryStore } from "../../../dagger/lib/release/store.ts"
import { attachedRecord } from "../../../dagger/lib/release/verify.ts"
import { sha256 } from "../../../dagger/lib/sha256.ts"
import { tinyRecord, tinySbom } from "../../fleets/tiny-image.ts"
import { bundleBy, newPair } from "./keys.ts"

const [pair, stranger] = [newPair(), newPair()]
const trust = { keys: [pair.publicKey], from: "policy.signing.keys in fleet.yaml" as const }
const [web, jobs, bare] = ["web", "jobs", "bare"].map((family) => tinyRecord(family, sha256(family))) as [
  ImageRecord,
  ImageRecord,
  ImageRecord,
]

interface Fetched {
  list: string | null
  parts: Record<string, string> | null
}

let held: Held
let referrers: Referrers
beforeEach(() => {
  held = new Held()
  for (const each of [web, jobs]) held.hang(each, recordOf(each), sbomOf(each))
  referrers = new Referrers(held.registry)
})

const recordOf = (record: ImageRecord, by = pair) => signedBy(by, record, recordType, recordStatement(record))
const sbomOf = (record: ImageRecord) => signedBy(pair, record, sbomType, sbomStatement(record, tinySbom(record.family)))
const signedBy = (by: typeof pair, { digest, at }: ImageRecord, type: string, statement: string): Attached =>
  attached(bundleBy(by, statement), { image: { digest, size: 1 }, type, statement, created: at })

const believed = async (image: ImageRecord) => (await attachedRecord({ referrers, trust }, image)).record
const hangs = (image: ImageRecord) => {
  const signer = { publicKey: pair.publicKey } as Signer
  return isAttested({ registry: held.registry, records: new MemoryStore(), signer, referrers }, image)
}

describe("what hangs on many images", () => {
  it("comes with one step, and nothing of it is asked for again", async () => {
    await referrers.fetchAhead([web, jobs, bare])
    expect([await believed(web), await believed(jobs), await believed(bare)]).toEqual([web, jobs, undefined])
    expect([await hangs(web), await hangs(jobs), await hangs(bare)]).toEqual([true, true, false])
    expect(held.steps).toEqual(["fetch the records of 3 images"])
  })

  it("is asked for one by one where that step fails, or writes what is nothing", async () => {
    const one = ["look up web:sha256-", "look up web:sha256:", "fetch a record of web"]
    for (const broken of [{ exitCode: 1 }, { file: "[{" }, { file: '[{"list":7}]' }, { file: "[null]" }]) {
      held.broken = broken
      held.steps.length = 0
      referrers = new Referrers(held.registry)
      await referrers.fetchAhead([web])
      expect(await believed(web)).toEqual(web)
      expect(held.steps.map((name) => name.replace(/[0-9a-f]{64}$/, ""))).toEqual(["fetch the records of web", ...one])
    }
  })

  it("is not what a file says that it is: other bytes than a digest's are asked for", async () => {
    const { manifest, bundle } = recordOf({ ...web, seconds: 7 })
    for (const other of [manifest, bundle]) {
      held.alter = ({ list, parts }) => ({
        list,
        parts: Object.fromEntries(Object.keys(parts!).map((name) => [name, base64(other)])),
      })
      referrers = new Referrers(held.registry)
      await referrers.fetchAhead([web])
      expect(await believed(web)).toEqual(web)
    }
    expect(held.steps.filter((name) => name === "fetch a record of web")).toHaveLength(2)
  })

  it("does not count when a stranger signed it, and the newest of somebody trusted does", async () => {
    const newer = { ...web, at: "2027-01-01T00:00:00.000Z", seconds: 7 }
    held.hang(web, recordOf(web), recordOf(newer, stranger))
    await referrers.fetchAhead([web])
    expect(await believed(web)).toEqual(web)
    held.hang(jobs, recordOf(jobs, stranger))
    await referrers.fetchAhead([jobs])
    const { record, refused } = await attachedRecord({ referrers, trust }, jobs)
    expect([record, refused]).toEqual([undefined, [expect.stringContaining("signed with another key")]])
    expect(held.steps).toEqual(["fetch the records of web", "fetch the records of jobs"])
  })

  it("is refused where something else lies under the list's tag", async () => {
    held.manifests.set(`web:${tagOf(web.digest)}`, '{"schemaVersion":2}')
    await referrers.fetchAhead([web])
    await expect(believed(web)).rejects.toThrow(/is no list of what belongs to an image/)
  })

  it("is asked for anew once something was attached", async () => {
    await referrers.fetchAhead([bare])
    expect(await believed(bare)).toBeUndefined()
    await referrers.attach("bare", bare.digest, [recordOf(bare)])
    held.hang(bare, recordOf(bare))
    expect(await believed(bare)).toEqual(bare)
  })
})

const base64 = (text: string) => Buffer.from(text).toString("base64")

/** A registry that answers steps as their tools do; the conformance suite asks real ones. */
class Held {
  steps: string[] = []
  broken: { exitCode?: number; file?: string } = {}
  alter: (fetched: Fetched) => Fetched = (fetched) => fetched
  manifests = new Map<string, string>()
  private readonly bundles = new Map<string, string>()
  readonly registry = new Registry(
    {
      run: async (step: Step) => this.run(step),
      read: async ({ handle }: { handle: string }) => handle,
      ...{ discard: async () => {}, file: () => ({}) },
    } as unknown as Engine,
    { host: "ghcr.io", org: "small" },
  )

  hang({ family, digest }: ImageRecord, ...all: Attached[]): void {
    const manifests = all.map(({ descriptor }) => descriptor)
    const mediaType = "application/vnd.oci.image.index.v1+json"
    this.manifests.set(`${family}:${tagOf(digest)}`, JSON.stringify({ schemaVersion: 2, mediaType, manifests }))
    for (const { descriptor, manifest, bundle } of all) {
      this.manifests.set(`${family}@${descriptor.digest}`, manifest)
      this.bundles.set(descriptor.digest, bundle)
    }
  }

  private run({ name, argv, outputs = {} }: Step): Ran {
    this.steps.push(name)
    const ran = { exitCode: 0, stdout: "", stderr: "", seconds: 0, outputs: {} }
    const last = argv.at(-1)!.replace("ghcr.io/small/", "")
    if (argv[1] === "show") {
      const text = this.manifests.get(last)
      return text === undefined ? { ...ran, exitCode: 4 } : { ...ran, stdout: `${text}\n${sha256(text)}\n` }
    }
    if (argv.includes("fetch")) {
      const lists = argv.filter((word) => word.includes(":sha256-")).map((word) => word.replace("ghcr.io/small/", ""))
      const file = this.broken.file ?? JSON.stringify(lists.map((list) => this.alter(this.fetched(list))))
      return { ...ran, ...this.broken, outputs: { fetched: { handle: file } } } as unknown as Ran
    }
    if (!outputs.bundle) return ran
    const bundle = this.bundles.get(argv.find((word) => word.startsWith("docker://"))!.split("@")[1]!)
    return { ...ran, outputs: { bundle: { handle: bundle } } } as unknown as Ran
  }

  private fetched(list: string): Fetched {
    const text = this.manifests.get(list)
    if (text === undefined) return { list: null, parts: null }
    const named: { digest: string }[] = JSON.parse(text).manifests ?? []
    const parts = named.flatMap(({ digest }) =>
      [this.manifests.get(`${list.split(":")[0]}@${digest}`)!, this.bundles.get(digest)!].map((part) => [
        sha256(part),
        base64(part),
      ]),
    )
    return { list: base64(text), parts: Object.fromEntries(parts) }
  }
}
