import { Ajv } from "ajv"
import { describe, expect, it } from "vitest"
import type { ImageRecord } from "../../../dagger/lib/release/record.ts"
import type { Rescan } from "../../../dagger/lib/release/rescan.ts"
import { documentSchema } from "../../../dagger/lib/report/documents.ts"
import { rescanDocument, rescanText } from "../../../dagger/lib/report/rescan.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"

const digest = `sha256:${"a".repeat(64)}`
const registry = { host: "ghcr.io", org: "small" }
const good = tinyRecord("web", digest)
const bad: ImageRecord = {
  ...tinyRecord("llm", digest),
  gates: {
    ...good.gates,
    scan: { verdict: "FAIL", seconds: 1, facts: {}, findings: [{ what: "CVE-2026-1 in openssl", fix: "upgrade it" }] },
  },
}
const found = (...images: Rescan["images"]): Rescan => ({ images, unreleased: ["base"] })
const passed = { family: "web", digest, verdict: "PASS" as const, record: good, problems: [] }
const failed = { family: "llm", digest, verdict: "FAIL" as const, record: bad, problems: [] }
const unknown = { family: "old", digest, verdict: "ERROR" as const, problems: ["it has no record"] }

const document = (...images: Rescan["images"]) => rescanDocument(found(...images), registry)

describe("what a rescan tells", () => {
  it("is as bad as the worst image, and a document of its schema", () => {
    const fits = new Ajv({ strict: false }).compile(documentSchema("rescan"))
    for (const each of [document(), document(passed), document(passed, failed), document(passed, failed, unknown)])
      expect([fits(JSON.parse(JSON.stringify(each))), fits.errors]).toEqual([true, null])
    expect(document(passed).verdict).toBe("PASS")
    expect(document(passed, failed).verdict).toBe("FAIL")
    expect(document(passed, failed, unknown).verdict).toBe("ERROR")
    expect(document().verdict).toBe("PASS")
  })

  it("names an image by its digest, which no tag can move", () => {
    expect(document(passed).families[0]!.ref).toBe(`ghcr.io/small/web@${digest}`)
  })

  it("says what would not be released today, and what to do", () => {
    const text = rescanText(document(passed, failed, unknown))
    expect(text).toContain("CVE-2026-1 in openssl")
    expect(text).toContain("fix: upgrade it")
    expect(text).toContain("old: it has no record")
    expect(text).toContain("llm and old would not be released today")
    expect(text).toContain("not released yet: base")
  })

  it("never calls an image good that nobody could look at", () => {
    expect(rescanText(document(passed))).toContain("1 image as good as when released")
    expect(rescanText(document(unknown))).not.toContain("as good as")
    expect(rescanText(document({ ...passed, verdict: "UNCHECKED" }))).toContain(
      "0 images as good as when released, 1 unchecked",
    )
  })
})
