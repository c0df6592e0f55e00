import pLimit from "p-limit"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { keylessSigner } from "../../../dagger/lib/attest/keyless.ts"
import { signerName } from "../../../dagger/lib/attest/sign.ts"
import { recordStatement } from "../../../dagger/lib/attest/statement.ts"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { fingerprint } from "../../../dagger/lib/plan/fingerprint.ts"
import type { PlannedFamily } from "../../../dagger/lib/plan/plan.ts"
import { Problem } from "../../../dagger/lib/problem.ts"
import { type Found, find } from "../../../dagger/lib/release/found.ts"
import type { ImageRecord } from "../../../dagger/lib/release/record.ts"
import type { Registry } from "../../../dagger/lib/release/registry.ts"
import type { ShipOptions } from "../../../dagger/lib/release/shipping.ts"
import { MemoryStore } from "../../../dagger/lib/release/store.ts"
import { sha256 } from "../../../dagger/lib/sha256.ts"
import type { Yard } from "../../../dagger/lib/yard.ts"
import { smallFleet } from "../../fleets/small.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"
import { newPair } from "../attest/keys.ts"
import { bundleOfJob, issuer, type OwnSigstore, startSigstore, subject, trusting } from "../attest/sigstore.ts"
import { digest, holding, pair } from "./holding.ts"

const ingredients = { files: {}, pins: {}, args: {}, standsOn: {}, epoch: 1, machine: "", builder: "test" }
const print = fingerprint(ingredients)
const record = tinyRecord("web", digest, { fingerprint: print, ingredients })
const tag = "20261122-abc1234"
const planned: PlannedFamily = {
  ...{ family: "web", fingerprint: print, ingredients, revision: "r", touches: {} },
  action: "build",
  reasons: ["not built on this machine; ship asks the registry"],
}
const other = `sha256:${"b".repeat(64)}`

let records: MemoryStore
/** Tags of the registry, and those that were asked for. */
let tags: Record<string, string>
let asked: string[]
/** Lists of what hangs on images, as they were fetched with one step. */
let fetched: string[][]
beforeEach(() => {
  records = new MemoryStore()
  tags = { [`fp-${print}`]: digest, current: digest, [tag]: digest }
  asked = []
  fetched = []
})

/** The registry that holds the record, with tags beside it: what digestsOf asks in one step. */
function registryWith(attached: ImageRecord, signed?: string): Registry {
  const registry = holding(attached, "ghcr.io", signed)
  const { run } = registry.engine
  registry.engine.run = async (step) => {
    if (step.argv?.includes("fetch")) fetched.push(step.argv.filter((word) => word.includes(":sha256-")))
    if (step.argv?.[0] !== "look") return run(step)
    const names = step.argv.slice(1)
    asked.push(...names)
    const lines = names.map((name, index) => `${index} ${tags[name.split(":")[1]!] ?? "none"}\n`)
    return { exitCode: 0, stdout: `${lines.join("")}end\n`, stderr: "", seconds: 0, outputs: {} }
  }
  return Object.assign(registry, {
    name: (family: string, name: string) => `${family}:${name}`,
    tags: (name: string, argv: string[]) => ({ name, argv }),
    failed: () => new Problem("away", { exitCode: 3 }),
  })
}

const found = (attached = record, more: { key?: typeof pair; options?: Partial<ShipOptions> } = {}): Promise<Found> => {
  const { publicKey } = more.key ?? pair
  const fleet: Fleet = smallFleet()
  fleet.policy.signing = { keys: [publicKey.line] }
  const yard = { fleet, records, registry: { host: "ghcr.io", org: "small" }, signer: { publicKey } } as unknown as Yard
  const plan = { tag, commit: "c", dirty: false, families: [planned] }
  const options = { plan, asked: ["web"], ...more.options } as unknown as ShipOptions
  return find(yard, registryWith(attached), options, pLimit(2))
}

const released = (more = {}) =>
  records.released({
    ...{
      family: "web",
      tag,
      ref: "",
      digest,
      previous: other,
      signedBy: pair.publicKey.id,
      at: "2026-11-22T13:00:00Z",
    },
    ...{ statement: sha256(recordStatement(record)) },
    ...more,
  })

