import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, connect as dial, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { OpenEngine } from "../../cli/engines.ts"
import { registryAddress } from "../../cli/setup/registry.ts"
import { toolboxImage } from "../../cli/setup/toolbox.ts"
import { attached, indexSchema } from "../../dagger/lib/attest/artifact.ts"
import { attest, isAttested } from "../../dagger/lib/attest/attest.ts"
import { pem } from "../../dagger/lib/attest/key.ts"
import { keylessSigner } from "../../dagger/lib/attest/keyless.ts"
import { Referrers, tagOf } from "../../dagger/lib/attest/referrers.ts"
import { type KeySigner, publicHalf, signed } from "../../dagger/lib/attest/sign.ts"
import { recordStatement, recordType, sbomType } from "../../dagger/lib/attest/statement.ts"
import { trustOf } from "../../dagger/lib/attest/trust.ts"
import type { Step } from "../../dagger/lib/engine/engine.ts"
import { publish } from "../../dagger/lib/release/publish.ts"
import type { ImageRecord } from "../../dagger/lib/release/record.ts"
import { Registry } from "../../dagger/lib/release/registry.ts"
import { MemoryStore } from "../../dagger/lib/release/store.ts"
import { attachedRecord, verifyRelease } from "../../dagger/lib/release/verify.ts"
import { sha256 } from "../../dagger/lib/sha256.ts"
import { tinyImage, tinyRecord, tinySbom } from "../fleets/tiny-image.ts"
import { issuer, startSigstore, subject, tokenOf, trusting } from "../unit/attest/sigstore.ts"
import { candidates } from "./engines.ts"

const now = new Date("2026-11-22T12:00:00Z")

