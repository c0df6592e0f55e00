import { audit } from "./audit.ts"
import { contract } from "./contract.ts"
import { sbom } from "./sbom.ts"
import { scan } from "./scan.ts"
import { size } from "./size.ts"
import { smoke } from "./smoke.ts"

/** Every gate, in the order in which people read them. Adding one is a file and a row here. */
export const gates = [contract, smoke, audit, scan, sbom, size] as const
