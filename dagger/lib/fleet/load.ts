import type { z } from "zod"
import { wrongInput } from "../problem.ts"
import { refuse, schemaComplaints } from "./complaints.ts"
import { readText } from "./file.ts"
import { type Fleet, fleetSchema } from "./fleet.ts"
import { pathsThatLeave } from "./paths.ts"
import { rules } from "./rules/all.ts"
import { draftOf } from "./rules/draft.ts"
import type { Complaint, Draft } from "./rules/rule.ts"
import { sentence } from "./sentence.ts"
import { readYaml, type YamlData } from "./yaml.ts"

const hints = {
  begin: "begin with `schema: 1` and `name:`, as docs/fleet-yaml.md shows",
  tooLarge: "a fleet of 10,000 services fits into that; look what else got into the file",
}

/** Reads a fleet from the text of fleet.yaml. Throws Problems (exit code 2) that list all that is wrong with it. */
export function parseFleet(text: string, fileName = "fleet.yaml"): Fleet {
  return fleetFrom(readYaml(text, fileName, hints), fileName)
}

/**
 * Reads `fleet.yaml` of a folder, and refuses paths in it that lead out of the folder, also by symbolic links. Throws as
 * parseFleet does.
 */
export async function loadFleet(folder: string): Promise<Fleet> {
  const fileName = "fleet.yaml"
  const text = await readText(folder, fileName)
  if (text === undefined) {
    const fix = "run this in the folder of a fleet, or start one with `fairlead init`"
    throw wrongInput(`there is no ${fileName} in ${folder}`, { fix })
  }
  const file = readYaml(text, fileName, hints)
  const fleet = fleetFrom(file, fileName)
  refuse(pathsThatLeave(folder, fleet), file, fileName)
  return fleet
}

/** The fleet in YAML that has been read already. Throws as parseFleet does. */
export function fleetFrom(file: YamlData, fileName: string): Fleet {
  const whole = fleetSchema.safeParse(file.data, { error: sentence })
  refuse(all(whole.error?.issues ?? [], draftOf(file.data, whole.data)), file, fileName)
  if (!whole.success) throw wrongInput("cannot be read", { where: fileName })
  return whole.data
}

function* all(issues: readonly z.core.$ZodIssue[], draft: Draft): Iterable<Complaint> {
  yield* schemaComplaints(fleetSchema, issues)
  for (const rule of rules) yield* rule(draft)
}
