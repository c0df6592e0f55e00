import { z } from "zod"
import type { Artifact, Step } from "../engine/engine.ts"
import { CouldNotLook } from "../gates/verdict.ts"
import type { Package } from "../release/contents.ts"
import { sha256 } from "../sha256.ts"

/** The software bill of materials of a built image, as SPDX 2.3 JSON on stdout. */
export const sbomStep = (family: string, archive: Artifact): Step => ({
  name: `sbom ${family}`,
  image: "toolbox:sbom",
  argv: ["syft", "scan", "oci-archive:/in/image.tar", "--output", "spdx-json=/out/sbom.spdx.json"],
  inputs: { "/in/image.tar": archive },
  outputs: { sbom: "/out/sbom.spdx.json" },
  env: {
    // Files of packages would make the document some megabytes; the packages are what it is for.
    SYFT_FILE_METADATA_SELECTION: "none",
    SYFT_CHECK_FOR_APP_UPDATE: "false",
    // One cataloger after the other by default (syft 1.18); what they found is put in order afterwards.
    SYFT_PARALLELISM: "4",
    // A short run with much memory: collecting garbage would take a fifth of it. From 2 GiB on it is collected.
    GOGC: "off",
    GOMEMLIMIT: "2GiB",
  },
})

const spdxSchema = z.looseObject({
  spdxVersion: z.string(),
  creationInfo: z.looseObject({ created: z.string() }),
  documentNamespace: z.string(),
  name: z.string(),
  packages: z.array(
    z.looseObject({
      SPDXID: z.string(),
      name: z.string(),
      versionInfo: z.string().optional(),
      externalRefs: z.array(z.looseObject({ referenceType: z.string(), referenceLocator: z.string() })).optional(),
    }),
  ),
  relationships: z.array(z.looseObject({ spdxElementId: z.string(), relatedSpdxElement: z.string() })).optional(),
})

export interface SbomIdentity {
  fleet: string
  family: string
  fingerprint: string
  /** Seconds since 1970. */
  epoch: number
}

/**
 * The same document for the same image: syft writes the time of day and a random namespace, names the document after the
 * archive's path and packages that it knows by a program's bytes alone after the layer that they are in, and puts all in no
 * fixed order. Throws CouldNotLook for what is no SPDX document, or one without packages.
 */
export function settledSbom(
  text: string,
  identity: SbomIdentity,
): { text: string; packages: number; table: Package[] } {
  const read = spdxSchema.safeParse(json(text))
  if (!read.success) throw new CouldNotLook("syft wrote no SPDX document", "run it again with -v")
  const document = read.data
  if (document.packages.length < 2) throw new CouldNotLook(`syft found no packages in ${identity.family}`)
  const { fleet, family, fingerprint, epoch } = identity
  document.creationInfo.created = new Date(epoch * 1000).toISOString().replace(".000Z", "Z")
  document.documentNamespace = `urn:fairlead:${fleet}:${family}:${fingerprint}`
  document.name = family
  const root = document.packages.find((each) => each.SPDXID.startsWith("SPDXRef-DocumentRoot"))
  const bare = withoutFiles(document)
  const settled = JSON.stringify(renamed(root ? withoutArchive(bare, root.SPDXID, family) : bare))
  const table = tableOf(document.packages.filter((each) => each !== root))
  return { text: `${settled}\n`, packages: table.length, table }
}

/** What an SPDX document says is installed. */
export const packagesIn = (text: string): Package[] => {
  const read = spdxSchema.safeParse(json(text))
  if (!read.success) throw new CouldNotLook("the SBOM is no SPDX document")
  return tableOf(read.data.packages.filter(({ SPDXID }) => !SPDXID.startsWith("SPDXRef-DocumentRoot")))
}

const tableOf = (packages: Spdx["packages"]): Package[] =>
  packages.map(({ name, versionInfo = "", externalRefs = [] }) => {
    const purl = externalRefs.find(({ referenceType }) => referenceType === "purl")?.referenceLocator ?? ""
    const kind = purl.startsWith("pkg:deb/") ? "debian" : purl.startsWith("pkg:pypi/") ? "python" : "other"
    return { kind, name, version: versionInfo }
  })

type Spdx = z.infer<typeof spdxSchema>

/** Packages and what they need of each other: of files, syft was asked for nothing, and lists them with a hash of zeros. */
function withoutFiles({ files: _, ...document }: Spdx): Spdx {
  const isFile = (id: string) => id.startsWith("SPDXRef-File-")
  const relationships = document.relationships?.filter(
    ({ spdxElementId, relatedSpdxElement }) => !isFile(spdxElementId) && !isFile(relatedSpdxElement),
  )
  return { ...document, ...(relationships ? { relationships } : {}) } as Spdx
}

/** The package that stands for the image itself carries the archive's path and digest; what remains is its name. */
function withoutArchive(document: Spdx, id: string, family: string): Spdx {
  const own = {
    SPDXID: `SPDXRef-DocumentRoot-Image-${family}`,
    name: family,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    primaryPackagePurpose: "CONTAINER",
  }
  return {
    ...document,
    packages: document.packages.map((each) => (each.SPDXID === id ? own : each)),
    relationships: swapped(document, new Map([[id, own.SPDXID]])),
  }
}

/** Packages by names that hang on what is said of them, and all in an order that hangs on nothing else. */
function renamed(document: Spdx): Spdx {
  const names = new Map<string, string>()
  const packages = document.packages
    .map((each) => ({ each, text: JSON.stringify({ ...each, SPDXID: "" }) }))
    .sort((a, b) => compare(a.text, b.text))
    .map(({ each, text }, index, all) => {
      if (!/^SPDXRef-Package-.*-[0-9a-f]{16}$/.test(each.SPDXID)) return each
      // The same said of two packages: the first, the second.
      const again = index - all.findIndex((other) => other.text === text)
      const name = `${each.SPDXID.slice(0, -16)}${sha256(text).slice(7, 23)}${again > 0 ? `-${again}` : ""}`
      names.set(each.SPDXID, name)
      return { ...each, SPDXID: name }
    })
  return { ...document, packages, relationships: swapped(document, names) }
}

const swapped = ({ relationships = [] }: Spdx, names: ReadonlyMap<string, string>): Spdx["relationships"] => {
  const name = (id: string) => names.get(id) ?? id
  return relationships
    .map((each) => ({
      ...each,
      spdxElementId: name(each.spdxElementId),
      relatedSpdxElement: name(each.relatedSpdxElement),
    }))
    .sort((a, b) => compare(JSON.stringify(a), JSON.stringify(b)))
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
