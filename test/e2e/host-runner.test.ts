import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { inYard } from "../../cli/demo/yard.ts"
import { chooseHosts } from "../../cli/hosts/choose.ts"
import { SshHosts } from "../../cli/hosts/ssh.ts"
import { registryAddress } from "../../cli/setup/registry.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { loadFleet } from "../../dagger/lib/fleet/load.ts"
import type { Bundle, Hold, JobEnd } from "../../dagger/lib/rollout/host/job.ts"
import { currentOf, isGood, previousOf } from "../../dagger/lib/rollout/host/look.ts"
import { HostRunner } from "../../dagger/lib/rollout/host/runner.ts"
import { demo, ssh, until, whileUp } from "./demo-yard.ts"

const up = whileUp("--disk", "3 GB")
const host = "pc2"

let shell: SshHosts
let image = ""

beforeAll(async () => {
  const { targets } = await chooseHosts(await loadFleet(fairleadRoot), { hosts: [host], yard: "demo" })
  shell = await SshHosts.open(targets)
  image = await referenceImage()
})
afterAll(() => shell?.close())
afterEach(() => asRoot('ids=$(docker ps --all --quiet); [ -z "$ids" ] || docker rm --force --volumes $ids'))

/** As root, in the host. */
const asRoot = (script: string, input = "") =>
  execa("docker", ["exec", "-i", up.yard.hosts[host]!.container, "sh", "-c", script], { input, reject: false })

/** The host's own Python with the reference app: small, and there without any registry. */
async function referenceImage(): Promise<string> {
  const app = await readFile(join(fairleadRoot, "apps/reference/main.py"), "utf8")
  const script = `set -e
    mkdir -p /opt/reference && cat >/opt/reference/main.py && chmod 0644 /opt/reference/main.py
    python=$(readlink -f /usr/bin/python3) && name=$(basename "$python")
    libraries=$(ldd "$python" | grep -o '/[^ ]*' | sort -u | sed 's,^/,,')
    tar -ch --hard-dereference -C / "\${python#/}" $libraries --exclude=test --exclude=idlelib --exclude=__pycache__ \
      "usr/lib/$name" opt/reference/main.py 2>/dev/null |
      docker import --change "CMD [\\"$python\\",\\"/opt/reference/main.py\\"]" - ${name} >/dev/null
    docker image ls --digests --format '{{.Repository}}@{{.Digest}}' ${name}`
  const { stdout, stderr } = await asRoot(script, app)
  expect(stdout, stderr).toMatch(/@sha256:[0-9a-f]{64}$/)
  return stdout.trim()
}
const name = "127.0.0.1:5000/host-runner/reference"

/** A service as a test wants it: what of the reference app fails, and which version it says it is. */
interface Wanted {
  svc: string
  port: number
  version: string
  fail?: Record<string, string>
  deadline?: number
}

const newRun = () => randomBytes(3).toString("hex")
const hashOf = ({ version }: Wanted) => Buffer.from(version.padEnd(6, "0").slice(0, 6)).toString("hex")

function bundleOf(fleet: string, wanted: readonly Wanted[]): Bundle {
  const services = wanted.map((each) => ({
    ...{ svc: each.svc, wave: "all", image, definition: hashOf(each), healthPort: each.port, healthPath: "/health" },
    ...{ probeSeconds: 2, deadlineSeconds: each.deadline ?? 60, answers: 2, stopSeconds: 2 },
  }))
  const definitions = wanted.map((each) => [each.svc, definitionOf(fleet, each)] as const)
  const named = (svc: string) => `${svc}.${hashOf(wanted.find((each) => each.svc === svc)!)}`
  return {
    ...{ tag: `tag-${wanted[0]!.version}`, services, images: [image], volumes: [], networks: [fleet] },
    compose: {
      name: fleet,
      services: Object.fromEntries(definitions),
      networks: { default: { name: fleet, external: true } },
    },
    definitions: Object.fromEntries(definitions.map(([svc, each]) => [named(svc), each])),
    files: {},
  }
}

