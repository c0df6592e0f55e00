import { lineage } from "../../dagger/lib/fleet/hierarchy.ts"
import type { SbomFacts } from "../../dagger/lib/gates/sbom.ts"
import type { ScanFacts } from "../../dagger/lib/gates/scan.ts"
import type { Accepted, Finding, Verdict } from "../../dagger/lib/gates/verdict.ts"
import type { Package } from "../../dagger/lib/release/contents.ts"
import type { GateRecord, ImageRecord } from "../../dagger/lib/release/record.ts"
import { type FleetState, fleetState } from "../../dagger/lib/report/state.ts"
import type { Risk } from "../../dagger/lib/risks/risk.ts"
import { contractFacts, sizeFacts, smokeFacts } from "../unit/gates/facts.ts"
import { bigFleet, hostile, packageName, packageTables, sha } from "./big-packages.ts"

export { bigFleet, hostile } from "./big-packages.ts"

export const today = new Date("2026-11-22T14:20:00Z")

/** A fleet of nine families with twelve releases each, and `packages` packages, hostile ones among them. */
export function bigState(packages = 10_000): FleetState {
  const installed = packageTables(packages)
  const releases = new Map(
    Object.keys(bigFleet.families).map((family) => [
      family,
      Array.from({ length: 12 }, (_, age) => release(family, age, installed)),
    ]),
  )
  return fleetState({ fleet: bigFleet, risks, now: today, releases })
}

/** What each family's gates say today, besides a pass. */
const said: Record<string, Partial<Record<string, Verdict>>> = {
  "base-cpu-pydeps": { scan: "ACCEPTED" },
  "family-web": { contract: "FAIL", audit: "FAIL" },
  "base-gpu-cu121": { audit: "UNCHECKED", scan: "UNCHECKED" },
  "family-torch-cu121": { audit: "FAIL", scan: "FAIL", size: "FAIL" },
  "family-vision-cu121": { audit: "UNCHECKED", scan: "ERROR" },
  "family-llm-cu121": { audit: "ACCEPTED", scan: "ACCEPTED" },
}

function release(family: string, age: number, installed: ReadonlyMap<string, Package[]>): ImageRecord {
  const table = installed.get(family)!
  // An older release has some packages in other versions.
  const packages = table.map((each, at) =>
    age > 0 && at % 97 === age ? { ...each, version: `${each.version}~old${age}` } : each,
  )
  const size = sizes(family, age)
  const verdicts =
    age === 0 ? (said[family] ?? {}) : age > 9 ? { audit: "UNCHECKED" as const, scan: "UNCHECKED" as const } : {}
  const gate = (gate: string, facts: unknown, brief: string): GateRecord => {
    const verdict = verdicts[gate] ?? (age > 0 && age < 6 && vulnerable(family) && gate === "scan" ? "FAIL" : "PASS")
    return { verdict, seconds: 1.2, facts, brief, ...answers(family, gate, verdict, age) }
  }
  return {
    schema: 1,
    family,
    fingerprint: sha(`${family} ${age}`).slice(7, 23),
    ingredients: { files: {}, pins: {}, args: {}, standsOn: {}, epoch: bigFleet.epoch, machine: "", builder: "test" },
    digest: sha(`${family} ${age}`),
    revision: sha(`commit ${age}`).slice(7, 47),
    size: { compressed: size.compressed, uncompressed: size.uncompressed },
    packages: packages.length,
    contents: sha(family),
    gates: {
      contract: gate("contract", contractFacts("base-python"), "45/45"),
      smoke: gate("smoke", smokeFacts(), "0.4 s"),
      audit: gate("audit", auditFacts(family, age), "17 audited"),
      scan: gate("scan", scanFacts(family, age), "none known"),
      sbom: gate("sbom", sbomFacts(packages), `${packages.length} pkg`),
      size: gate("size", size, `${Math.round(size.compressed / 1e6)} MB`),
    },
    seconds: 41,
    gateSeconds: 3,
    tools: { engine: "docker", builder: "test" },
    at: new Date(today.getTime() - age * 7 * 86_400_000).toISOString(),
  }
}

const none = {
  state: "none",
  why: "no advisory source is reachable here",
  fix: "`fairlead advisories` says how to give one",
} as const

