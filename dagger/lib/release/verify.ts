import { candidates, type Descriptor } from "../attest/artifact.ts"
import { type Opened, opened, signatory } from "../attest/envelope.ts"
import { Referrers } from "../attest/referrers.ts"
import { recordType, type Statement, sbomType, subjectOf } from "../attest/statement.ts"
import type { Trust } from "../attest/trust.ts"
import { Untrusted } from "../attest/untrusted.ts"
import { packagesIn } from "../build/sbom.ts"
import { CouldNotLook, type Verdict, worst } from "../gates/verdict.ts"
import { Problem } from "../problem.ts"
import { dayOf } from "../risks/day.ts"
import { sha256 } from "../sha256.ts"
import { contentsOf } from "./contents.ts"
import { type ImageRecord, recordSchema } from "./record.ts"
import { isLoopback, type Registry } from "./registry.ts"
import type { SignedCopy } from "./store.ts"

export interface Verifying {
  registry: Registry
  trust: Trust
  /** The day on which acceptances have to hold. */
  now: Date
  /** It is to run on a real host: UNCHECKED is not enough then, wherever the registry is. */
  realHost?: boolean
}

/** An image in the registry: its repository's last part, and its digest. */
export interface ReleasedImage {
  family: string
  digest: string
}

/** What is known of a published image from what is attached to it and signed by somebody who is trusted. */
export interface Verified {
  family: string
  digest: string
  good: boolean
  /** Why it is not good, a line each. */
  problems: string[]
  /** The newest record that somebody trusted signed; absent where there is none. */
  record?: ImageRecord
  verdict?: Verdict
  /** Who signed it: a key's id, or an identity. */
  signedBy?: string
  trusted: Trust["from"]
  sbom: "signed" | "missing" | "wrong"
}

// Whoever may push can hang any number of things on an image; a release has a few.
const mostTried = 50

/**
 * Whether an image may be put into service: the newest record that somebody trusted signed is about this very image and
 * family, and says that its gates passed. Throws a Problem (exit code 3) where the registry could not be asked.
 */
export async function verifyRelease(on: Verifying, image: ReleasedImage): Promise<Verified> {
  const referrers = new Referrers(on.registry)
  const index = await referrers.list(image.family, image.digest)
  const read = (type: string) => newest({ referrers, on, image }, candidates(index, type), type)
  const [found, sbom] = await Promise.all([read(recordType), read(sbomType)])
  const base = { ...image, trusted: on.trust.from }
  if (!found.predicate) {
    const problems = found.refused.length > 0 ? found.refused : [`it has no record: nobody says what its gates saw`]
    return { ...base, good: false, problems, sbom: sbom.predicate ? "signed" : "missing" }
  }
  const parsed = recordSchema.safeParse(found.predicate)
  if (!parsed.success)
    return { ...base, good: false, problems: ["its record is of a form that is not known here"], sbom: "missing" }
  const record = parsed.data
  const problems = [
    ...aboutAnother(record, image),
    ...verdictsOf(record, { enough: uncheckedIsEnoughFor(on), now: on.now }),
  ]
  const listed = sbomOf(sbom.predicate, record)
  if (listed === "wrong") problems.push("its signed SBOM lists other packages than its record")
  const verdict = worst(Object.values(record.gates).map((gate) => gate.verdict))
  const by = { signedBy: signatory(found.by!), trusted: writtenFor(found.by!, on.trust) }
  return { ...base, ...by, good: problems.length === 0, problems, record, verdict, sbom: listed }
}

/** Where it is written that this one's signatures count. */
const writtenFor = ({ identity }: Signed, { from }: Trust): Trust["from"] => {
  if (identity) return "policy.signing.identities in fleet.yaml"
  return from === "policy.signing in fleet.yaml" ? "policy.signing.keys in fleet.yaml" : from
}

/** The newest SBOM of an image that somebody trusted signed, as SPDX; undefined where there is none. */
export async function signedSbom(on: Verifying, image: ReleasedImage): Promise<unknown> {
  const referrers = new Referrers(on.registry)
  const index = await referrers.list(image.family, image.digest)
  return (await newest({ referrers, on, image }, candidates(index, sbomType), sbomType)).predicate
}

/** The newest record of an image that somebody trusted signed, whatever its gates said; undefined where there is none. */
export async function trustedRecord(on: Verifying, image: ReleasedImage): Promise<ImageRecord | undefined> {
  return (await attachedRecord({ ...on, referrers: new Referrers(on.registry) }, image)).record
}

/** What is attached to an image as its record: the one that counts, or why none does. */
export interface AttachedRecord {
  record?: ImageRecord
  /** As it was pushed, with the digest of its statement. */
  signed?: SignedCopy & { statement: string }
  refused: string[]
}