const definitionOf = (fleet: string, wanted: Wanted) => ({
  container_name: `${wanted.svc}.\${FAIRLEAD_RUN}`,
  image,
  ports: [`127.0.0.1:${wanted.port}:${wanted.port}`],
  environment: {
    ...{ PORT: `${wanted.port}`, HEALTH_PORT: `${wanted.port}`, FAIRLEAD_GIT_SHA: wanted.version, ...wanted.fail },
  },
  labels: {
    ...{ "dev.fairlead.fleet": fleet, "dev.fairlead.service": wanted.svc, "dev.fairlead.run": "${FAIRLEAD_RUN}" },
    ...{ "dev.fairlead.definition": hashOf(wanted), "dev.fairlead.tag": "${FAIRLEAD_TAG}" },
  },
  restart: "unless-stopped",
  stop_grace_period: "2s",
})

/** A fleet of a test's own on the host, with what a deployer does to it. */
class OnHost {
  readonly runner: HostRunner
  constructor(readonly fleet: string) {
    this.runner = new HostRunner(shell, fleet)
  }

  async created(wanted: readonly Wanted[], owner = "test@here"): Promise<Hold> {
    const hold = await this.runner.lock(host, { run: newRun(), owner, verb: "deploy" })
    await this.runner.put(hold, bundleOf(this.fleet, wanted))
    const end = await this.runner.runJob(hold, { job: "create" })
    expect([end.exitCode, told(end)]).toEqual([0, expect.arrayContaining(wanted.map(({ svc }) => `created ${svc}`))])
    return hold
  }

  wave = (hold: Hold, keepGoing = true, parallel = 4) =>
    this.runner.runJob(hold, { job: "wave", wave: "all", parallel, keepGoing })

  /** All of it, up to the commit. */
  async deployed(wanted: readonly Wanted[]): Promise<void> {
    const hold = await this.created(wanted)
    const end = await this.wave(hold)
    expect([end.exitCode, end.lines.filter(({ event }) => event === "failed")]).toEqual([0, []])
    await this.runner.commit(hold, `tag-${wanted[0]!.version}`)
    await this.runner.unlock(hold)
  }

  /** What a run does that finds another one's remains. */
  async settled(): Promise<JobEnd> {
    const hold = await this.runner.lock(host, { run: newRun(), owner: "next@here", verb: "deploy" })
    const end = await this.runner.runJob(hold, { job: "settle" })
    await this.runner.unlock(hold)
    return end
  }

  names = async () => (await this.runner.look(host)).containers.map(({ name, state }) => `${name} ${state}`).sort()
  file = (path: string) => `/home/fairlead/.fairlead/${this.fleet}/${path}`
  /** As if its holder had been silent for long. */
  silence = () => asRoot(`read -r boot _ <${this.file("lock/beat")} && echo "$boot 1" >${this.file("lock/beat")}`)
}

const told = ({ lines }: JobEnd) => lines.map(({ event, subject }) => `${event} ${subject}`)
/** The version that answers for a port, as the service itself says. */
const serves = async (port: number) =>
  /"version":"([^"]*)"/.exec((await ssh(host, `python3 -c '${get}' ${port}`)).stdout)?.[1]
const get = `import sys, urllib.request as r; print(r.urlopen("http://127.0.0.1:" + sys.argv[1], timeout=5).read().decode())`
const alpha = (version: string, more: Partial<Wanted> = {}): Wanted => ({ svc: "alpha", port: 7301, version, ...more })
const beta = (version: string, more: Partial<Wanted> = {}): Wanted => ({ svc: "beta", port: 7302, version, ...more })
const ill = { fail: { FAIRLEAD_FAIL: "wrongbody" }, deadline: 4 }
/** Healthy only after some seconds: time enough to be interrupted. */
const late = { fail: { FAIRLEAD_FAIL: "wrongbody", FAIRLEAD_FAIL_UNTIL: "3" } }

