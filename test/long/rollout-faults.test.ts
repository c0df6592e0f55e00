import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { beforeAll, describe, expect, it } from "vitest"
import { parse, stringify } from "yaml"
import { inDocker } from "../../cli/demo/docker.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { snakeName } from "../../dagger/lib/fleet/names.ts"
import type { RolloutReport } from "../../dagger/lib/rollout/deploy/report.ts"
import { docker, until } from "../e2e/demo-yard.ts"
import { answersOn, containersOn, demo, ssh, whileRollingOut } from "../e2e/rollout-yard.ts"
import { tagsIn } from "../e2e/yard.ts"
import { manifestIn, putManifest, releasesCopied, removeManifest } from "./release-copy.ts"

const on = whileRollingOut({ options: ["--disk", "4 GB"] })
const images = ["base-python", "base-utils", "base-cpu-pydeps", "family-web", "reference-cpu", "reference-web"]

/** One service before and one after the wave of pc2, where each illness has a service. */
const ills = [
  { service: "TieredResponder", port: 8100, fail: "health500", why: /not healthy within .* it answered 500/ },
  { service: "AsyncProcessor", port: 8101, fail: "wrongbody", why: /it answered \{"status":"starting"/ },
  { service: "CacheManager", port: 8102, fail: "notjson", why: /it answered <html>/ },
  { service: "ResourceManager", port: 8113, fail: "slow", why: /no answer/ },
  { service: "TaskScheduler", port: 8115, fail: "silent", why: /no answer/ },
  { service: "AuthenticationAgent", port: 8116, fail: "flap", why: /not healthy within/ },
  { service: "UnifiedUtilsAgent", port: 8118, fail: "refuse", why: /no answer/ },
  {
    service: "ProactiveContextMonitor",
    port: 8119,
    fail: "crash",
    why: /started again 3 times: exit code 1|not healthy within .* no answer/,
  },
] as const
const recovering = "TutoringServiceAgent"
const all = ["ServiceRegistry", ...ills.map(({ service }) => service), recovering, "Executor"]
const hostOf = (service: string) => (["ServiceRegistry", "Executor"].includes(service) ? "mainpc" : "pc2")

beforeAll(async () => {
  const own = `faults-${process.pid}-${Date.now()}`
  // Tags are moved and images removed here: not where other tests find them.
  await releasesCopied({ from: on.org, to: own, images })
  on.org = own
  const text = await readFile(join(fairleadRoot, "fleet.yaml"), "utf8")
  const { services } = parse(text) as { services: Record<string, unknown> }
  await on.checkout.change("fleet.yaml", () => {
    const fleet = parse(text)
    fleet.services = Object.fromEntries(all.map((name) => [name, services[name]]))
    fleet.policy.rollout.waves[0].services = ["ServiceRegistry"]
    Object.assign(fleet.policy.rollout, { healthySeconds: 20, healthyProbes: 2 })
    return stringify(fleet)
  })
})

/** Gives services environments of their own, in one commit; those that are not named have none. */
const runs = (envs: Record<string, Record<string, string>>) =>
  on.fleet(({ services }) => {
    for (const [name, service] of Object.entries(services)) service.env = envs[name] ?? {}
  })

/** What serves, by host and name: no container that is kept, made or gone back to. */
async function serving(): Promise<Record<string, string>> {
  const found = await Promise.all(
    ["mainpc", "pc2"].map(async (host) =>
      Object.entries(await containersOn(host))
        .filter(([name, { state }]) => /^[a-z_]+$/.test(name) && state === "running")
        .map(([name, { id }]) => [`${host}:${name}`, id] as const),
    ),
  )
  return Object.fromEntries(found.flat())
}
const idOf = (of: Record<string, string>, service: string) => of[`${hostOf(service)}:${snakeName(service)}`]
const statesOf = ({ hosts }: RolloutReport) =>
  Object.fromEntries(hosts.flatMap(({ services }) => services.map(({ service, state }) => [service, state])))

/** At once: a verb of its own takes seconds to begin. */
const fill = (host: string, left: number) => docker("exec", inDocker(host), "fairlead-demo-break", "disk", String(left))
const state = "~/.fairlead/my-fleet"

/** Every line of every journal is whole, whatever happened to the disk below it. */
async function requireReadableJournals(host: string): Promise<void> {
  const { stdout } = await ssh(host, `cat ${state}/runs/*/journal`)
  const lines = stdout.split("\n").filter((line) => line.endsWith(" ."))
  expect(lines.length).toBeGreaterThan(0)
  for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \d+ [a-z-]+ \S+ .+ \.$/)
}