const blind = (family: string, gate: string, age: number) =>
  (age > 9 && age < 12) || (age === 0 && said[family]?.[gate] === "UNCHECKED")

export function scanFacts(family: string, age: number): ScanFacts {
  const seen = {
    trivy: "0.69.3",
    os: { family: "debian", name: "12.15", eosl: false },
    packages: { debian: 115, python: 17, other: {} },
    vendored: [],
    vulnerabilities: [],
    secrets: [],
  }
  const database = {
    state: "ready",
    digest: sha("database"),
    updatedAt: "2026-11-21T06:00:00Z",
    from: "a test's database",
    covers: ["debian 12", "pip"],
  } as const
  const looked = blind(family, "scan", age)
    ? { database: none, seen: null }
    : { database: { ...database, covers: [...database.covers] }, seen }
  return {
    digest: sha(`${family} ${age}`),
    release: { id: "debian", codename: "bookworm" },
    python: "3.11.2",
    ...looked,
  }
}

// As audit/facts.ts has them, without an image that somebody looked into.
function auditFacts(family: string, age: number) {
  const lookups = { tool: null, at: today.toISOString(), records: null, canary: null, counts: {}, packages: [] }
  const looked = blind(family, "audit", age)
    ? { source: none, lookups: null }
    : { source: { state: "ready", service: "osv", from: "a test's service" }, lookups }
  return { digest: sha(`${family} ${age}`), image: null, ...looked }
}

const sbomFacts = (packages: Package[]): SbomFacts => ({
  digest: sha("image"),
  document: sha("document"),
  sealed: sha("document"),
  packages,
  installed: {
    debian: packages.filter(({ kind }) => kind === "debian").length,
    python: packages.filter(({ kind }) => kind === "python").length,
  },
  missing: [],
  unmanaged: [],
})

const vulnerable = (family: string) => ["family-web", "family-torch-cu121", "family-llm-cu121"].includes(family)

function sizes(family: string, age: number) {
  const line = lineage(bigFleet, family).map((each) => each.name)
  const gpu = line.includes("base-gpu-cu121")
  const layers = line.flatMap((each, depth) =>
    Array.from({ length: 3 }, (_, index) => {
      const compressed =
        Math.round(
          (each === "family-torch-cu121" ? 1.5e9 : each.startsWith("family-") && gpu ? 4e8 : 9e6) / (index + 1) ** 1.6,
        ) +
        age * 1000 * depth
      return {
        digest: sha(`${each} ${index}`),
        compressed,
        uncompressed: Math.round(compressed * 2.1),
        madeBy: `RUN --mount=type=cache uv pip sync ${each}.lock part ${index + 1}`,
      }
    }),
  )
  const compressed = layers.reduce((sum, each) => sum + each.compressed, 0)
  const uncompressed = layers.reduce((sum, each) => sum + each.uncompressed, 0)
  const big = gpu
    ? ["torch", "nvidia-cudnn-cu12", "nvidia-cublas-cu12", "triton", "nvidia-cusparse-cu12", "nvidia-nccl-cu12"]
    : ["numpy", "pydantic_core", "uvicorn"]
  const packages = [
    ...big,
    "libc6",
    "perl-base",
    "coreutils",
    "libssl3",
    hostile[0]!,
    ...Array.from({ length: 30 }, (_, index) => packageName(index, "debian")),
  ].map((each, index) => ({
    name: each,
    version: "2.2.2",
    kind: index < big.length ? ("python" as const) : ("debian" as const),
    bytes: Math.round((uncompressed * 0.33) / (index + 1) ** 1.35),
  }))
  return sizeFacts((facts) => Object.assign(facts, { compressed, uncompressed, layers, packages, packageCount: 120 }))
}

