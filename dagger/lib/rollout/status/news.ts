import { imageNameOf } from "../../fleet/apps.ts"
import type { Fleet } from "../../fleet/fleet.ts"
import { appOf } from "../../fleet/named.ts"
import { owned } from "../../fleet/names.ts"
import type { News, RolledOut } from "../../phases/operations.ts"
import { digestIn } from "../../release/reference.ts"
import type { NewestRecords } from "../../risks/standing.ts"
import { imageName } from "../host/names.ts"
import { lastReport, type StartReport } from "./reports.ts"
import type { HostStatus } from "./status.ts"

/** A service that a run brought to a host, by the image reference that its container was made from. */
export interface Brought {
  host: string
  /** As in fleet.yaml. */
  service: string
  /** "127.0.0.1:5000/my-fleet/reference-web@sha256:…". */
  image: string
  tag?: string
  run?: string
}

/** As it is recorded; undefined for what fleet.yaml does not know, or an image without a digest. */
export function rolledOutOf(
  fleet: Fleet,
  { host, service, image, tag, run }: Brought,
  at: string,
): RolledOut | undefined {
  const known = owned(fleet.services, service)
  const digest = digestIn(image)
  if (!known || digest === undefined) return undefined
  const name = imageName(image)
  const standIn = appOf(fleet, service).standIn || name !== imageNameOf(fleet, known)
  return { service, host, image: name, digest, standIn, ...(tag && { tag }), ...(run && { run }), at }
}

/** What a look at hosts and the receiver's reports show: who is healthy with what, and which images were reported. */
export function newsOf(
  hosts: readonly HostStatus[],
  {
    fleet,
    reports,
    records,
    at,
  }: { fleet: Fleet; reports: readonly StartReport[]; records: NewestRecords; at: string },
): Required<Pick<News, "rolledOut" | "reported">> {
  const serving = hosts.flatMap(({ host, services }) =>
    services
      .filter(({ drift, health, run }) => drift.length === 0 && health === "healthy" && run !== undefined)
      .flatMap(
        ({ service, running, tag, run }) => rolledOutOf(fleet, { host, service, image: running!, tag, run }, at) ?? [],
      ),
  )
  const reported = serving.filter((each) => {
    const report = lastReport(fleet, reports, each)
    return report !== undefined && tellsTheTruth(report, each, records)
  })
  return { rolledOut: serving, reported }
}

/** It named the image that runs, its commit and an SBOM with the packages that the image's record counts. */
function tellsTheTruth(
  { image, git_sha, sbom }: StartReport,
  { digest, image: name }: RolledOut,
  records: NewestRecords,
) {
  const record = owned(records, name)
  if (image === null || digestIn(image) !== digest || !git_sha || !sbom) return false
  if (record?.digest !== digest) return false
  return record.revision.startsWith(git_sha) && sbom.packages >= record.packages
}