describe("a switch", () => {
  it("brings the new one, keeps the old one beside it, and calls nothing good before the commit", async () => {
    const on = new OnHost("switching")
    expect(await on.runner.look(host)).toMatchObject({ containers: [], open: [], good: [], snapshots: [] })
    await on.deployed([alpha("one"), beta("one")])
    const hold = await on.created([alpha("two")])
    expect([await serves(7301), await on.names()]).toEqual([
      "one",
      [`alpha running`, `alpha.${hold.run} created`, "beta running"],
    ])
    const end = await on.wave(hold)
    const events = ["begin -", "switching alpha", "stopped alpha", "started alpha", "healthy alpha", "end -"]
    expect([end.exitCode, told(end)]).toEqual([0, events])
    const before = await on.runner.look(host)
    expect([await serves(7301), previousOf(before, "alpha")?.tag]).toEqual(["two", "tag-one"])
    expect(isGood(before, "alpha", currentOf(before, "alpha")!)).toBe(false)
    expect(before).toMatchObject({ open: [hold.run], lock: { run: hold.run, owner: "test@here", verb: "deploy" } })
    await on.runner.commit(hold, "tag-two")
    await on.runner.commit(hold, "tag-two")
    await on.runner.unlock(hold)
    const after = await on.runner.look(host)
    expect(isGood(after, "alpha", currentOf(after, "alpha")!)).toBe(true)
    expect([after.open, after.lock, Object.keys(after.timings)]).toEqual([[], undefined, ["alpha", "beta"]])
    expect(after.snapshots.map(({ seq, tag, services }) => [seq, tag, services])).toEqual([
      [2, "tag-two", 2],
      [1, "tag-one", 2],
    ])
    expect(after.kept[0]!.services).toContainEqual({
      svc: "alpha",
      definition: hashOf(alpha("two")),
      image,
      tag: "tag-two",
    })
    expect(await on.runner.snapshot(host, 1)).toEqual(after.kept[1])
    expect(await on.runner.definition(host, "alpha", hashOf(alpha("one")))).toMatchObject({ image })
  })

  it("that fails is taken back at once, and the others of its wave go on or are not begun, as told", async () => {
    const on = new OnHost("failing")
    await on.deployed([alpha("one"), beta("one")])
    const first = await on.created([alpha("bad", ill), beta("two")])
    const end = await on.wave(first, true, 1)
    expect([end.exitCode, told(end)]).toEqual([
      4,
      expect.arrayContaining(["failed alpha", "reverting alpha", "kept alpha", "reverted alpha", "healthy beta"]),
    ])
    expect(end.lines.find(({ event }) => event === "failed")!.detail).toContain('{"status":"starting"}')
    expect([await serves(7301), await serves(7302)]).toEqual(["one", "two"])
    expect(await on.names()).toEqual([`alpha running`, `alpha-${first.run} exited`, "beta running", "beta.prev exited"])
    expect(await on.runner.logs(host, `alpha-${first.run}`)).toContain("reference:")
    const back = await on.runner.runJob(first, { job: "back" })
    expect([back.exitCode, await serves(7302)]).toEqual([0, "one"])
    await on.runner.unlock(first)

    const second = await on.created([alpha("bad", ill), beta("two")])
    const stopped = await on.wave(second, false, 1)
    expect([stopped.exitCode, told(stopped)]).toEqual([4, expect.not.arrayContaining(["switching beta"])])
    expect((await on.runner.runJob(second, { job: "discard" })).exitCode).toBe(0)
    expect((await on.names()).filter((each) => each.endsWith("created"))).toEqual([])
    await on.runner.unlock(second)
  })

  it("that fails at a first deploy is removed; over two unfinished runs the good one stays the way back", async () => {
    const on = new OnHost("first")
    const first = await on.created([alpha("bad", { fail: { FAIRLEAD_FAIL: "crash" } })])
    const end = await on.wave(first)
    expect([end.exitCode, told(end)]).toEqual([4, expect.arrayContaining(["failed alpha", "removed alpha"])])
    expect(await on.names()).toEqual([`alpha-${first.run} exited`])
    await on.runner.unlock(first)

    await on.deployed([alpha("one")])
    for (const version of ["two", "three"]) {
      const hold = await on.created([alpha(version)], `${version}@here`)
      expect((await on.wave(hold)).exitCode).toBe(0)
      expect(await serves(7301)).toBe(version)
      await on.silence()
    }
    expect(previousOf(await on.runner.look(host), "alpha")?.tag).toBe("tag-one")
    const hold = await on.runner.lock(host, { run: newRun(), owner: "next@here", verb: "rollback" })
    expect((await on.runner.runJob(hold, { job: "back" })).exitCode).toBe(0)
    expect(await serves(7301)).toBe("one")
    await on.runner.unlock(hold)
  })
})

