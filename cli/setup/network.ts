import { dockerName } from "../instance.ts"
import { label } from "../state.ts"
import { must, run } from "./command.ts"
import type { Found, Part } from "./part.ts"

/** Where steps, their services and the embedded registry meet. */
export const networkName = dockerName()

/** A bridge of Docker's; its address range is Docker's own choice, so that it collides with nothing. */
export const networkPart = (): Part => ({
  name: "network",
  after: ["engine"],
  verb: "made",
  look,
  ready: async () => {
    await must(
      `Docker could not make the network ${networkName}`,
      ["docker", "network", "create", "--label", `${label}=1`, networkName],
      {
        fix: "`docker network prune` frees address ranges that nothing uses",
      },
    )
  },
  remove: async () => {
    const { exitCode, stdout } = await run(inspect(`{{index .Labels "${label}"}}`))
    if (exitCode !== 0 || stdout.trim() !== "1") return []
    await must(`Docker could not remove the network ${networkName}`, ["docker", "network", "rm", networkName])
    return [`network ${networkName}`]
  },
})

const inspect = (format: string) => ["docker", "network", "inspect", "--format", format, networkName] as const

async function look(): Promise<Found> {
  const { exitCode, stdout } = await run(inspect("{{.Driver}}{{range .IPAM.Config}} {{.Subnet}}{{end}}"))
  if (exitCode !== 0) return { state: "missing", detail: `no network ${networkName}`, fix: "`fairlead setup` makes it" }
  return { state: "ready", detail: `${networkName}, ${stdout.trim()}`, short: "" }
}