function answers(
  family: string,
  gate: string,
  verdict: Verdict,
  age: number,
): Pick<GateRecord, "findings" | "notes" | "accepted"> {
  if (verdict === "UNCHECKED")
    return {
      findings: [],
      notes: [{ what: "no advisory source is reachable here", fix: "`fairlead advisories` says how to give one" }],
    }
  if (verdict === "ERROR")
    return {
      findings: [
        {
          what: "scan: the database is from 2024-10-10, 773 days old, policy allows 7",
          fix: "run `fairlead advisories update`",
        },
      ],
    }
  if (verdict === "ACCEPTED")
    return { findings: [], accepted: family === "base-cpu-pydeps" ? [acceptances[0]!] : acceptances.slice(1) }
  if (verdict !== "FAIL")
    return { findings: [], ...(family === "legacy-py310-cpu" && gate === "scan" ? { notes: [endOfLife] } : {}) }
  if (gate === "contract")
    return {
      findings: [
        {
          what: "user: image runs as root (0:0), the blueprint wants 10001:10001",
          where: "set by dockerfiles/family-web.Dockerfile:31  USER root",
          fix: "end the Dockerfile with USER 10001:10001",
        },
      ],
    }
  if (gate === "size")
    return {
      findings: [
        {
          what: "compressed: 2.3 GB is over the budget of 2.1 GB by 215 MB",
          where: "see dockerfiles/family-torch-cu121.Dockerfile",
          fix: "raise families.family-torch-cu121.budget.compressed in fleet.yaml, or drop what is not needed",
        },
      ],
    }
  const many = family === "family-torch-cu121" ? 100 : 4
  return {
    findings: [torch, ...Array.from({ length: Math.max(1, many - age * 8) }, (_, index) => weakness(family, index))],
  }
}

const endOfLife: Finding = {
  what: "Python 3.10 reached its end of life on 2026-10-31",
  where: "fleet.yaml",
  fix: "move the family to Python 3.11",
}

export const torch: Finding = {
  what: "torch 2.2.2+cu121: CVE-2025-32434, remote code execution by torch.load",
  where: "dockerfiles/requirements/family-torch-cu121.lock:12",
  evidence: "the frozen baseline is torch 2.2.2; 2.6.0 has no wheel for CUDA 12.1",
  fix: "torch 2.6.0",
  risk: {
    ids: ["CVE-2025-32434", "GHSA-53q9-r3pm-6pq6"],
    package: "torch",
    kind: "python",
    installed: "2.2.2+cu121",
    fixed: ["2.6.0"],
    severity: "CRITICAL",
  },
}

function weakness(family: string, index: number): Finding {
  const package_ =
    index === 2 && family === "family-web" ? hostile[0]! : packageName(index * 7, index % 2 === 0 ? "debian" : "python")
  const id = `CVE-2026-${10_000 + index}`
  const severity = index % 6 === 0 ? ("CRITICAL" as const) : index % 2 === 0 ? ("HIGH" as const) : ("MEDIUM" as const)
  return {
    what: `${package_} 1.2.${index}: ${id}, a buffer is read beyond its end`,
    fix: `${package_} 1.3.${index}`,
    risk: {
      ids: [id],
      package: package_,
      kind: index % 2 === 0 ? "debian" : "python",
      installed: `1.2.${index}`,
      fixed: [`1.3.${index}`],
      severity,
    },
  }
}

const acceptance = (id: string, package_: string, reviewBy: string, by: string): Accepted => ({
  what: `${package_}: ${id}`,
  id,
  package: package_,
  reason: "the frozen baseline has no build with the fix; models are loaded from our own store only",
  by,
  reviewBy,
})

const acceptances = [
  acceptance("CVE-2026-00111", "libssl3", "2026-11-30", "Ada"),
  acceptance("CVE-2025-32434", "torch", "2027-01-15", "Haymayndz"),
  acceptance("CVE-2026-40404", "transformers", "2027-01-15", "Haymayndz"),
  acceptance("CVE-2026-55555", "libxml2", "2027-02-19", "Ada"),
]

const risks: Risk[] = [
  ...acceptances.map((each): Risk => {
    const { id, package: name, reason, by, reviewBy } = each
    const families = ["base-cpu-pydeps", "family-llm-cu121"].map((family) => [family, sha(family)])
    return { id, package: name, reason, by, reviewBy, accepted: "2026-11-20", families: Object.fromEntries(families) }
  }),
  {
    id: "CVE-2019-1",
    package: "gone",
    families: {},
    reason: "was removed",
    by: "Ada",
    accepted: "2026-10-01",
    reviewBy: "2026-12-24",
  },
]
