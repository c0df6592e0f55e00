import type { Fleet } from "../fleet/fleet.ts"
import { owned } from "../fleet/names.ts"
import { type Instance, wavesOf } from "../fleet/waves.ts"
import { type Evidence, joined, lacking, type Operations, type Phase, type Proven, proven } from "./evidence.ts"

/** Which instances a phase is about: the first wave, what needs a GPU after it, and all that is left. */
const first = (fleet: Fleet): Instance[] => wavesOf(fleet)[0]?.instances ?? []
const later = (fleet: Fleet): Instance[] =>
  wavesOf(fleet)
    .slice(1)
    .flatMap(({ instances }) => instances)

export const core: Phase = {
  phase: 4,
  title: "core services on the new images",
  prove: (evidence) => rolledOut(evidence, first(evidence.fleet)),
}

export const gpu: Phase = {
  phase: 5,
  title: "GPU services",
  prove: (evidence) =>
    rolledOut(
      evidence,
      later(evidence.fleet).filter(({ service }) => service.gpus > 0),
    ),
}

export const cpu: Phase = {
  phase: 6,
  title: "CPU services",
  prove: (evidence) =>
    rolledOut(
      evidence,
      later(evidence.fleet).filter(({ service }) => service.gpus === 0),
    ),
}

/** Each instance was healthy on its host with the newest image that it runs. */
function rolledOut(evidence: Evidence, instances: readonly Instance[]): Proven {
  const done = evidence.operations.rolledOut
  return perInstance(evidence, instances, done, {
    proof: "healthy with the newest image",
    missing: "no record of a rollout that ended healthy with the newest image",
    verb: "deploy",
  })
}

/** Each service told at start-up which image it is, and that was the one that runs. */
export const startUp: Phase = {
  phase: 7,
  title: "SBOM and git SHA at start-up",
  prove: (evidence) =>
    perInstance(
      evidence,
      wavesOf(evidence.fleet).flatMap(({ instances }) => instances),
      evidence.operations.reported,
      {
        proof: "reported its SBOM and git SHA at start-up",
        missing: "no record of a start-up report with the image's SBOM and git SHA",
        verb: "status",
      },
    ),
}

interface Says {
  proof: string
  missing: string
  /** What writes the record. */
  verb: string
}

/** Told per host, since nobody reads 64 lines: how many are proved, and the names of the others. */
function perInstance(
  { fleet, records }: Evidence,
  instances: readonly Instance[],
  done: Operations["rolledOut"],
  says: Says,
): Proven {
  if (instances.length === 0) return lacking("fleet.yaml has no such service")
  const byInstance = new Map(done.map((each) => [`${each.host} ${each.service}`, each]))
  const provedBy = ({ service, host }: Instance) => {
    const found = byInstance.get(`${host} ${service.name}`)
    // What runs is an app's image, not the family's; on the demo yard it may be that of a stand-in.
    return found && owned(records, found.image)?.digest === found.digest ? found : undefined
  }
  return joined(
    Object.keys(fleet.hosts).flatMap((host): Proven[] => {
      const here = instances.filter((each) => each.host === host)
      const open = here.filter((each) => !provedBy(each)).map(({ service }) => service.name)
      const proofs = here.flatMap((each) => provedBy(each) ?? [])
      const standIns = proofs.filter(({ standIn }) => standIn).length
      const told = standIns > 0 ? `, ${standIns} of them stand-ins` : ""
      return [
        ...(proofs.length > 0
          ? [proven(`${host}: ${proofs.length} of ${here.length} services ${says.proof}${told}`)]
          : []),
        ...(open.length > 0
          ? [lacking(`${host}: ${says.missing} for ${named(open)}; \`fairlead ${says.verb}\` writes it`)]
          : []),
      ]
    }),
  )
}

const named = (names: readonly string[]): string =>
  names.length > 6 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ")

/** Going back was done on each host, both ways, and was healthy: what was never tried is not there. */
export const rollback: Phase = {
  phase: 8,
  title: "rollback by -prev and FORCE_IMAGE_TAG",
  prove: ({ fleet, operations: { rolledBack, pinned } }) =>
    joined(
      Object.keys(fleet.hosts).flatMap((host) => [
        rolledBack.some((each) => each.host === host)
          ? proven(`${host}: went back to -prev and was healthy`)
          : lacking(`${host}: no record of a rollback to -prev that ended healthy; \`fairlead rollback\` writes it`),
        pinned.some((each) => each.host === host)
          ? proven(`${host}: was held at a tag by FORCE_IMAGE_TAG`)
          : lacking(
              `${host}: no record of a pin by FORCE_IMAGE_TAG; \`fairlead pin\` and \`fairlead deploy\` write it`,
            ),
      ]),
    ),
}
