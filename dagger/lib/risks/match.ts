import { normalName } from "../gates/blueprint/version.ts"
import type { FoundRisk } from "../gates/verdict.ts"
import type { Risk } from "./risk.ts"

/** Whether an entry's id is one of the names of a weakness; "*" is every one. */
export const matchesId = (id: string, ids: readonly string[]): boolean =>
  id === "*" || ids.some((each) => each.toLowerCase() === id.toLowerCase())

/** Whether an entry's package is the one at fault; Python spells one name in many ways (PyPA, "Names and normalization"). */
export const matchesPackage = (written: string, found: Pick<FoundRisk, "package" | "kind">): boolean =>
  written === "*" ||
  written === found.package ||
  (found.kind === "python" && normalName(written) === normalName(found.package))

/** Whether an entry is about this finding, for whatever family, packages and day. */
export const isAbout = (risk: Pick<Risk, "id" | "package">, found: FoundRisk): boolean =>
  matchesId(risk.id, found.ids) && matchesPackage(risk.package, found)
