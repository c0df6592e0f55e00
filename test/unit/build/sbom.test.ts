import { describe, expect, it } from "vitest"
import { settledSbom } from "../../../dagger/lib/build/sbom.ts"
import { sha256 } from "../../../dagger/lib/sha256.ts"

const identity = { fleet: "small", family: "web", fingerprint: "0123456789abcdef", epoch: 1763769600 }

const program = (run: string, name: string) => ({
  SPDXID: `SPDXRef-Package-binary-python-${sha256(`${run} ${name}`).slice(-16)}`,
  name: "python",
  versionInfo: "3.10.16",
  sourceInfo: `/opt/${name}`,
})

/** A document as syft writes it, with what changes from run to run. */
const document = (run: string) => ({
  spdxVersion: "SPDX-2.3",
  SPDXID: "SPDXRef-DOCUMENT",
  name: `/tmp/${run}/image.tar`,
  documentNamespace: `https://example.org/syft/image-${run}`,
  creationInfo: { created: `2026-11-22T10:00:0${run}Z`, creators: ["Tool: syft-1.18.1"] },
  packages: [
    { SPDXID: "SPDXRef-Package-deb-bash", name: "bash", versionInfo: "5.2" },
    // What syft knows by a program's bytes is called after the layer, too, and so stands in another order.
    ...[program(run, "a"), program(run, "b")].sort((one, other) => (one.SPDXID < other.SPDXID ? -1 : 1)),
    { SPDXID: `SPDXRef-DocumentRoot-Image-${run}`, name: `/tmp/${run}/image.tar`, versionInfo: `sha256:${run}` },
  ],
  relationships: [
    {
      spdxElementId: `SPDXRef-DocumentRoot-Image-${run}`,
      relatedSpdxElement: program(run, "a").SPDXID,
      relationshipType: "CONTAINS",
    },
    {
      spdxElementId: `SPDXRef-DocumentRoot-Image-${run}`,
      relatedSpdxElement: "SPDXRef-Package-deb-bash",
      relationshipType: "CONTAINS",
    },
    {
      spdxElementId: "SPDXRef-Package-deb-bash",
      relatedSpdxElement: `SPDXRef-File-bin-bash-${run}`,
      relationshipType: "CONTAINS",
    },
  ],
  // A file is called after the layer that it is in, and a layer's digest hangs on when it was made.
  files: [{ SPDXID: `SPDXRef-File-bin-bash-${run}`, fileName: "bin/bash", comment: `layerID: sha256:${run}` }],
})

describe("a settled SBOM", () => {
  it("is the same for the same image, whenever and wherever syft ran", () => {
    const [one, ...others] = ["1", "2", "3", "4"].map(
      (run) => settledSbom(JSON.stringify(document(run)), identity).text,
    )
    for (const other of others) expect(other).toBe(one)
    expect(one).not.toContain("/tmp")
    const { packages, relationships } = JSON.parse(one!)
    expect(relationships).toHaveLength(2)
    const ids = packages.map((each: { SPDXID: string }) => each.SPDXID)
    expect(new Set(ids).size).toBe(4)
    for (const { spdxElementId, relatedSpdxElement } of relationships)
      expect(ids).toEqual(expect.arrayContaining([spdxElementId, relatedSpdxElement]))
  })

  it("counts the packages, and not the image itself", () => {
    expect(settledSbom(JSON.stringify(document("1")), identity).packages).toBe(3)
  })

  it.each(["", "not json", "{}", JSON.stringify({ ...document("1"), packages: [] })])(
    "refuses what lists nothing: %j",
    (text) => {
      expect(() => settledSbom(text, identity)).toThrow(/syft/)
    },
  )
})