describe("a first deploy", () => {
  it("touches nothing on any host when a disk fills up while images are pulled", async () => {
    const child = on.starts()
    let filled: Promise<unknown> | undefined
    child.all!.on("data", (data: Buffer) => {
      if (/preflight .*ok/.test(String(data))) filled ??= fill("pc2", 8_000_000)
    })
    const { exitCode, all: said } = await child
    await filled
    expect(exitCode, said).toBe(3)
    expect(said).toMatch(/pc2: an image could not be pulled; no service was touched, on any host/)
    expect(said).toMatch(/no space left/i)
    expect(said).toMatch(/what was fetched is kept/)
    expect([await containersOn("mainpc"), await containersOn("pc2")]).toEqual([{}, {}])
    await requireReadableJournals("pc2")
    expect((await demo("mend", "pc2")).exitCode).toBe(0)
  })

  it("that fails is removed again, and that is what it says", async () => {
    await runs({ TieredResponder: { FAIRLEAD_FAIL: "crash" } })
    const { exitCode, stdout, stderr } = await on.tells(["deploy", "--service", "TieredResponder"])
    expect(exitCode, stderr + stdout).toBe(4)
    expect(stdout).toMatch(/TieredResponder on pc2: .*exit code 1/)
    expect(stdout).toMatch(/1 service is removed again, with nothing to go back to/)
    expect(stdout).not.toMatch(/back and healthy/)
    const left = await containersOn("pc2")
    expect(Object.keys(left)).toEqual([expect.stringMatching(/^tiered_responder-[0-9a-f]{6}$/)])
    const [kept] = Object.keys(left)
    expect([left[kept!]!.state, stdout]).toEqual(["exited", expect.stringContaining(`docker logs ${kept}`)])
    expect((await ssh("pc2", `docker logs ${kept}`)).stderr).toContain("FAIRLEAD_FAIL=crash")
  })

  it("is healthy although the receiver takes 30 s to answer, and brings every variable as it was written", async () => {
    const odd = {
      DOLLAR: "$HOME $$ $1",
      DASHES: "-rf / --privileged",
      QUOTES: `"double" 'single' \\ {{.State}} %s`,
      SHELL: "a; id && id | id > /tmp/x # &",
    }
    await runs({ TieredResponder: odd })
    await demo("break", "observability", "slow", "30")
    const { exitCode, report, stderr } = await on.rolls()
    expect([exitCode, report.verdict], stderr).toEqual([0, "PASS"])
    const services = report.hosts.flatMap((each) => each.services)
    expect(services.map((each) => each.state)).toEqual(services.map(() => "healthy"))
    expect(Object.keys(await serving())).toHaveLength(all.length)
    for (const { service, seconds } of services) expect(seconds, service).toBeLessThan(30)
    const { stdout } = await ssh("pc2", "docker inspect --format '{{json .Config.Env}}' tiered_responder")
    expect(JSON.parse(stdout)).toEqual(
      expect.arrayContaining(Object.entries(odd).map(([name, value]) => `${name}=${value}`)),
    )
    await requireDropped("executor", /no answer within 5 s|imed ?out/)
  })
})

/** The service's log has one line of it, after a bounded number of tries. */
async function requireDropped(container: string, why: RegExp): Promise<void> {
  const told = await until(150, async () => {
    const { stdout, stderr } = await ssh("mainpc", `docker logs ${container}`)
    const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => /image record/.test(line))
    return lines.length > 0 && lines
  })
  expect(told).toHaveLength(1)
  expect(told[0]).toMatch(why)
  expect(told[0]).toMatch(/\(5 tries in \d+ s, dropped\)/)
}

describe("the receiver", () => {
  it.each([
    { what: ["error", "500"], why: /answered 500/ },
    { what: ["down"], why: /not delivered/ },
  ])("that is $what keeps no service from being healthy", async ({ what, why }) => {
    await runs({ TieredResponder: {}, Executor: { LEVEL: what[0]! } })
    expect((await demo("break", "observability", ...what)).exitCode).toBe(0)
    const { exitCode, report, stderr } = await on.rolls(["deploy", "--service", "Executor"])
    expect([exitCode, statesOf(report)], stderr).toEqual([0, { Executor: "healthy" }])
    await requireDropped("executor", why)
    await demo("mend", "observability")
  })
})

