import { setTimeout as sleep } from "node:timers/promises"
import { expect } from "vitest"
import { hostNames, inDocker } from "../../cli/demo/docker.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { loadFleet } from "../../dagger/lib/fleet/load.ts"
import { until } from "../e2e/demo-yard.ts"
import { containersOn, demo, docker, healthPorts, ssh } from "../e2e/rollout-yard.ts"

/** A line of a shell as root on a host of the yard, past its SSH. */
export async function asRoot(host: string, script: string, ...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await docker("exec", inDocker(host), "sh", "-c", script, "sh", ...words)
  if (exitCode !== 0) throw new Error(`${host}: exit ${exitCode}: ${stderr}`)
  return stdout
}

const state = "/home/fairlead/.fairlead/*"

/** How often all journals of a host tell of an event: "stopped tiered_responder". */
const toldOn = async (host: string, event: string): Promise<number> =>
  Number(await asRoot(host, `cat ${state}/runs/*/journal 2>/dev/null | grep -c " $1 " || :`, event))

/** Does something on a host the moment its journal tells once more of an event. `act` begins what leads to it. */
export async function when<T>(host: string, event: string, then: string, act: () => T): Promise<T> {
  const before = await toldOn(host, event)
  const acted = act()
  const script = `n=0; until [ "$(cat ${state}/runs/*/journal 2>/dev/null | grep -c " $1 ")" -gt "$2" ]; do
    n=$((n + 1)); [ $n -lt 30000 ] || exit 9; sleep 0.01; done; ${then}`
  await asRoot(host, script, event, String(before))
  return acted
}

/** Everything as it was; sshd takes a moment to begin anew. */
export async function mended(host: string): Promise<void> {
  const told = await demo("mend", host)
  expect(told.exitCode, told.stderr).toBe(0)
  await until(60, async () => (await ssh(host, "true")).exitCode === 0)
}

/** Asked on the host itself, past its SSH. */
export async function answersWithin(host: string, port: number, seconds: number): Promise<boolean> {
  const ask = `import urllib.request as r; print(r.urlopen("http://127.0.0.1:${port}/health", timeout=3).read().decode())`
  for (const until = Date.now() + seconds * 1000; Date.now() < until; await sleep(500)) {
    if ((await asRoot(host, 'python3 -c "$1" 2>/dev/null || :', ask)) === '{"status":"ok"}') return true
  }
  return false
}

/** What serves on every host: ids by name, without what is kept beside it. */
export async function serving(): Promise<Record<string, string>> {
  const hosts = Object.keys(healthPorts)
  const all = await Promise.all(hosts.map(async (host) => ({ host, containers: await containersOn(host) })))
  return Object.fromEntries(
    all.flatMap(({ host, containers }) =>
      Object.entries(containers)
        .filter(([name, { state }]) => /^[a-z_]+$/.test(name) && state === "running")
        .map(([name, { id }]) => [`${host}/${name}`, id]),
    ),
  )
}

/** Every run is over, nobody holds a lock, and nothing is left of what runs made and never switched to. */
export async function expectTidy(): Promise<void> {
  for (const host of hostNames(await loadFleet(fairleadRoot))) {
    const open = `for each in ${state}/runs/*; do [ ! -f $each/journal ] || [ -e $each/ended ] || echo $each; done`
    expect([host, await asRoot(host, `${open}; ls ${state}/lock/holder 2>/dev/null || :`)]).toEqual([host, ""])
    const left = Object.keys(await containersOn(host)).filter((name) => /\.[0-9a-f]{6}$/.test(name))
    expect([host, left]).toEqual([host, []])
  }
}
