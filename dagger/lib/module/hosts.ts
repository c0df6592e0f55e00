import { fleetKeys, trustOf } from "../attest/trust.ts"
import type { DaggerEngine } from "../engine/dagger.ts"
import { imageNameOf } from "../fleet/apps.ts"
import { type DemoYard, readYard } from "../fleet/demo.ts"
import { wrongInput } from "../problem.ts"
import { AttachedRecords } from "../release/attached.ts"
import { isLoopback, portOf, Registry, type RegistryAddress } from "../release/registry.ts"
import type { Verifying } from "../release/verify.ts"
import { line } from "../report/text.ts"
import type { NewestRecords } from "../risks/standing.ts"
import { HostRunner } from "../rollout/host/runner.ts"
import type { OpenRollout, RolloutTeller } from "../rollout/open.ts"
import { type Login, requireServices, StepHosts } from "../rollout/ssh/steps.ts"
import { type ChosenHosts, hostsOf } from "../rollout/ssh/target.ts"
import { openWay } from "../rollout/ssh/way.ts"
import { byPort, daggerEngine, keySignerIn, openSource, registryOf, type Site } from "./yard.ts"

/** The hosts that a function is about, spoken to by steps. */
export interface HostsInReach {
  /** Where the fleet's own files are. */
  root: string
  chosen: ChosenHosts
  demo?: DemoYard
  engine: DaggerEngine
  shell: StepHosts
  runner: HostRunner
  hosts: string[]
}

/** How long a host that does not answer is asked again, and who is told. */
interface Patience {
  patienceSeconds?: number
  say?: (text: string) => void
}

/** Opens hosts for the time of `work`. */
export async function withHosts<T>(
  site: Site,
  names: readonly string[],
  { patienceSeconds, say = () => {} }: Patience,
  work: (open: HostsInReach) => Promise<T>,
): Promise<T> {
  const { fleet, root } = await openSource(site.source)
  const demo = site.yard && readYard(await site.yard.contents(), "--yard")
  const up = demo && { demo, writtenIn: "the file of --yard" }
  const chosen = hostsOf(fleet, { ...(names.length > 0 && { hosts: names }), ...(up && { up }) })
  requireServices(chosen.targets, [...(await byPort(site.hostServices ?? [])).keys()])
  const engine = daggerEngine(site)
  const shell = new StepHosts(engine, chosen.targets, loginOf(site, engine))
  const onSilence = (host: string, why: string, seconds: number) =>
    say(line("silent", `${host}: ${why}; asking again for ${seconds} s, what it began goes on there`))
  const runner = new HostRunner(shell, fleet.name, { patienceSeconds, onSilence })
  try {
    return await work({ root, chosen, demo, engine, shell, runner, hosts: chosen.targets.map(({ host }) => host) })
  } finally {
    await engine.close()
  }
}

/** Exactly one of the two: with both nobody could say which of them opened the door. */
function loginOf({ sshKey, sshAgent }: Site, engine: DaggerEngine): Login {
  if (sshKey && !sshAgent) return { key: engine.secret("ssh-key", sshKey) }
  if (sshAgent && !sshKey) return { agent: engine.socket("ssh-agent", sshAgent) }
  throw wrongInput(sshKey ? "both are given" : "nothing is given to log in to hosts with", {
    where: "--ssh-key, --ssh-agent",
    fix: "pass --ssh-key file://$HOME/.ssh/id_ed25519 (a key without a passphrase), or --ssh-agent unix://$SSH_AUTH_SOCK",
  })
}

/** The registry, by the toolbox part that asks it. */
export async function registryIn(
  site: Site,
  { chosen, engine }: Pick<HostsInReach, "chosen" | "engine">,
): Promise<Registry> {
  const login = site.registryAuth && engine.secret("registry-auth", site.registryAuth)
  return new Registry(engine, await registryOf(site, chosen.fleet), login, "sign")
}

/** The registry, and whose signatures count there. */
export async function verifyingIn(site: Site, open: HostsInReach): Promise<Verifying> {
  const { fleet } = open.chosen
  const own = fleetKeys(fleet) ? undefined : (await keySignerIn(site, open.engine))?.publicKey
  return { registry: await registryIn(site, open), trust: trustOf({ fleet, root: open.root }, own), now: new Date() }
}

/** What preflight reckons sizes by. Where nobody is known who could have signed a record, budgets have to do. */
export async function sizesOn(site: Site, open: HostsInReach): Promise<NewestRecords> {
  if (!fleetKeys(open.chosen.fleet) && !site.signingKey) return {}
  return newestOn(open.chosen, new AttachedRecords(await verifyingIn(site, open)))
}

/** The newest record of every image that the chosen hosts run; of what was never released there is none. */
async function newestOn({ fleet, targets }: ChosenHosts, records: AttachedRecords): Promise<NewestRecords> {
  const hosts = targets.map(({ host }) => host)
  const services = Object.values(fleet.services).filter((each) => each.hosts.some((host) => hosts.includes(host)))
  const names = new Set(services.map((service) => imageNameOf(fleet, service)))
  return Object.fromEntries(
    await Promise.all([...names].map(async (name) => [name, await records.latest(name)] as const)),
  )
}

/** How hosts reach a registry: one on the caller's loopback by a tunnel, any other by themselves. */
export const wayTo =
  (address: RegistryAddress, { shell, engine }: Pick<HostsInReach, "shell" | "engine">): OpenRollout["way"] =>
  async (host) =>
    isLoopback(address) ? openWay(shell, engine, host, portOf(address)) : { close: async () => {} }

/** Hosts and registry for a verb that changes something. */
export async function rolloutIn(
  site: Site,
  open: HostsInReach,
  { progress, owner }: { progress: RolloutTeller; owner: string },
): Promise<OpenRollout> {
  const { chosen, demo, shell, runner, hosts } = open
  const verifying = await verifyingIn(site, open)
  const records = new AttachedRecords(verifying)
  const { address } = verifying.registry
  return {
    ...{ chosen, demo, shell, runner, hosts, verifying, records, progress, owner },
    ...{ registry: address, now: verifying.now },
    newest: () => newestOn(chosen, records),
    way: wayTo(address, open),
  }
}