describe("a service that is not well", () => {
  let before: Record<string, string>
  let after: Record<string, string>
  let report: RolloutReport
  let exitCode: number
  beforeAll(async () => {
    before = await serving()
    await runs({
      ...Object.fromEntries(ills.map(({ service, fail }) => [service, { FAIRLEAD_FAIL: fail }])),
      [recovering]: { FAIRLEAD_FAIL: "health500", FAIRLEAD_FAIL_UNTIL: "6" },
    })
    const told = await on.rolls(["deploy", "--host", "pc2", "--parallel", "10", "--on-failure", "service"])
    report = told.report
    exitCode = told.exitCode
    after = await serving()
  })

  it.each(ills)("$fail: is not called healthy, and what was before serves again", async ({ service, port, why }) => {
    expect(statesOf(report)[service]).toBe("rolledBack")
    expect(idOf(after, service)).toBe(idOf(before, service))
    expect(await answersOn("pc2", port)).toBe(true)
    const failure = report.failures.find((each) => each.service === service)!
    expect(failure.reason).toMatch(why)
    expect(failure.kept).toBe(`${snakeName(service)}-${report.run}`)
    const kept = await ssh("pc2", `docker inspect --format '{{.State.Status}}' ${failure.kept}`)
    expect(kept.stdout).toBe("exited")
  })

  it("and recovers in time is healthy, and stays with the policy that takes back only what failed", () => {
    expect([exitCode, report.verdict, report.policy]).toEqual([4, "FAIL", "service"])
    expect(statesOf(report)[recovering]).toBe("healthy")
    expect(idOf(after, recovering)).not.toBe(idOf(before, recovering))
    expect(report.failures).toHaveLength(ills.length)
  })
})

