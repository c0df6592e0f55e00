import { contract } from "./contract.ts"
import { size } from "./size.ts"
import { smoke } from "./smoke.ts"

/** Every gate, in the order in which people read them. Adding one is a file and a row here. */
export const gates = [contract, smoke, size] as const
