import { registryAddress } from "../cli/setup/registry.ts"
import { fairleadRoot } from "../cli/version.ts"
import { Checkout } from "../test/e2e/yard.ts"
import type { Into } from "./builds.ts"
import { runs } from "./competitor.ts"
import { changeFleet, setServices } from "./fleet.ts"

export interface DeploySample {
  services: number
  /** "one": one service has another environment; "all": each has. */
  changed: "everything is new" | "nothing" | "one" | "all"
  seconds: number
}

/**
 * Deploys stand-in services to a demo yard of its own, half of them on each of its two hosts. The images go to the embedded
 * registry, into an organisation of their own: hosts reach no other by a loopback address.
 */
export async function measureDeploys(sizes: readonly number[], asked: Into<DeploySample>): Promise<void> {
  const checkout = await Checkout.make()
  const own = { FAIRLEAD_DEMO: `bench-${process.pid}`, FAIRLEAD_REGISTRY: `${registryAddress()}/bench` }
  const env = { ...own, FAIRLEAD_YARD: "demo", FAIRLEAD_ENGINE: "docker" }
  const fairlead = (...argv: string[]) => runs([`${fairleadRoot}/fairlead`, ...argv], { cwd: checkout.root, env })
  try {
    await services(checkout, 1, {})
    asked.say("readying images and a demo yard, unmeasured")
    await fairlead("ship", "--advisories", "none", "--app", "reference")
    for (const count of sizes) {
      await fairlead("demo", "up")
      const deploy = async (changed: DeploySample["changed"]) => {
        asked.signal.throwIfAborted()
        const started = performance.now()
        await fairlead("deploy", "--json")
        const seconds = (performance.now() - started) / 1000
        asked.say(`deploy ${count}, changed: ${changed}: ${seconds.toFixed(1)} s`)
        asked.samples.push({ services: count, changed, seconds })
      }
      await services(checkout, count, {})
      await deploy("everything is new")
      for (let round = 0; round < asked.rounds; round++) {
        await deploy("nothing")
        await services(checkout, count, { one: `${round}`, all: `${round - 1}` })
        await deploy("one")
        await services(checkout, count, { one: `${round}`, all: `${round}` })
        await deploy("all")
      }
      await fairlead("demo", "down")
    }
  } finally {
    await fairlead("demo", "down")
    await checkout.remove()
  }
}

/** Another environment makes another container of the same image. */
const services = (checkout: Checkout, count: number, stamps: { one?: string; all?: string }): Promise<void> =>
  changeFleet(checkout, (fleet) =>
    setServices(
      fleet,
      Array.from({ length: count }, (_, at) => [
        `Service${at}`,
        {
          ...{ family: "base-cpu-pydeps", needs: ["cpu"], hosts: [at % 2 === 0 ? "mainpc" : "pc2"] },
          ...{ port: 10_000 + at, healthPort: 20_000 + at },
          env: { ALL: stamps.all ?? "", ...(at === 0 ? { ONE: stamps.one ?? "" } : {}) },
        },
      ]),
    ),
  )
