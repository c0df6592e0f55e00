import { isLoopback } from "../../release/registry.ts"
import { type Answer, type HostCheck, isRegistrys, nobodyAsked, ok, unknown } from "./check.ts"

/** The registry nearby that fleet.yaml names can be reached from the host. Without it a rollout goes on: it fails nothing. */
export const mirror: HostCheck = {
  name: "mirror",
  judge({ mirror: answers }, { host, registry }) {
    if (host.mirror === undefined || registry.loopback) return undefined
    return judged(host.mirror, host.name, answers ?? {})
  },
}

function judged(mirror: string, host: string, { status, plain }: { status?: number; plain?: number }): Answer {
  if (status === undefined) return nobodyAsked(mirror, host)
  if (isRegistrys(status)) return ok(`${mirror} answers ${status}`)
  if (plain !== undefined && isRegistrys(plain)) {
    // Docker wants no TLS of what is on its own machine.
    if (isLoopback({ host: mirror })) return ok(`${mirror} answers ${plain}`)
    return unknown(
      `${mirror} answers ${plain}, but without TLS only`,
      `give it a certificate, or name it in insecure-registries of /etc/docker/daemon.json on ${host}`,
    )
  }
  const seen = status === 0 ? "cannot be reached from there" : `answers ${status} on /v2/: that is no registry`
  return unknown(
    `${mirror} ${seen}: images come from far, and deploy goes on without it`,
    `on ${host}: curl -v https://${mirror}/v2/ tells why; hosts.${host}.mirror in fleet.yaml names it`,
  )
}
