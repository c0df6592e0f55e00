import { isIP } from "node:net"
import type { Fleet } from "../../fleet/fleet.ts"

/**
 * The name that services report to, in a cluster where the receiver does not run: it stands for an address where one is
 * known, else for the host's name, which the cluster's DNS has to know.
 */
export function receiverObjects(
  fleet: Fleet,
  { name, host }: { name: string; host: string },
  given?: string,
): Record<string, unknown>[] {
  const address = given ?? fleet.hosts[host]!.address
  const metadata = { name, labels: { "app.kubernetes.io/part-of": fleet.name } }
  const service = { apiVersion: "v1", kind: "Service", metadata }
  const family = isIP(address)
  if (family === 0) return [{ ...service, spec: { type: "ExternalName", externalName: address.toLowerCase() } }]
  const { protocol, port: written } = new URL(fleet.policy.image.ingestUrl)
  const port = Number(written || (protocol === "https:" ? 443 : 80))
  return [
    { ...service, spec: { ports: [{ name: "ingest", port }] } },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels: { ...metadata.labels, "kubernetes.io/service-name": name } },
      addressType: `IPv${family}`,
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ name: "ingest", port, protocol: "TCP" }],
    },
  ]
}
