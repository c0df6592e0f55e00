import { StepError } from "../../engine/engine.ts"
import { type RegistryAddress, repository } from "../../release/registry.ts"
import type { Pullable } from "./preflight.ts"

/** Asks by the toolbox, with whatever login there is. */
export const pullableFrom =
  (registry: {
    address: RegistryAddress
    manifest(family: string, digest: string): Promise<string | undefined>
  }): Pullable =>
  async (ref) => {
    const ours = repository(registry.address, "")
    if (!ref.startsWith(ours)) return undefined
    const [name = "", digest = ""] = ref.slice(ours.length).split("@")
    try {
      return (await registry.manifest(name, digest)) !== undefined
    } catch (error) {
      if (error instanceof StepError) return undefined
      throw error
    }
  }
