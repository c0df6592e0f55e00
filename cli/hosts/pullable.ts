import type { RegistryAddress } from "../../dagger/lib/release/registry.ts"
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
