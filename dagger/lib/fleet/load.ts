import { wrongInput } from "../problem.ts"
import type { Fleet } from "./fleet.ts"

/** Reads a fleet from the text of fleet.yaml. Throws Problems (exit code 2) that list all that is wrong with it. */
export function parseFleet(_text: string, fileName = "fleet.yaml"): Fleet {
  throw wrongInput("cannot be read yet", { where: fileName })
}

/** Reads `fleet.yaml` of a folder, and checks the paths it names against the folder. Throws as parseFleet does. */
export async function loadFleet(_folder: string): Promise<Fleet> {
  throw wrongInput("cannot be read yet", { where: "fleet.yaml" })
}
