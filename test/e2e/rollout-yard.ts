import { execa } from "execa"
import { afterAll, beforeAll, expect } from "vitest"
import { parse, stringify } from "yaml"
import { demoYard } from "../../cli/demo/yard.ts"
import { registryAddress } from "../../cli/setup/registry.ts"
import { fairleadRoot } from "../../cli/version.ts"
import type { RolloutReport } from "../../dagger/lib/rollout/deploy/report.ts"
import { demo, docker, name, ssh, whileUp } from "./demo-yard.ts"
import { Checkout, fairlead, type Told } from "./yard.ts"

/** Some services of each wave on both hosts: enough to see what a rollout does, few enough to do it often. */
export const few = [
  "ServiceRegistry",
  "UnifiedObservabilityCenter",
  "ModelOpsCoordinator",
  "TieredResponder",
  "UnifiedWebAgent",
  "Executor",
]

interface FleetFile {
  services: Record<string, Record<string, unknown>>
  policy: { rollout: Record<string, unknown> & { waves: { services?: string[] }[] } }
}

/** A small fleet's repository, its images in an organisation of their own, and the demo's hosts to roll it out to. */
export class RolloutYard {
  /** One of its own for each file of tests: what others left in the registry, or took from it, is nothing to it. */
  constructor(public org = `rollout-${process.pid}-${Date.now()}`) {}
  checkout!: Checkout

  /** Changes fleet.yaml as data, and commits it. */
  fleet(how: (fleet: FleetFile) => void): Promise<void> {
    return this.checkout.change("fleet.yaml", (text) => {
      const fleet = parse(text) as FleetFile
      how(fleet)
      return stringify(fleet)
    })
  }

  /** Gives a service other variables: FAIRLEAD_FAIL and the like. No image is built for it. Default: none. */
  run = (service: string, env: Record<string, string> = {}): Promise<void> =>
    this.fleet(({ services }) => {
      services[service]!.env = env
    })

  async tells(argv: string[], env: Record<string, string> = {}): Promise<Told> {
    return fairlead([...argv, "--registry", `${registryAddress()}/${this.org}`], {
      cwd: this.checkout.root,
      env: { FAIRLEAD_DEMO: name, FAIRLEAD_YARD: "demo", ...env },
    })
  }

  /** Rolls out, and reads the report. Throws with what was said where there is none. */
  async rolls(
    argv: string[] = ["deploy"],
    env: Record<string, string> = {},
  ): Promise<Told & { report: RolloutReport }> {
    const told = await this.tells([...argv, "--json"], env)
    if (!told.stdout.startsWith("{")) throw new Error(`no report, exit ${told.exitCode}:\n${told.stderr}`)
    return { ...told, report: JSON.parse(told.stdout) }
  }

  /** The same as a process that may be killed. */
  starts(argv: string[] = ["deploy"]) {
    const words = [...argv, "--registry", `${registryAddress()}/${this.org}`]
    return execa(`${fairleadRoot}/fairlead`, words, {
      cwd: this.checkout.root,
      env: { FAIRLEAD_DEMO: name, FAIRLEAD_YARD: "demo", FORCE_COLOR: undefined },
      reject: false,
      stdin: "ignore",
      all: true,
    })
  }
}

/** What runs on a host, by Docker itself: names with image, definition and state. */
export async function containersOn(
  host: string,
): Promise<Record<string, { image: string; definition: string; state: string; id: string }>> {
  const format = '{{.Names}}|{{.Image}}|{{.Label "dev.fairlead.definition"}}|{{.State}}|{{.ID}}'
  const { stdout, exitCode, stderr } = await ssh(
    host,
    `docker ps --all --filter label=dev.fairlead.fleet --format '${format}'`,
  )
  if (exitCode !== 0) throw new Error(stderr)
  return Object.fromEntries(
    stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("|"))
      .map(([container = "", image = "", definition = "", state = "", id = ""]) => [
        container,
        { image, definition, state, id },
      ]),
  )
}

/** GET /health of a service, asked over the yard's network as a client of it would. */
export async function answersOn(host: string, port: number): Promise<boolean> {
  const address = (await demoYard())!.hosts[host]!.onNetwork.address
  const answer = await fetch(`http://${address}:${port}/health`, { signal: AbortSignal.timeout(5000) }).catch(
    () => undefined,
  )
  return answer?.ok === true && (await answer.text()) === '{"status":"ok"}'
}

/** The health ports of the few services, by host. */
export const healthPorts: Record<string, number[]> = {
  mainpc: [8200, 9110, 8212, 6606],
  pc2: [9110, 8100, 8126],
}

/** Which of the few services do not answer. */
export async function silent(): Promise<string[]> {
  const all = Object.entries(healthPorts).flatMap(([host, ports]) => ports.map((port) => ({ host, port })))
  const asked = await Promise.all(
    all.map(async ({ host, port }) => ((await answersOn(host, port)) ? "" : `${host}:${port}`)),
  )
  return asked.filter(Boolean)
}

/** The yard up with the small fleet shipped, not yet deployed, while the tests of a file run. */
export function whileRollingOut({ org, options = [] }: { org?: string; options?: string[] } = {}): RolloutYard {
  whileUp(...options)
  const on = new RolloutYard(org)
  beforeAll(async () => {
    on.checkout = await Checkout.make()
    await on.fleet(({ services, policy }) => {
      for (const service of Object.keys(services)) if (!few.includes(service)) delete services[service]
      for (const wave of policy.rollout.waves) wave.services = wave.services?.filter((service) => few.includes(service))
      for (const wave of policy.rollout.waves) if (wave.services === undefined) delete wave.services
      policy.rollout.healthySeconds = 12
      policy.rollout.healthyProbes = 2
    })
    const told = await on.tells(["ship", "--service", "ServiceRegistry", "--service", "TieredResponder"])
    expect(told.exitCode, told.stderr).toBe(0)
  })
  afterAll(() => on.checkout?.remove())
  return on
}

export { demo, docker, ssh }
