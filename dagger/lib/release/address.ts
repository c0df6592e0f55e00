import { registryHostSchema, registryOrgSchema } from "../fleet/names.ts"
import { wrongInput } from "../problem.ts"
import type { RegistryAddress } from "./registry.ts"

/** "ghcr.io", "127.0.0.1:5000" or "ghcr.io/my-org". */
export function parseRegistry(text: string, org: string, where: string): RegistryAddress {
  const [host, ...path] = text.split("/")
  const address = { host: host!, org: path.join("/") || org }
  for (const check of [registryHostSchema.safeParse(address.host), registryOrgSchema.safeParse(address.org)]) {
    if (!check.success)
      throw wrongInput(`"${text}" ${check.error.issues[0]?.message}`, {
        where,
        fix: 'write "host[:port][/organisation]"',
      })
  }
  return address
}
