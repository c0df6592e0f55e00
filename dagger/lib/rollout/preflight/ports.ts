import { failed, few, type HostCheck, ok, unknown } from "./check.ts"
import type { DockerFacts } from "./facts.ts"

/** Each service's ports are free, or held by its own container. */
export const ports: HostCheck = {
  name: "ports",
  judge({ docker, listens }, wanted) {
    if ("error" in docker) return unknown("Docker could not be asked who holds which port")
    const services = wanted.services.flatMap(({ name, port, healthPort }) =>
      [...new Set([port, healthPort])].map((number) => ({ name, number })),
    )
    const taken = services.flatMap(({ name, number }) => {
      const holder = holderOf(docker, number)
      const own = holder?.fleet === wanted.fleet && holder.service === name
      if (own || (!holder && !listens.includes(number))) return []
      return [`${number} of ${name} by ${holder ? `the container ${holder.name}` : "a program outside of Docker"}`]
    })
    const held = services.filter(({ number }) => holderOf(docker, number)).length
    if (taken.length === 0)
      return ok(`${services.length} ports: ${services.length - held} free, ${held} held by our own`)
    return failed(
      `taken: ${few(taken)}`,
      `on ${wanted.host.name}: sudo ss -ltnp tells who listens; stop it, or give the service another port in fleet.yaml`,
    )
  },
}

const holderOf = ({ containers }: DockerFacts, port: number) => containers.find(({ ports }) => ports.includes(port))
