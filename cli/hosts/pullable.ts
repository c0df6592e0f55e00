import { StepError } from "../../dagger/lib/engine/engine.ts"
import { type RegistryAddress, repository } from "../../dagger/lib/release/registry.ts"
import type { Pullable } from "../../dagger/lib/rollout/preflight/preflight.ts"

/** Asks a registry on this machine's loopback, which speaks plain HTTP; of any other nobody knows without a login. */
export const pullableFromLoopback =
  ({ host }: Pick<RegistryAddress, "host">): Pullable =>
  async (ref) => {
    const [path = "", digest = ""] = ref.split("@")
    if (!path.startsWith(`${host}/`)) return undefined
    const name = path.slice(host.length + 1)
    const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    return fetch(`http://${host}/v2/${name}/manifests/${digest}`, {
      method: "HEAD",
      headers: { accept },
      signal: AbortSignal.timeout(5000),
    }).then(
      ({ ok, status }) => (ok ? true : status === 404 ? false : undefined),
      () => undefined,
    )
  }

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