describe.each(candidates)("release records on $name", ({ name, skip, open }) => {
  const cases = skip ? it.skip : it
  const address = { host: registryAddress(), org: `records-${name}-${process.pid}-${Date.now()}` }
  let opened: OpenEngine
  let registry: Registry
  let signer: KeySigner
  let another: KeySigner

  beforeAll(async () => {
    if (skip) return
    opened = await open()
    registry = new Registry(opened.engine, address, undefined, "sign")
    ;[signer, another] = await Promise.all([newKey(opened, "one"), newKey(opened, "another")])
  })
  afterAll(() => opened?.close())

  /** An image in the registry, not attested yet. */
  async function pushed(family: string, label = family) {
    const { archive, digest } = await tinyImage(opened.engine, label)
    await registry.upload(family, archive, digest)
    const sbom = opened.engine.file("sbom.json", tinySbom(family))
    return { family, archive, digest, sbom, record: tinyRecord(family, digest) }
  }
  const verified = (image: { family: string; digest: string }, by = signer) =>
    verifyRelease({ registry, trust: { keys: [by.publicKey], from: "policy.signing.keys in fleet.yaml" }, now }, image)
  const on = (records = new MemoryStore(), by = signer) => ({ registry, records, signer: by })

  cases("are checked by stock cosign, the SBOM beside them", async () => {
    const image = await pushed("stock")
    await attest(on(), image.record, image)
    expect(await verified(image)).toMatchObject({ good: true, problems: [], verdict: "PASS", sbom: "signed" })
    for (const type of [recordType, "spdxjson"]) {
      const good = await stock(address, { ...image, type, key: signer })
      expect([type, good.exitCode, good.stderr]).toEqual([type, 0, expect.stringContaining("signatures were verified")])
      const bad = await stock(address, { ...image, type, key: another })
      expect([type, bad.exitCode]).not.toEqual([type, 0])
    }
  })

  cases("that a CI's job signed without a key are checked by stock cosign as well", async () => {
    const sigstore = await startSigstore()
    try {
      const image = await pushed("keyless")
      const believed = trusting(sigstore.root)
      const job = { registry, records: new MemoryStore(), signer: keylessSigner(believed, async () => tokenOf()) }
      await attest(job, image.record, image)
      expect(await isAttested(job, image.record)).toBe(true)
      const trust = trustOf(believed, undefined)
      const signedBy = `${subject} (${issuer})`
      expect(await verifyRelease({ registry, trust, now }, image)).toMatchObject({
        good: true,
        sbom: "signed",
        signedBy,
      })
      expect(await verified(image)).toMatchObject({ good: false, problems: [matching(/only keys are trusted/)] })
      const { bundle } = (await job.records.signed(image.family, sha256(recordStatement(image.record))))!
      const files = {
        bundle,
        image: (await registry.manifest(image.family, image.digest))!,
        "root.json": await readFile(join(sigstore.root, "trusted_root.json"), "utf8"),
      }
      expect((await cosign(files, asJob(subject))).stderr).toContain("Verified OK")
      expect((await cosign(files, asJob(`${subject}2`))).exitCode).not.toBe(0)
      expect((await cosign({ ...files, image: "{}" }, asJob(subject))).exitCode).not.toBe(0)
    } finally {
      sigstore.close()
    }
  })

  cases("are attached once, and a renewed one beside the first", async () => {
    const image = await pushed("twice")
    const store = new MemoryStore()
    expect(await isAttested(on(store), image.record)).toBe(false)
    await attest(on(store), image.record, image)
    await attest(on(store), image.record, image)
    for (const each of [on(store), on()]) expect(await isAttested(each, image.record)).toBe(true)
    expect(await isAttested(on(new MemoryStore(), another), image.record)).toBe(false)
    // Another machine with the same key has no copy of what was pushed, and looks at it.
    await attest(on(), image.record, image)
    const kinds = async () => {
      const index = indexSchema.parse(JSON.parse((await registry.manifest("twice", tagOf(image.digest)))!))
      return index.manifests.map(({ annotations }) => annotations?.["dev.sigstore.bundle.predicateType"]).sort()
    }
    expect(await kinds()).toEqual([sbomType, recordType].sort())
    const renewed: ImageRecord = { ...image.record, at: "2026-11-23T12:00:00.000Z", seconds: 7 }
    expect(await isAttested(on(), renewed)).toBe(false)
    await attest(on(store), renewed)
    expect(await kinds()).toEqual([sbomType, recordType, recordType].sort())
    expect((await verified(image)).record?.seconds).toBe(7)
  })

  cases("do not count when another key signed them, and the newest of a trusted one does", async () => {
    const image = await pushed("keys")
    await attest(on(), image.record, image)
    await attest(on(new MemoryStore(), another), { ...image.record, at: "2026-11-24T12:00:00.000Z" }, image)
    expect((await verified(image)).record?.at).toBe(image.record.at)
    expect((await verified(image, another)).record?.at).toBe("2026-11-24T12:00:00.000Z")
    const stranger = await newKey(opened, "stranger")
    expect(await verified(image, stranger)).toMatchObject({
      good: false,
      problems: [/another key/, /another key/].map(matching),
    })
  })

  cases("come with one step for many images, and are looked at like others", async () => {
    const [one, two, bare] = [await pushed("ahead"), await pushed("ahead", "two"), await pushed("ahead", "bare")]
    for (const image of [one, two]) await attest(on(), image.record, image)
    await attest(on(new MemoryStore(), another), { ...two.record, at: "2026-11-24T12:00:00.000Z" }, two)
    const steps: string[] = []
    const run = opened.engine.run.bind(opened.engine)
    const told = Object.assign(Object.create(opened.engine), {
      run: (step: Step) => {
        steps.push(step.name)
        return run(step)
      },
    })
    const through = new Registry(told, address, undefined, "sign")
    const referrers = new Referrers(through)
    await referrers.fetchAhead([one, two, bare])
    const trust = { keys: [signer.publicKey], from: "policy.signing.keys in fleet.yaml" as const }
    const found = await Promise.all([one, two, bare].map((image) => attachedRecord({ referrers, trust }, image)))
    expect(found.map(({ record }) => record)).toEqual([one.record, two.record, undefined])
    const here = { ...on(), registry: through, referrers }
    expect(await Promise.all([one, two, bare].map(({ record }) => isAttested(here, record)))).toEqual([
      true,
      true,
      false,
    ])
    expect(steps).toEqual(["fetch the records of 3 images"])
    // The bytes are those that come one by one.
    const alone = await attachedRecord({ referrers: new Referrers(registry), trust }, two)
    expect(found[1]).toEqual(alone)
  })

  cases("of another image do not count, though their signature is good", async () => {
    const good = await pushed("own")
    const image = await pushed("own", "another label")
    await attest(on(), good.record, good)
    const index = await new Referrers(registry).list("own", good.digest)
    const record = index!.manifests.find(
      ({ annotations }) => annotations?.["dev.sigstore.bundle.predicateType"] === recordType,
    )!
    const bundle = await new Referrers(registry).fetch("own", record.digest)
    await hang(registry, image, bundle)
    expect(await verified(image)).toMatchObject({ good: false, problems: [matching(/about another image/)] })
    // Also where only the record inside is another image's, in a statement that is about this one.
    const swapped = recordStatement({ ...tinyRecord("own", good.digest) }).replace(
      `"sha256":"${good.digest.slice(7)}"`,
      `"sha256":"${image.digest.slice(7)}"`,
    )
    await hang(registry, image, await signed(opened.engine, signer, swapped))
    expect((await verified(image)).problems).toContainEqual(matching(/its record is about another image/))
  })

  cases("do not count when they were cut off or a bit of them turned", async () => {
    const image = await pushed("damaged")
    const whole = await signed(opened.engine, signer, recordStatement(image.record))
    const turned = JSON.parse(whole)
    const payload = Buffer.from(turned.dsseEnvelope.payload, "base64")
    payload[payload.indexOf('"PASS"') + 1]! ^= 1
    turned.dsseEnvelope.payload = payload.toString("base64")
    await hang(registry, image, whole.slice(0, 500))
    await hang(registry, image, JSON.stringify(turned))
    const { good, problems } = await verified(image)
    expect([good, problems.join("\n")]).toEqual([false, expect.stringMatching(/no statement that was signed/)])
    expect(problems.join("\n")).toContain("its signature is wrong")
    const cosign = await stock(address, { ...image, type: recordType, key: signer })
    expect(cosign.exitCode).not.toBe(0)
  })

  cases("that say FAIL, or hold an acceptance that has passed, are not good", async () => {
    const image = await pushed("failed")
    const { contract } = image.record.gates
    const accepted = [{ what: "x", id: "CVE-1", package: "zlib1g", reason: "x", by: "x", reviewBy: "2026-11-21" }]
    const gates = {
      contract: { ...contract!, verdict: "FAIL" as const },
      scan: { ...contract!, verdict: "ACCEPTED" as const, accepted },
    }
    await attest(on(), { ...image.record, gates }, image)
    const { good, problems } = await verified(image)
    expect([good, problems]).toEqual([
      false,
      ["contract is FAIL", "scan: CVE-1 in zlib1g was accepted until 2026-11-21, which has passed"],
    ])
  })

  cases("that are missing are named, and a registry that does not answer is no answer", async () => {
    const image = await pushed("unsigned")
    expect(await verified(image)).toMatchObject({ good: false, problems: [matching(/has no record/)] })
    const nowhere = new Registry(opened.engine, { ...address, host: "127.0.0.1:9" }, undefined, "sign")
    const trust = { keys: [signer.publicKey], from: "this machine's own key" as const }
    await expect(verifyRelease({ registry: nowhere, trust, now }, image)).rejects.toMatchObject({ exitCode: 3 })
  })

  // The image's manifest is put first, then the two statements, their list, and the tags.
  cases.each([2, 3, 4])("are there before a tag is, though the registry dies at manifest %i", async (dies) => {
    const family = `dies-${dies}`
    const { archive, digest, bytes } = await tinyImage(opened.engine, family)
    const sbom = opened.engine.file("sbom.json", tinySbom(family))
    const store = new MemoryStore()
    const release = async (to: Registry) => {
      const uploaded = to.upload(family, archive, digest)
      const about = { sbom, bytes, uploaded }
      await Promise.all([uploaded, attest({ registry: to, records: store, signer }, tinyRecord(family, digest), about)])
      return publish(to, [{ family, tag: "20261122-0123456", digest, fingerprint: "f" }])
    }
    const proxy = await DyingProxy.before(registryAddress(), dies)
    const through = new Registry(opened.engine, { ...address, host: proxy.address }, undefined, "sign")
    await expect(release(through)).rejects.toMatchObject({ exitCode: 3 })
    await proxy.close()
    expect(proxy.died).toBe(true)
    expect(await registry.digestOf(family, "20261122-0123456")).toBeUndefined()
    expect(await release(registry)).toEqual([{ digest }])
    expect(await verified({ family, digest })).toMatchObject({ good: true, sbom: "signed" })
    const index = await new Referrers(registry).list(family, digest)
    expect(index!.manifests).toHaveLength(2)
  })
})