describe("an image that another machine built", () => {
  it("is not built again when a trusted key signed its record, which is kept from then on", async () => {
    const { plan, records: known, notes } = await found()
    expect(plan.families[0]).toMatchObject({ action: "reuse", reasons: ["built on another machine"], digest })
    expect([known.get("web"), notes]).toEqual([record, []])
    expect(await records.byFingerprint("web", print)).toEqual(record)
    // Nor is it fetched again to see whether it hangs there.
    expect(await records.signed("web", sha256(recordStatement(record)))).toBeDefined()
    expect(asked).toEqual([`web:fp-${print}`])
  })

  it("comes with all others that another machine built in one step, and with none whose record is here", async () => {
    await records.put(tinyRecord("kept", digest, { fingerprint: print, ingredients }))
    const families = ["web", "kept", "jobs"].map((family) => ({ ...planned, family }))
    await found(record, { options: { plan: { tag, commit: "c", dirty: false, families } } })
    expect(fetched).toEqual([["web", "jobs"].map((family) => `${family}:${digest.replace(":", "-")}`)])
  })

  it("is built where no trusted key signed its record, and one line says so", async () => {
    const { plan, records: known, notes } = await found(record, { key: newPair() })
    expect(plan.families[0]).toMatchObject({ action: "build" })
    expect([known.size, await records.latest("web")]).toEqual([0, undefined])
    expect(notes).toEqual([
      expect.stringMatching(`^web is built here, though fp-${print} is .*signed with another key`),
    ])
  })

  it("is built where the tag leads to an image of something else, though its record is good", async () => {
    for (const wrong of [
      { ...record, fingerprint: "0".repeat(16) },
      { ...record, ingredients: { ...ingredients, epoch: 2 } },
    ]) {
      const { plan, notes } = await found(wrong)
      expect(plan.families[0]?.action).toBe("build")
      expect(notes).toEqual([expect.stringContaining("made of something else")])
    }
    expect(await records.latest("web")).toBeUndefined()
  })

  it("is built where the registry does not have it, without a word", async () => {
    tags = {}
    const { plan, notes } = await found()
    expect([plan.families, notes]).toEqual([[planned], []])
  })

  it("is not asked for with --no-cache", async () => {
    const { plan } = await found(record, { options: { noCache: true } })
    expect([plan.families[0]?.action, asked, fetched]).toEqual(["build", [], []])
  })
})

describe("an image whose record is here", () => {
  beforeEach(() => records.put(record))

  it("is asked for once, and needs nothing where it was released from here as it would be again", async () => {
    await released()
    const { released: same, plan } = await found()
    expect([plan.families[0]?.action, same.get("web")]).toEqual(["reuse", { digest, previous: other }])
    expect([asked, fetched]).toEqual([["web:current"], []])
  })

  it("is released anew under another tag, with another key or another record, and where another is current", async () => {
    const anew = async () => {
      const { released: same, plan } = await found()
      expect(plan.families[0]?.action).toBe("reuse")
      return same.size
    }
    await released({ tag: "20261121-abc1234" })
    expect(await anew()).toBe(0)
    await released({ signedBy: "another", at: "2026-11-22T14:00:00Z" })
    expect(await anew()).toBe(0)
    await released({ statement: other, at: "2026-11-22T15:00:00Z" })
    expect(await anew()).toBe(0)
    await released({ at: "2026-11-22T16:00:00Z" })
    expect(await anew()).toBe(1)
    tags.current = other
    expect(await anew()).toBe(0)
  })

  it("is built when the registry has it no more, and that is the reason", async () => {
    tags = {}
    const { plan, records: known } = await found()
    expect([plan.families[0]?.action, plan.families[0]?.reasons[0], known.size]).toEqual([
      ...["build", "not in the registry", 0],
    ])
  })
})

describe("a registry that does not answer", () => {
  const away = (options: Partial<ShipOptions>) => {
    tags = { [`fp-${print}`]: "not a digest" }
    return found(record, { options })
  }

  it("stops a release before anything is built", async () => {
    await expect(away({})).rejects.toMatchObject({ exitCode: 3 })
  })

  it("is done without in a dry run, which says so", async () => {
    const { notes, plan } = await away({ dryRun: true })
    expect([plan.families, notes]).toEqual([[planned], ["ghcr.io could not be asked for images, so all are built"]])
  })
})

describe("an image that another job of the CI built and signed without a key", () => {
  let sigstore: OwnSigstore
  let bundle: string
  beforeAll(async () => {
    sigstore = await startSigstore()
    bundle = await bundleOfJob(sigstore.root, recordStatement(record))
  })
  afterAll(() => sigstore.close())

  const foundBy = (...identities: { issuer: string; subject: string }[]) => {
    const on = trusting(sigstore.root, ...identities)
    const noToken = async () => Promise.reject(new Error("nobody asks for a token to look"))
    const signer = keylessSigner(on, noToken)
    const yard = { ...on, records, registry: { host: "ghcr.io", org: "small" }, signer } as unknown as Yard
    const plan = { tag, commit: "c", dirty: false, families: [planned] }
    const options = { plan, asked: ["web"] } as unknown as ShipOptions
    return { signer, find: () => find(yard, registryWith(record, bundle), options, pLimit(2)) }
  }

  it("is not built again where that job is trusted, and needs nothing once it was released from here", async () => {
    const { signer, find: look } = foundBy()
    expect((await look()).plan.families[0]).toMatchObject({ action: "reuse", reasons: ["built on another machine"] })
    await released({ signedBy: signerName(signer) })
    expect((await look()).released.get("web")).toEqual({ digest, previous: other })
  })

  it("is built where another job is trusted, and one line says so", async () => {
    const { plan, notes } = await foundBy({ issuer, subject: subject.replace("main", "other") }).find()
    expect([plan.families[0]?.action, notes]).toEqual([
      "build",
      [expect.stringContaining("signed by another identity")],
    ])
  })
})