export async function attachedRecord(
  { referrers, ...on }: Pick<Verifying, "trust"> & { referrers: Referrers },
  image: ReleasedImage,
): Promise<AttachedRecord> {
  const index = await referrers.list(image.family, image.digest)
  const found = await newest({ referrers, on, image }, candidates(index, recordType), recordType)
  if (!found.signed) return { refused: found.refused.length > 0 ? found.refused : ["it has no record"] }
  const { data } = recordSchema.safeParse(found.predicate)
  if (!data) return { refused: ["its record is of a form that is not known here"] }
  const another = aboutAnother(data, image)
  return another.length > 0 ? { refused: another } : { record: data, signed: found.signed, refused: [] }
}

/** The digest behind a tag; a digest is its own. Throws a Problem (exit code 1) for a tag that is not there. */
export async function resolved(registry: Registry, family: string, name: string): Promise<string> {
  const digest = name.startsWith("sha256:") ? name : await registry.digestOf(family, name)
  if (digest !== undefined) return digest
  throw new Problem(`${family}:${name} is not there`, {
    where: `${registry.address.host}/${registry.address.org}`,
    fix: `look for its tags: skopeo list-tags docker://${registry.address.host}/${registry.address.org}/${family}`,
    exitCode: 1,
  })
}

type Signed = Pick<Opened, "key" | "identity">

interface Newest {
  /** What the newest good statement says. */
  predicate?: unknown
  by?: Signed
  signed?: SignedCopy & { statement: string }
  /** Why the others do not count. */
  refused: string[]
}

async function newest(
  { referrers, on, image }: { referrers: Referrers; on: Pick<Verifying, "trust">; image: ReleasedImage },
  among: readonly Descriptor[],
  type: string,
): Promise<Newest> {
  const refused: string[] = []
  for (const { digest } of among.slice(0, mostTried)) {
    try {
      const copy = await referrers.fetchWhole(image.family, digest)
      const { statement, text, ...by } = await opened(copy.bundle, on.trust)
      const signed = { ...copy, statement: sha256(text) }
      return { predicate: predicateOf(statement, type, image), by, signed, refused }
    } catch (error) {
      if (!(error instanceof Untrusted)) throw error
      refused.push(
        `${type === recordType ? "a record" : "an SBOM"} (${digest.slice(0, 19)}) does not count: ${error.message}`,
      )
    }
  }
  return { refused }
}

function predicateOf(statement: Statement, type: string, { digest }: ReleasedImage): unknown {
  if (statement.predicateType !== type) throw new Untrusted("it is a statement of another kind")
  const subject = subjectOf(statement)
  if (subject !== digest)
    throw new Untrusted(`it is about another image, ${subject?.slice(0, 19) ?? "without a digest"}`)
  return statement.predicate
}

function aboutAnother(record: ImageRecord, { family, digest }: ReleasedImage): string[] {
  return [
    ...(record.digest === digest ? [] : [`its record is about another image, ${record.digest.slice(0, 19)}`]),
    ...(record.family === family ? [] : [`its record is about ${record.family}, not ${family}`]),
  ]
}

/** Where a verdict UNCHECKED counts: for the demo yard, and for whoever keeps images on loopback without deploying them. */
const uncheckedIsEnoughFor = ({ registry, realHost }: Verifying) => ({
  holds: isLoopback(registry.address) && !realHost,
  where: realHost ? "for the demo yard only, never for a real host" : "for a registry on loopback only",
})

function verdictsOf(
  { gates }: ImageRecord,
  on: { enough: ReturnType<typeof uncheckedIsEnoughFor>; now: Date },
): string[] {
  const all = Object.entries(gates)
  if (all.length === 0) return ["its record holds no gate's answer"]
  const today = dayOf(on.now)
  return all.flatMap(([name, { verdict, accepted = [] }]) => [
    ...(verdict === "FAIL" || verdict === "ERROR" ? [`${name} is ${verdict}`] : []),
    ...(verdict === "UNCHECKED" && !on.enough.holds
      ? [`${name} is UNCHECKED, which is enough ${on.enough.where}`]
      : []),
    ...accepted
      .filter(({ reviewBy }) => today > reviewBy)
      .map(
        ({ id, package: at, reviewBy }) => `${name}: ${id} in ${at} was accepted until ${reviewBy}, which has passed`,
      ),
  ])
}

function sbomOf(spdx: unknown, { contents }: ImageRecord): Verified["sbom"] {
  if (spdx === undefined) return "missing"
  try {
    return contentsOf(packagesIn(JSON.stringify(spdx))) === contents ? "signed" : "wrong"
  } catch (error) {
    if (error instanceof CouldNotLook) return "wrong"
    throw error
  }
}