const matching = (pattern: RegExp) => expect.stringMatching(pattern)

/** A key pair of cosign's own, as a user makes one. */
async function newKey({ engine, secretText }: OpenEngine, name: string): Promise<KeySigner> {
  const made = await engine.run({
    name: `make key ${name}`,
    image: "toolbox:sign",
    argv: ["sh", "-c", "cd /out && cosign generate-key-pair"],
    env: { COSIGN_PASSWORD: "", NAME: name },
    outputs: { key: "/out/cosign.key" },
  })
  const key = secretText(`signing-key-${name}`, await engine.read(made.outputs.key!))
  return { key, publicKey: await publicHalf(engine, { key }, name) }
}

/** What a user types to check an image whose records a key signed. */
const stock = (
  { host, org }: { host: string; org: string },
  asked: { family: string; digest: string; type: string; key: KeySigner },
) =>
  cosign(
    {
      "cosign.pub": pem(asked.key.publicKey),
      "root.json": '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
    },
    [
      ...["verify-attestation", "--new-bundle-format", "--insecure-ignore-tlog", "--trusted-root", "/in/root.json"],
      ...["--key", "/in/cosign.pub", "--type", asked.type, `${host}/${org}/${asked.family}@${asked.digest}`],
    ],
  )

// For an image in a registry cosign 2.5 asks the public Sigstore for its root all the same; for files it asks nobody.
const asJob = (identity: string): string[] => [
  ...["verify-blob-attestation", "--new-bundle-format", "--bundle", "/in/bundle", "--trusted-root", "/in/root.json"],
  ...["--certificate-oidc-issuer", issuer, "--certificate-identity", identity, "--type", recordType, "/in/image"],
]

