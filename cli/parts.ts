import type { ToolboxPart } from "../dagger/lib/engine/engine.ts"
import type { Fleet } from "../dagger/lib/fleet/fleet.ts"
import { namedKey, signsKeyless } from "./keys.ts"
import { basePart } from "./setup/bases.ts"
import { buildxPart, dockerPart } from "./setup/docker.ts"
import { networkPart } from "./setup/network.ts"
import type { Part } from "./setup/part.ts"
import { registryPart } from "./setup/registry.ts"
import { signingKeyPart } from "./setup/signing-key.ts"
import { toolboxBasePart, toolboxImage, toolboxPart } from "./setup/toolbox.ts"

/** Everything that set-up may ready for a fleet, with these parts of the toolbox. */
export function partsFor(fleet: Fleet, toolbox: readonly ToolboxPart[], registry: boolean): Part[] {
  const images = registry ? new Set<ToolboxPart>([...toolbox, "registry"]) : new Set(toolbox)
  return [
    dockerPart(),
    buildxPart(),
    networkPart(),
    ...Object.values(fleet.bases).map((base) => basePart(base, fleet.epoch)),
    toolboxBasePart(),
    ...[...images].map((part) => toolboxPart(part)),
    ...(images.has("sign") && !namedKey() && !signsKeyless() ? [signingKeyPart()] : []),
    ...(registry ? [registryPart({ image: () => toolboxImage("registry"), after: ["toolbox:registry"] })] : []),
  ]
}

/** What verbs use. */
export const everyToolboxPart: readonly ToolboxPart[] = [
  "build",
  "registry",
  "sbom",
  "run",
  "lint",
  "sign",
  "lock",
  "scan",
]

/**
 * Fairlead's own tests look at reports in a browser, ask Kubernetes' code about manifests and Groovy about Jenkins' file, and
 * hosts as the module does.
 */
export const toolboxOfTests: readonly ToolboxPart[] = [...everyToolboxPart, "ssh", "browser", "kubernetes", "groovy"]