describe("the lock", () => {
  it("is one run's; who is silent for long loses it, and may change nothing any more", async () => {
    const on = new OnHost("locked")
    const run = newRun()
    const anna = await on.runner.lock(host, { run, owner: "anna@laptop", verb: "deploy" })
    expect(await on.runner.lock(host, { run, owner: "anna@laptop", verb: "deploy" })).toEqual(anna)
    const other = { run: newRun(), owner: "ben's pc", verb: "prune" }
    const held = await on.runner.lock(host, other).catch((error) => error)
    expect([held.exitCode, held.message]).toEqual([3, expect.stringContaining(`anna@laptop holds the lock`)])
    expect(held.message).toContain(`deploy, run ${run}`)
    await on.silence()
    const ben = await on.runner.lock(host, other)
    expect(ben.token).toBeGreaterThan(anna.token)
    for (const change of [
      () => on.runner.beat(anna),
      () => on.runner.record(anna, { a: 1 }),
      () => on.runner.put(anna, bundleOf("locked", [alpha("one")])),
      () => on.runner.commit(anna, "tag"),
      () => on.runner.start(anna, { job: "back" }, newRun()),
      () => on.runner.unlock(anna),
    ])
      await expect(change()).rejects.toThrow(/another run took over.*ben-s-pc has the lock now: prune/s)
    // At ten at once, one gets it.
    await on.runner.unlock(ben)
    const all = Array.from({ length: 10 }, () =>
      on.runner.lock(host, { run: newRun(), owner: "many@once", verb: "deploy" }).then(
        () => 1,
        () => 0,
      ),
    )
    expect((await Promise.all(all)).filter(Boolean)).toEqual([1])
  })

  it("is not taken over while its job goes on, whatever the clock says", async () => {
    const on = new OnHost("working")
    const hold = await on.created([alpha("one", late)])
    const job = on.wave(hold)
    await until(10, async () => (await on.runner.look(host)).lock?.working)
    await on.silence()
    await demo("break", host, "clock", "--", "+86400")
    const held = await on.runner.lock(host, { run: newRun(), owner: "ben@pc", verb: "prune" }).catch((error) => error)
    expect(held.message).toContain("still works on it by itself")
    expect([(await job).exitCode, await serves(7301)]).toEqual([0, "one"])
    await on.runner.commit(hold, "tag-one")
    await on.runner.beat(hold)
    await expect(on.runner.lock(host, { run: newRun(), owner: "ben@pc", verb: "prune" })).rejects.toThrow(
      "holds the lock",
    )
    await demo("mend", host)
    await expect(on.runner.lock(host, { run: newRun(), owner: "ben@pc", verb: "prune" })).rejects.toThrow(
      "holds the lock",
    )
    await on.runner.unlock(hold)
  })
})