/** cosign alone, with nothing of Fairlead's. Here it comes out of the toolbox, on the host's network; files are in /in. */
async function cosign(files: Record<string, string>, argv: string[]) {
  const folder = await mkdtemp(join(tmpdir(), "cosign-"))
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    return await execa(
      "docker",
      [
        ...["run", "--rm", "--pull", "never", "--network", "host"],
        ...["--mount", `type=bind,src=${folder},dst=/in,readonly`],
        ...["--entrypoint", "cosign", await toolboxImage("sign"), ...argv],
      ],
      { reject: false },
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Hangs any bundle on an image, as somebody who may push can. */
async function hang(registry: Registry, { family, digest }: { family: string; digest: string }, bundle: string) {
  const size = Buffer.byteLength((await registry.manifest(family, digest))!)
  const created = new Date().toISOString()
  const artifact = attached(bundle, { image: { digest, size }, type: recordType, statement: bundle, created })
  await new Referrers(registry).attach(family, digest, [artifact])
}

/** Hands bytes on to a registry until the n-th manifest is put; then it is dead for good. */
class DyingProxy {
  died = false
  private puts = 0
  private readonly sockets = new Set<Socket>()
  private constructor(
    private readonly server: Server,
    private readonly diesAt: number,
  ) {}

  static async before(target: string, diesAt: number): Promise<DyingProxy> {
    const [host, port] = target.split(":")
    const server = createServer()
    const proxy = new DyingProxy(server, diesAt)
    server.on("connection", (client) => {
      if (proxy.died) return client.destroy()
      const upstream = dial(Number(port), host)
      for (const each of [client, upstream]) {
        proxy.sockets.add(each)
        each.on("error", () => each.destroy())
      }
      client.on("data", (data) => {
        proxy.puts += [...data.toString("latin1").matchAll(/^PUT \S+\/manifests\//gm)].length
        if (proxy.puts >= proxy.diesAt) return proxy.die()
        upstream.write(data)
      })
      upstream.on("data", (data) => client.write(data))
      client.on("end", () => upstream.end())
      upstream.on("end", () => client.end())
    })
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
    return proxy
  }

  get address(): string {
    const at = this.server.address()
    return `127.0.0.1:${typeof at === "object" && at ? at.port : 0}`
  }

  async close(): Promise<void> {
    this.die()
  }

  private die(): void {
    this.died = this.died || this.puts >= this.diesAt
    this.server.close()
    for (const each of this.sockets) each.destroy()
  }
}
