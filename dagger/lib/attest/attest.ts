import { gunzipSync } from "node:zlib"
import { packagesIn } from "../build/sbom.ts"
import { sbomPath } from "../build/seal.ts"
import { type Artifact, type Step, succeeded } from "../engine/engine.ts"
import { Problem } from "../problem.ts"
import { contentsOf } from "../release/contents.ts"
import type { ImageRecord } from "../release/record.ts"
import type { Registry } from "../release/registry.ts"
import type { RecordStore } from "../release/store.ts"
import { sha256 } from "../sha256.ts"
import { type Attached, annotation, attached, candidates, type Descriptor, type ReferrersIndex } from "./artifact.ts"
import { opened } from "./envelope.ts"
import { Referrers } from "./referrers.ts"
import { ownOf, type Signer, signed } from "./sign.ts"
import { recordStatement, recordType, sbomStatement, sbomType, subjectOf } from "./statement.ts"
import type { Trusted } from "./trust.ts"
import { Untrusted } from "./untrusted.ts"

export interface Attesting {
  registry: Registry
  records: RecordStore
  signer: Signer
  /** Whose signatures count beside the signer's own: what one of them said is not said again. */
  trusted?: Trusted
  /** One that has fetched ahead what hangs on images that were there before this run. Default: it is asked for. */
  referrers?: Referrers
}

/** What is said of an image: a type, the signed text, and since when it is so. */
interface Said {
  type: string
  statement: string
  created: string
}

/** What a run that made the image knows of it; the registry is asked for the rest. */
export interface Made {
  sbom?: Artifact
  /** Of its manifest. */
  bytes?: number
  /** Resolves once the registry has the image. Default: it has it. */
  uploaded?: Promise<unknown>
}

/**
 * Attaches an image's record and its SBOM, signed, to the image in the registry, under its digest. What is there already is
 * not attached again. The image need not have a tag yet; it is signed for while it is on its way.
 */
export async function attest(on: Attesting, record: ImageRecord, { sbom, bytes, uploaded }: Made = {}): Promise<void> {
  const { family, digest } = record
  const [looking, size] = await Promise.all([look(on, record), bytes ?? bytesOf(on.registry, record)])
  const missing = async (said: Said) =>
    (await isThere(looking, said)) ? [] : [await made(on, family, { digest, size }, said)]
  const listed = async () => {
    // The packages of a digest never change: one signed list of them is enough, whoever reads it later.
    if (!sbom && (await anySbom(looking))) return []
    const text = sbom ? await on.registry.engine.read(sbom) : await sbomInside(on.registry, record)
    return missing({ type: sbomType, statement: sbomStatement(record, text), created: record.at })
  }
  const added = (await Promise.all([missing(saidBy(record)), listed()])).flat()
  await uploaded
  if (added.length > 0) await looking.referrers.attach(family, digest, added)
}

async function bytesOf(registry: Registry, { family, digest }: ImageRecord): Promise<number> {
  const image = await registry.manifest(family, digest)
  if (image === undefined) throw new Problem(`${family}@${digest} is not in ${registry.address.host}`)
  return Buffer.byteLength(image)
}

/** Whether nothing is left to attach: the record as it reads here and an SBOM are there, signed by somebody who counts. */
export async function isAttested(on: Attesting, record: ImageRecord): Promise<boolean> {
  const looking = await look(on, record)
  return (await Promise.all([isThere(looking, saidBy(record)), anySbom(looking)])).every(Boolean)
}

async function look(on: Attesting, { family, digest }: ImageRecord): Promise<Looking> {
  const referrers = on.referrers ?? new Referrers(on.registry)
  return { ...on, referrers, index: await referrers.list(family, digest), family, digest }
}

const saidBy = (record: ImageRecord): Said => ({
  type: recordType,
  statement: recordStatement(record),
  created: record.at,
})

/** Whether this very statement is attached, signed by somebody who counts. */
async function isThere(on: Looking, { type, statement }: Said): Promise<boolean> {
  const wanted = sha256(statement)
  for (const each of candidates(on.index, type)) {
    if (each.annotations?.[annotation.statement] !== wanted) continue
    if ((await read(on, each))?.text === statement) return true
  }
  return false
}

/** Whether an SBOM of this image is attached, signed by somebody who counts. */
async function anySbom(on: Looking): Promise<boolean> {
  for (const each of candidates(on.index, sbomType)) {
    if (each.annotations?.[annotation.predicateType] !== sbomType) continue
    const statement = (await read(on, each))?.statement
    if (statement?.predicateType === sbomType && subjectOf(statement) === on.digest) return true
  }
  return false
}

interface Looking extends Attesting {
  referrers: Referrers
  index: ReferrersIndex | undefined
  family: string
  digest: string
}

/** What is attached by a name, if somebody who counts signed it; from here, where it was pushed from here or read before. */
async function read(on: Looking, { digest, annotations }: Descriptor) {
  const { records, referrers, family, signer, trusted } = on
  const own = await records.signed(family, annotations?.[annotation.statement] ?? "")
  try {
    const bundle = own && sha256(own.manifest) === digest ? own.bundle : await referrers.fetch(family, digest)
    return await opened(bundle, countingFor(signer, trusted))
  } catch (error) {
    if (error instanceof Untrusted) return undefined
    throw error
  }
}

/** Whoever the fleet trusts, and the signer itself. */
function countingFor(signer: Signer, trusted: Trusted | undefined): Trusted {
  const own = ownOf(signer)
  return trusted ? { ...own, ...trusted, keys: [...own.keys, ...trusted.keys] } : own
}

/** Signed, and kept: a run that was cut off before it pushed pushes the same bytes the next time. */
async function made(
  { registry, records, signer }: Attesting,
  family: string,
  image: { digest: string; size: number },
  { type, statement, created }: Said,
): Promise<Attached> {
  const own = await records.signed(family, sha256(statement))
  const bundle =
    own && (await isBy(signer, own.bundle, statement)) ? own.bundle : await signed(registry.engine, signer, statement)
  const artifact = attached(bundle, { image, type, statement, created })
  await records.putSigned(family, sha256(statement), artifact)
  return artifact
}

/** The SBOM that an image carries itself, for images that were built by an earlier run. */
async function sbomInside(registry: Registry, { family, digest, contents }: ImageRecord): Promise<string> {
  const { engine } = registry
  const archive = await registry.download(family, digest)
  const step: Step = { name: `read the SBOM of ${family}`, image: archive, argv: ["base64", "-w0", sbomPath] }
  const packed = succeeded(step, await engine.run(step))
  const text = gunzipSync(Buffer.from(packed.stdout, "base64"), { maxOutputLength: 256 * 1024 * 1024 }).toString("utf8")
  if (contentsOf(packagesIn(text)) === contents) return text
  throw new Problem(`the SBOM inside ${family} lists other packages than its record`, {
    where: digest,
    fix: "run ship again with --no-cache",
  })
}

async function isBy(signer: Signer, bundle: string, statement: string): Promise<boolean> {
  try {
    return (await opened(bundle, ownOf(signer))).text === statement
  } catch (error) {
    if (error instanceof Untrusted) return false
    throw error
  }
}