describe("an interrupted switch", () => {
  /** Kills the job with all that it started as soon as its journal tells the event. */
  const killedAt = async (on: OnHost, hold: Hold, event: string) => {
    await on.runner.start(hold, { job: "wave", wave: "all", parallel: 1, keepGoing: true }, newRun())
    const journal = on.file(`runs/${hold.run}/journal`)
    const pid = `$(sed -n s/^pid=//p ${on.file("job")})`
    const { exitCode } = await asRoot(
      `timeout 20 sh -c 'until grep -q " ${event} alpha " ${journal}; do :; done' && pkill -KILL --session ${pid}`,
    )
    expect(exitCode).toBe(0)
    // A busy machine takes a moment to bury what was killed.
    await until(10, async () => (await on.runner.wait(hold, 1, 5)).job === "died")
  }

  it.each(["switching", "stopped", "started"])(
    "kill -9 after it wrote %s: the next run finds it and it serves",
    async (event) => {
      const on = new OnHost(`killed-${event}`)
      await on.deployed([alpha("one")])
      const hold = await on.created([alpha("two", late)])
      await killedAt(on, hold, event)
      await on.silence()
      const end = await on.settled()
      expect(end.exitCode).toBe(0)
      expect(["one", "two"]).toContain(await serves(7301))
      const look = await on.runner.look(host)
      expect([look.open, look.containers.map(({ name }) => name).filter((name) => name.includes(hold.run))]).toEqual([
        [],
        [],
      ])
      await on.deployed([alpha("three")])
      expect(await serves(7301)).toBe("three")
    },
  )

  it("kill -9 of a new one that never gets well: settle takes it back", async () => {
    const on = new OnHost("killed-ill")
    await on.deployed([alpha("one")])
    const hold = await on.created([alpha("bad", ill)])
    await killedAt(on, hold, "started")
    await on.silence()
    expect([(await on.settled()).exitCode, await serves(7301)]).toEqual([4, "one"])
  })

  it("kill -9 of the shell that switches one service: its wave finishes what it began", async () => {
    const on = new OnHost("killed-worker")
    await on.deployed([alpha("one")])
    const hold = await on.created([alpha("two", late)])
    const job = on.wave(hold)
    await until(
      10,
      async () => (await asRoot(`grep " started alpha " ${on.file(`runs/${hold.run}/journal`)}`)).exitCode === 0,
    )
    expect((await asRoot("pkill -KILL -f '[_]switch '")).exitCode).toBe(0)
    expect([(await job).exitCode, await serves(7301)]).toEqual([0, "two"])
    await on.runner.unlock(hold)
  })

  it("SSH is cut: the host goes on, and the deployer hears the rest, each line once", async () => {
    const on = new OnHost("cut")
    await on.deployed([alpha("one")])
    const hold = await on.created([alpha("two", late)])
    const job = on.wave(hold)
    await until(
      10,
      async () => (await asRoot(`grep " stopped alpha " ${on.file(`runs/${hold.run}/journal`)}`)).exitCode === 0,
    )
    await demo("break", host, "sessions")
    await demo("break", host, "sessions")
    const end = await job
    const events = ["begin -", "switching alpha", "stopped alpha", "started alpha", "healthy alpha", "end -"]
    expect([end.exitCode, told(end), await serves(7301)]).toEqual([0, events, "two"])
    await on.runner.unlock(hold)
  })

  it("dockerd is killed: what was called good is up again after settle", async () => {
    const on = new OnHost("dockerd")
    await on.deployed([alpha("one"), beta("one")])
    await demo("break", host, "docker")
    await until(60, async () => (await ssh(host, "docker version")).exitCode === 0)
    const end = await on.settled()
    expect([end.exitCode, await serves(7301), await serves(7302)]).toEqual([0, "one", "one"])
  })

  it("dockerd is killed in the middle: the switch comes to an end", async () => {
    const on = new OnHost("dockerd-within")
    await on.deployed([alpha("one")])
    const hold = await on.created([alpha("two", late)])
    const job = on.wave(hold)
    await until(
      10,
      async () => (await asRoot(`grep " started alpha " ${on.file(`runs/${hold.run}/journal`)}`)).exitCode === 0,
    )
    await demo("break", host, "docker")
    expect([[0, 4].includes((await job).exitCode), ["one", "two"]]).toEqual([
      true,
      expect.arrayContaining([await serves(7301)]),
    ])
    await on.runner.unlock(hold)
  })
})

it("a pull that fails leaves everything as it is, and one of what is there asks nobody", async () => {
  const on = new OnHost("pulling")
  const hold = await on.runner.lock(host, { run: newRun(), owner: "test@here", verb: "deploy" })
  await on.runner.put(hold, {
    ...bundleOf("pulling", [alpha("one")]),
    images: [image, image.replace(/.{6}$/, "000000")],
  })
  const end = await on.runner.runJob(hold, { job: "pull" })
  expect([end.exitCode, told(end)]).toEqual([
    3,
    expect.arrayContaining([`pulled ${image}`, `pull-failed ${image.replace(/.{6}$/, "000000")}`]),
  ])
  expect(end.lines.find(({ event }) => event === "pull-failed")!.detail).toContain("127.0.0.1:5000")
  await on.runner.unlock(hold)
})

