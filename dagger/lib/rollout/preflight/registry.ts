import {
  type Answer,
  failed,
  type HostCheck,
  isRegistrys,
  nobodyAsked,
  ok,
  unknown,
  type WantedRegistry,
} from "./check.ts"
import type { HostFacts } from "./facts.ts"

/** The registry can be reached from the host, and its Docker is logged in there. */
export const registry: HostCheck = {
  name: "registry",
  judge({ registry: status, login, user, way }, { host, registry }) {
    if (registry.loopback) return behindTunnel(registry, host.name, way)
    if (status === undefined) return nobodyAsked(registry.host, host.name)
    const seen = `${registry.host} answers ${status}`
    if (status === 0)
      return failed(
        `${registry.host} cannot be reached from there`,
        `on ${host.name}: curl -v https://${registry.host}/v2/ tells why (DNS, firewall, proxy, CA)`,
      )
    if (!isRegistrys(status))
      return failed(
        `${seen} on /v2/: that is no registry`,
        "look at registry.host in fleet.yaml, and at proxies between",
      )
    if (login || status === 200) return ok(login ? `${seen}, logged in` : seen)
    return unknown(
      `${seen}, and ${user} is not logged in there: enough for public images only`,
      `on ${host.name}, as ${user}: docker login ${registry.host}`,
    )
  },
}

/** A host has no way of its own to it: a tunnel is opened by whoever deploys, for as long as it pulls. */
function behindTunnel(registry: WantedRegistry, host: string, way: HostFacts["way"]): Answer {
  if (!registry.answers)
    return failed(`${registry.host} on this machine does not answer`, "fairlead setup brings it up")
  const seen = `${registry.host} answers on this machine`
  if (!way) return ok(`${seen}; ${host} reaches it through an SSH tunnel, not tried here`)
  if (way.open) return ok(`${seen}, and ${host} can be given a tunnel to it`)
  return failed(
    `${seen}, but ${host} cannot be given a tunnel to it: ${way.why}`,
    way.fix ?? `allow it in sshd_config on ${host}: AllowTcpForwarding yes`,
  )
}
