import type { Fact, Wanted } from "./fact.ts"
import { labelFacts } from "./labels.ts"
import { leftoverFacts } from "./leftovers.ts"
import { machineFacts } from "./machine.ts"
import { permissionFacts } from "./permissions.ts"
import { pythonFacts } from "./python.ts"
import { startFacts } from "./start.ts"

const chapters = [startFacts, labelFacts, pythonFacts, permissionFacts, leftoverFacts, machineFacts] as const

/** Every fact that the blueprint holds for a family; more for children than for their parents, never fewer. */
export const factsOf = (wanted: Wanted): Fact[] => chapters.flatMap((chapter) => chapter(wanted))