describe("a registry nearby", () => {
  const [near, nobody] = ["127.0.0.1:5055", "127.0.0.1:5056"]
  let way: ChildProcess | undefined
  beforeAll(async () => {
    const to = (port: string) => ["-R", `127.0.0.1:${port}:${registryAddress()}`]
    const argv = [
      "-F",
      inYard("ssh_config"),
      "-o",
      "ExitOnForwardFailure=yes",
      "-N",
      ...to("5000"),
      ...to("5055"),
      host,
    ]
    way = spawn("ssh", argv)
    const open = async () =>
      (await asRoot("bash -c '</dev/tcp/127.0.0.1/5000 && </dev/tcp/127.0.0.1/5055'")).exitCode === 0
    await until(10, open)
    const pushed = await asRoot(`docker push --quiet ${name}`)
    expect(pushed.exitCode, pushed.stderr).toBe(0)
  })
  afterAll(() => void way?.kill())

  /** What a pull told, of an image that was not there. */
  async function pulledBy(mirror: string): Promise<JobEnd> {
    await asRoot(`docker image rm --force $(docker image ls --quiet ${name})`)
    const on = new OnHost("near")
    const hold = await on.runner.lock(host, { run: newRun(), owner: "test@here", verb: "deploy" })
    await on.runner.put(hold, { ...bundleOf("near", [alpha("one")]), mirror })
    const end = await on.runner.runJob(hold, { job: "pull" })
    await on.runner.unlock(hold)
    return end
  }
  const names = async () =>
    (await asRoot("docker image ls --digests --format '{{.Repository}}@{{.Digest}}'")).stdout.split("\n")

  it("gives the bytes, and the image has its own name alone", async () => {
    const end = await pulledBy(near)
    expect([end.exitCode, end.lines.find(({ event }) => event === "pulled")?.detail]).toEqual([0, `by ${near}`])
    expect((await names()).filter((each) => each.includes("host-runner"))).toEqual([image])
  })

  it("is told and done without where it does not answer", async () => {
    const end = await pulledBy(nobody)
    expect([end.exitCode, told(end)]).toEqual([
      0,
      expect.arrayContaining([`mirror-failed ${image}`, `pulled ${image}`]),
    ])
    expect(end.lines.find(({ event }) => event === "mirror-failed")!.detail).toContain(nobody)
    expect(await names()).toContain(image)
  })
})

describe("a full disk", () => {
  it("where Docker keeps its data: nothing is switched", async () => {
    const on = new OnHost("full")
    await on.deployed([alpha("one")])
    const hold = await on.created([alpha("two")])
    await demo("break", host, "disk", "20 MB")
    const end = await on.wave(hold)
    await demo("mend", host)
    expect([end.exitCode, told(end), await serves(7301)]).toEqual([4, ["begin -", "failed alpha", "end -"], "one"])
    expect(end.lines[1]!.detail).toContain("64 MB")
    await on.runner.unlock(hold)
  })

  it("where the journal is: nothing is switched, a take-back is done all the same, and nothing is half-written", async () => {
    const on = new OnHost("full-home")
    await asRoot(`install -d -o fairlead -g fairlead /home/fairlead/.fairlead ${on.file("")} &&
      mount -t tmpfs -o size=1m,uid=$(id -u fairlead),mode=0700 tmpfs ${on.file("")}`)
    try {
      await on.deployed([alpha("one")])
      const hold = await on.created([alpha("two"), beta("two")])
      const fill = `dd if=/dev/zero of=${on.file("ballast")} bs=4k 2>/dev/null; rm -f ${on.file("spare")}; dd if=/dev/zero of=${on.file("more")} bs=4k 2>/dev/null`
      expect((await on.wave(hold)).exitCode).toBe(0)
      await asRoot(fill)
      await expect(
        on.runner.start(hold, { job: "wave", wave: "all", parallel: 1, keepGoing: true }, newRun()),
      ).rejects.toThrow(/disk full/)
      expect([await serves(7301), await serves(7302)]).toEqual(["two", "two"])
      await asRoot(`rm ${on.file("more")}`)
      expect((await on.runner.runJob(hold, { job: "back" })).exitCode).toBe(0)
      expect([await serves(7301), await serves(7302)]).toEqual(["one", undefined])
      await on.runner.unlock(hold)
    } finally {
      await asRoot(`umount ${on.file("")}`)
    }
  })
})