describe("what goes back", () => {
  it("with the policy wave is the wave: what was healthy before it stays, and nothing after it begins", async () => {
    const env = { LEVEL: "wave" }
    await runs({
      ...{ ServiceRegistry: env, TaskScheduler: env, Executor: env, [recovering]: {} },
      TieredResponder: { FAIRLEAD_FAIL: "crash" },
    })
    const before = await serving()
    const { exitCode, report, stderr } = await on.rolls(["deploy", "--on-failure", "wave"])
    expect([exitCode, report.policy, statesOf(report).ServiceRegistry], stderr).toEqual([4, "wave", "healthy"])
    const after = await serving()
    const moved = all.filter((service) => idOf(after, service) !== idOf(before, service))
    expect(moved).toEqual(["ServiceRegistry"])
    expect(Object.keys(after)).toHaveLength(all.length)
    expect(stderr).not.toMatch(/wave 3/)
  })

  it("with the policy fleet is everything, and no secret or escape that it printed is told or kept", async () => {
    const password = "never-in-any-argv-5e1f"
    await runs({
      ...{ ServiceRegistry: { LEVEL: "fleet" } },
      TieredResponder: { FAIRLEAD_FAIL: "spew,wrongbody" },
    })
    const before = await serving()
    const watched = argvWatch([password, "not-a-real-secret"])
    const told = await on.tells(["deploy", "--verbose"], { COSIGN_PASSWORD: password })
    expect(await watched.stop()).toEqual([])
    expect(told.exitCode, told.stderr + told.stdout).toBe(4)
    expect(await serving()).toEqual(before)
    expect(told.stdout).toMatch(/kept .*tiered_responder-/)
    const run = /tiered_responder-([0-9a-f]{6})/.exec(told.stdout)![1]
    const log = await ssh("pc2", `cat ${state}/runs/${run}/tiered_responder.log`)
    expect(log.stdout).toMatch(/token=\[hidden\]/)
    const left = await Promise.all(
      ["journal", "*.log", "manifest"].map((file) => ssh("pc2", `cat ${state}/runs/${run}/${file} ${state}/history`)),
    )
    for (const text of [told.stdout, told.stderr, log.stdout, ...left.map(({ stdout }) => stdout)]) {
      expect(text).not.toContain("not-a-real-secret")
      expect(text).not.toContain(password)
      expect(text.match(/[^\t\n\r\x20-\u{10ffff}]|[\x7f-\x9f]/gu)).toBeNull()
    }
    expect(told.stdout).toMatch(/it answered \{"status":"starting","token":\[hidden\]/)
  })
})

describe("a disk that is full", () => {
  it("between plan and switch: what served goes on, and the journal can be read", async () => {
    await runs({
      ServiceRegistry: { FAIRLEAD_FAIL: "health500", FAIRLEAD_FAIL_UNTIL: "8" },
      TieredResponder: { LEVEL: "disk" },
    })
    const before = await serving()
    const child = on.starts()
    let filled: Promise<unknown> | undefined
    child.all!.on("data", (data: Buffer) => {
      if (/create .*ok/.test(String(data))) filled ??= fill("pc2", 1_000_000)
    })
    const { exitCode, all: said } = await child
    await filled
    expect(exitCode, said).toBe(4)
    expect(said).toMatch(/TieredResponder on pc2: less than 64 MB are free/)
    expect(await serving()).toEqual(before)
    expect(await answersOn("pc2", 8100)).toBe(true)
    await requireReadableJournals("pc2")
  })

  it("is refused before anything is touched, with what is wanted; with room again the same deploy passes", async () => {
    const before = await serving()
    const refused = await on.tells(["deploy"])
    expect(refused.exitCode, refused.stderr).toBe(1)
    expect(refused.stderr).toMatch(/disk .*free in .*wanted/)
    expect(refused.stderr).toMatch(/nothing was changed/)
    expect(await serving()).toEqual(before)
    await demo("mend", "pc2")
    const { exitCode, report, stderr } = await on.rolls()
    expect([exitCode, report.verdict], stderr).toEqual([0, "PASS"])
    expect(statesOf(report)).toMatchObject({ ServiceRegistry: "healthy", TieredResponder: "healthy" })
  })
})

describe("between plan and apply", () => {
  const file = () => join(on.checkout.root, ".git", "plan.json")

  it("a tag that moved is refused with both digests, and moved back the plan is carried out", async () => {
    await runs({ ServiceRegistry: { LEVEL: "plan" }, TieredResponder: { LEVEL: "disk" }, Executor: { LEVEL: "plan" } })
    const planned = await on.tells(["deploy", "--plan", "--out", file(), "--service", "Executor"])
    expect([planned.exitCode, planned.stdout], planned.stderr).toEqual([
      0,
      expect.stringMatching(/Executor.*replace.*definition: environment\.LEVEL/),
    ])
    const before = await serving()
    const current = (await manifestIn(on.org, "reference-cpu", "current"))!
    const text = JSON.stringify({ ...JSON.parse(current.text), annotations: { moved: "yes" } })
    const moved = await putManifest(on.org, "reference-cpu", "current", { ...current, text })
    try {
      const refused = await on.tells(["deploy", "--apply", file()])
      expect(refused.exitCode, refused.stderr).toBe(3)
      expect(refused.stderr).toContain(current.digest)
      expect(refused.stderr).toContain(moved)
      expect(refused.stderr).toMatch(/stale, and nothing was done/)
      expect(await serving()).toEqual(before)
    } finally {
      await putManifest(on.org, "reference-cpu", "current", current)
    }
    const { exitCode, report, stderr } = await on.rolls(["deploy", "--apply", file()])
    expect([exitCode, statesOf(report)], stderr).toEqual([0, { Executor: "healthy" }])
    const { from, to } = report.hosts.flatMap(({ services }) => services)[0]!
    expect(from).toBe(to)
    const after = await serving()
    expect(all.filter((service) => idOf(after, service) !== idOf(before, service))).toEqual(["Executor"])
  })

  it.each([
    { what: "no plan", text: () => `{"schema":1,"hosts":"$(id)"}`, says: /is no plan of a rollout/ },
    { what: "no JSON", text: () => "hosts: &a [*a]", says: /is not JSON/ },
    { what: "huge", text: () => " ".repeat(33_000_000), says: /too long/ },
  ])("a file that is $what is refused", async ({ text, says }) => {
    await writeFile(file(), text())
    const told = await on.tells(["deploy", "--apply", file()])
    expect([told.exitCode, told.stderr]).toEqual([2, expect.stringMatching(says)])
  })
})

describe("what is no tag or no value", () => {
  it.each<{ argv: string[]; env: Record<string, string>; says: RegExp }>([
    { argv: ["--tag", "$(id)"], env: {}, says: /--tag: .*\$\(id\)/ },
    { argv: [], env: { FORCE_IMAGE_TAG: "../../etc" }, says: /FORCE_IMAGE_TAG: / },
    { argv: [], env: { FORCE_IMAGE_TAG: "-rf\n\u001b[2J" }, says: /FORCE_IMAGE_TAG: / },
  ])("is refused: $argv $env", async ({ argv, env, says }) => {
    const told = await on.tells(["deploy", "--plan", ...argv], env)
    expect([told.exitCode, told.stderr]).toEqual([2, expect.stringMatching(says)])
    expect(told.stderr).not.toContain("\u001b")
  })

  it.each(["$(id)", "`id`", "two\nlines", "${HOME}"])("is refused in fleet.yaml: %j", async (value) => {
    const before = await readFile(join(on.checkout.root, "fleet.yaml"), "utf8")
    await runs({ Executor: { ODD: value } })
    const told = await on.tells(["deploy", "--plan"])
    await on.checkout.change("fleet.yaml", () => before)
    expect([told.exitCode, told.stderr]).toEqual([2, expect.stringMatching(/services\.Executor\.env\.ODD/)])
  })
})

describe("releases", () => {
  const image = "reference-cpu"
  const digestOn = async () =>
    (await ssh("pc2", "docker inspect --format '{{.Config.Image}}' tiered_responder")).stdout.split("@")[1]!
  let old: { tag: string; digest: string }
  let now: { tag: string; digest: string }

  beforeAll(async () => {
    const { digest } = (await manifestIn(on.org, image, "current"))!
    const web = await tagsIn(on.org, "reference-web")
    const both = (await tagsIn(on.org, image)).filter((tag) => web.includes(tag))
    old = { tag: both.find((tag) => /^\d{8}-[0-9a-f]{7}$/.test(tag))!, digest }
    await on.checkout.change("apps/reference/main.py", (text) => `${text}\n# another release\n`)
    const shipped = await on.tells(["ship", "--json", "--service", "TieredResponder"])
    expect(shipped.exitCode, shipped.stderr).toBe(0)
    const { tag, families } = JSON.parse(shipped.stdout)
    now = { tag, digest: families.at(-1).digest }
    expect(now.digest).not.toBe(old.digest)
    const { exitCode, stderr } = await on.rolls(["deploy", "--service", "TieredResponder"])
    expect([exitCode, await digestOn()], stderr).toEqual([0, now.digest])
  })

  it("FORCE_IMAGE_TAG rolls that one, and the plan says so", async () => {
    const { exitCode, stderr } = await on.rolls(["deploy", "--service", "TieredResponder"], {
      FORCE_IMAGE_TAG: old.tag,
    })
    expect([exitCode, await digestOn()], stderr).toEqual([0, old.digest])
    expect(stderr).toContain(`pc2 gets ${old.tag}: FORCE_IMAGE_TAG says so`)
  })

  it("rollback undoes the last run, and --to takes a release", async () => {
    const undone = await on.rolls(["rollback"])
    expect([undone.exitCode, await digestOn()], undone.stderr).toEqual([0, now.digest])
    const to = await on.rolls(["rollback", "--to", old.tag, "--host", "pc2"])
    expect([to.exitCode, await digestOn()], to.stderr).toEqual([0, old.digest])
  })

  it("that were pruned everywhere are found when a rollback is planned, and nothing is touched", async () => {
    const before = await serving()
    expect(await removeManifest(on.org, image, now.digest)).toBe(202)
    const removed = await ssh("pc2", `docker image rm --force 127.0.0.1:5000/${on.org}/${image}@${now.digest}`)
    expect(removed.exitCode, removed.stderr).toBe(0)
    for (const argv of [["rollback", "--plan"], ["rollback"]]) {
      const told = await on.tells([...argv, "--host", "pc2"])
      const said = told.stdout + told.stderr
      expect(told.exitCode, said).toBe(1)
      expect(said).toMatch(/neither there nor in the registry/)
      expect(said).toContain(now.digest)
    }
    expect(await serving()).toEqual(before)
  })
})

/** Looks at the argv of every process of this machine, those in containers and on the demo's hosts among them. */
function argvWatch(secrets: readonly string[]) {
  let going = true
  const seen = new Set<string>()
  const looking = (async () => {
    while (going) {
      for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
        const argv = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
        if (secrets.some((secret) => argv.includes(secret))) seen.add(argv.replaceAll("\0", " "))
      }
      await sleep(150)
    }
  })()
  return {
    stop: async () => {
      going = false
      await looking
      return [...seen]
    },
  }
}
