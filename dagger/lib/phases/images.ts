import { sameVersion } from "../gates/blueprint/version.ts"
import { gates } from "../gates/table.ts"
import { type Evidence, gateProof, joined, lacking, type Phase, type Proven, proven } from "./evidence.ts"

const families = ({ fleet }: Evidence): string[] => Object.keys(fleet.families)

const ofEach = (evidence: Evidence, gate: string): Proven =>
  joined(families(evidence).map((family) => gateProof(evidence, family, gate)))

/** What was agreed on is written down, and what was frozen is held by locks and seen in images. */
export const baseline: Phase = {
  phase: 0,
  title: "protocol and frozen baseline",
  prove(evidence) {
    const { fleet, repository } = evidence
    const frozen = Object.entries(fleet.families).filter(([, { frozen }]) => Object.keys(frozen).length > 0)
    const parts = [
      proven(
        `fleet.yaml is sound: ${families(evidence).length} families, ${Object.keys(fleet.services).length} services, ${Object.keys(fleet.hosts).length} hosts`,
      ),
    ]
    if (frozen.length === 0) parts.push(lacking("no family freezes anything: families.….frozen in fleet.yaml"))
    for (const [path, lock] of Object.entries(repository.locks)) {
      if (!lock) parts.push(lacking(`${path}: fleet.yaml names it, and it is not there`))
      else if (lock.problems.length > 0)
        parts.push(lacking(`${path}:${lock.problems[0]!.line}: ${lock.problems[0]!.why}`))
      else parts.push(proven(`${path}: ${lock.packages.length} packages, each pinned with a hash`))
    }
    for (const [name] of frozen) {
      parts.push(heldByLock(evidence, name), gateProof(evidence, name, "contract"))
    }
    return joined(parts)
  },
}

function heldByLock({ fleet, repository }: Evidence, name: string): Proven {
  const { frozen, lock } = fleet.families[name]!
  const pins = Object.entries(frozen).map(([distribution, version]) => `${distribution} ${version}`)
  const read = lock ? repository.locks[lock] : undefined
  if (!read) return lacking(`${name} freezes ${pins.join(", ")}, and no lock of it holds that`)
  const loose = Object.entries(frozen).filter(
    ([distribution, version]) =>
      !read.packages.some((each) => each.name === distribution && sameVersion(version, each.version)),
  )
  return loose.length === 0
    ? proven(`${lock} holds ${pins.join(", ")}`)
    : lacking(
        `${lock} does not hold ${loose.map(([distribution, version]) => `${distribution} ${version}`).join(", ")}`,
      )
}

/** Every family is built, has been through every gate, and is in the registry. */
export const built: Phase = {
  phase: 1,
  title: "build and push the families",
  prove: (evidence) => joined(families(evidence).map((family) => released(evidence, family))),
}

function released(evidence: Evidence, family: string): Proven {
  const { fleet, records, releases, repository } = evidence
  const { dockerfile } = fleet.families[family]!
  if (!dockerfile) return lacking(`${family}: has no Dockerfile: families.${family}.dockerfile in fleet.yaml`)
  if (repository.missingDockerfiles.includes(dockerfile)) return lacking(`${family}: ${dockerfile} is not there`)
  const record = records[family]
  if (!record) return lacking(`${family}: no record: \`fairlead ship --family ${family}\` makes one`)
  const names = [...new Set([...gates.map(({ name }) => name as string), ...Object.keys(record.gates)])]
  const asked = names.map((gate) => gateProof(evidence, family, gate))
  const wrong = asked.flatMap(({ missing }) => missing)
  const passed =
    wrong.length === 0 ? [`${family}: ${names.length} gates passed in the record of ${record.at.slice(0, 10)}`] : []
  const out = releases.find((each) => each.family === family && each.digest === record.digest)
  const push =
    out !== undefined
      ? proven(`${family}: published as ${out.ref}`)
      : lacking(
          `${family}: no record says that ${record.digest.slice(0, 19)} was published: \`fairlead ship --family ${family}\` publishes it`,
        )
  return joined([{ proof: passed, missing: wrong }, push])
}

/** pip-audit, the import probe and ldd: the gate `audit` is all three. */
export const audited: Phase = {
  phase: 2,
  title: "dependency audit",
  prove: (evidence) => ofEach(evidence, "audit"),
}

/** CI ships with a cache, Trivy's gate and an SBOM. */
export const automated: Phase = {
  phase: 3,
  title: "CI with cache, Trivy gate and SBOMs",
  prove(evidence) {
    const { ci } = evidence.repository
    const runs = evidence.operations.shippedInCi
    const files = ci.map(({ path, broken, ships }) => {
      if (broken) return lacking(`${path}: cannot be read: ${broken}`)
      return ships ? proven(`${path} runs ship`) : { proof: [], missing: [] }
    })
    const none = ci.some(({ ships }) => ships)
      ? []
      : [lacking("no CI file runs `fairlead ship`: the verb `ci` will write one")]
    return joined([
      ...files,
      ...none,
      runs.length > 0
        ? proven(`shipped in CI with the registry cache: ${runs.at(-1)!.run}`)
        : lacking("no record of a run in CI whose builds used the registry cache: `fairlead ship` will write it there"),
      ofEach(evidence, "scan"),
      ofEach(evidence, "sbom"),
    ])
  },
}