describe("what is kept", () => {
  it("a torn line in the journal neither counts nor spoils the next", async () => {
    const on = new OnHost("torn")
    const hold = await on.created([alpha("one")])
    await asRoot(`printf '\\n2026-11-22T10:00:00Z 1 switching al' >>${on.file(`runs/${hold.run}/journal`)}`)
    const end = await on.wave(hold)
    expect([end.exitCode, told(end).slice(0, 2)]).toEqual([0, ["begin -", "switching alpha"]])
    expect(await on.runner.wait(hold, 1, 1)).toMatchObject({
      job: { exitCode: 0 },
      lines: { length: end.lines.at(-1)!.number },
    })
    await on.runner.unlock(hold)
  })

  it("history follows line from line, and a changed one is found", async () => {
    const on = new OnHost("history")
    const hold = await on.runner.lock(host, { run: newRun(), owner: "a@b", verb: "deploy" })
    for (const record of [{ one: "'$(id)` \\n\u001b[31m é" }, { two: 2 }, { two: 2 }, { three: 3 }])
      await on.runner.record(hold, record)
    const history = await on.runner.history(host)
    expect([history.records.map(({ json }) => Object.keys(JSON.parse(json))[0]), history.brokenAt]).toEqual([
      ["one", "two", "three"],
      undefined,
    ])
    await asRoot(`sed -i 's/"two":2/"two":3/' ${on.file("history")}`)
    expect((await on.runner.history(host)).brokenAt).toBe(2)
    await on.runner.pin(hold, { tag: "tag-one", reason: "it works", by: "a@b", at: "2026-11-22T10:00:00Z" })
    expect((await on.runner.look(host)).pin).toMatchObject({ tag: "tag-one" })
    await on.runner.unpin(hold)
    expect((await on.runner.look(host)).pin).toBeUndefined()
    await on.runner.unlock(hold)
  })

  it("prune removes what nothing uses, and says why the rest stays", async () => {
    const on = new OnHost("pruned")
    await on.deployed([alpha("one")])
    await on.deployed([alpha("two")])
    const hold = await on.runner.lock(host, { run: newRun(), owner: "a@b", verb: "prune" })
    const definition = (version: string) => `alpha.${hashOf(alpha(version))}`
    const pruned = await on.runner.prune(hold, [
      { kind: "image", name: image },
      { kind: "definition", name: definition("one") },
      { kind: "container", name: "alpha" },
      { kind: "container", name: "alpha.prev" },
      { kind: "snapshot", name: "000001" },
      { kind: "file", name: "../../x" },
      { kind: "run", name: hold.run },
    ])
    expect(pruned.map(({ kind, removed }) => `${kind} ${removed}`)).toEqual([
      ...[
        "image false",
        "definition false",
        "container false",
        "container false",
        "snapshot true",
        "file false",
        "run false",
      ],
    ])
    expect(pruned.filter(({ removed, why }) => !removed && !why)).toEqual([])
    await on.runner.unlock(hold)
  })

  it("refuses names that are none", async () => {
    const on = new OnHost("hostile")
    await on.runner.lock(host, { run: newRun(), owner: "a@b", verb: "deploy" })
    const asked = async (...argv: string[]) => {
      const script = `exec sh "$HOME"/.fairlead/hostile/host-*.sh "$@"`
      return (await shell.run(host, ["sh", "-c", script, "sh", ...argv])).exitCode
    }
    for (const odd of ["$(touch /tmp/owned)", "../x", "-n", "a\nb", "", "`id`", "a b", "x".repeat(200)]) {
      expect(await asked(odd, "look")).toBe(64)
      expect(await asked("hostile", odd)).toBe(64)
      for (const argv of [
        ["lock", odd, "a", "b"],
        ["lock", "aaaaaa", odd, "b"],
        ["beat", odd],
        ["definition", odd],
        ["snapshot", odd],
        ["logs", odd, "5"],
      ])
        expect([argv, await asked("hostile", ...argv)]).toEqual([argv, 64])
      expect(await asked("hostile", "start", "1", "aaaaaa", "bbbbbb", "back", odd)).toBe(64)
      expect(await asked("hostile", "start", "1", "aaaaaa", "bbbbbb", "wave", odd, "4", "1")).toBe(64)
    }
    expect((await ssh(host, "ls /tmp/owned")).exitCode).not.toBe(0)
  })
})
