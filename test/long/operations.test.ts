import { beforeAll, describe, expect, it } from "vitest"
import { registryAddress } from "../../cli/setup/registry.ts"
import { documents } from "../../dagger/lib/report/documents.ts"
import { name } from "../e2e/demo-yard.ts"
import { containersOn, demo, silent, ssh, whileRollingOut } from "../e2e/rollout-yard.ts"
import { digestIn, fairlead, tagsIn } from "../e2e/yard.ts"
import { releasesCopied } from "./release-copy.ts"

const on = whileRollingOut()
const images = ["reference-web", "reference-cpu"]

/** A verb that knows of no registry. */
const asks = (...argv: string[]) =>
  fairlead(argv, { cwd: on.checkout.root, env: { FAIRLEAD_DEMO: name, FAIRLEAD_YARD: "demo" } })

async function status(...argv: string[]) {
  const told = await on.tells(["status", "--json", ...argv])
  const document = documents.status.parse(JSON.parse(told.stdout))
  const service = (host: string, wanted: string) =>
    document.hosts.find((each) => each.host === host)?.services.find((each) => each.service === wanted)
  return { exitCode: told.exitCode, document, service }
}

const history = async () => {
  const { exitCode, stdout } = await asks("history", "--json")
  return { exitCode, ...documents.history.parse(JSON.parse(stdout)) }
}

const prune = async (...argv: string[]) => {
  const { exitCode, stdout, stderr } = await on.tells(["prune", "--json", ...argv])
  if (!stdout.startsWith("{")) throw new Error(`prune told nothing, exit ${exitCode}: ${stderr}`)
  return { exitCode, ...documents.prune.parse(JSON.parse(stdout)) }
}

/** Another release of both images: code that says nothing new is new bytes all the same. */
async function release(number: number): Promise<string> {
  await on.checkout.change("apps/reference/main.py", (text) => `${text}\n# release ${number}\n`)
  const told = await on.tells(["ship", "--json", "--service", "ServiceRegistry", "--service", "TieredResponder"])
  expect(told.exitCode, told.stderr).toBe(0)
  return (JSON.parse(told.stdout) as { tag: string }).tag
}

const containers = async () => [await containersOn("mainpc"), await containersOn("pc2")]
const tags: string[] = []

beforeAll(async () => {
  const own = `operations-${process.pid}-${Date.now()}`
  // Releases are counted and removed here: not where other tests find theirs.
  const families = ["base-python", "base-utils", "base-cpu-pydeps", "family-web"]
  await releasesCopied({ from: on.org, to: own, images: [...families, ...images] })
  on.org = own
})

describe("status and history", () => {
  it("say that nothing was deployed yet", async () => {
    const { exitCode, document } = await status()
    expect([exitCode, document.hosts.map(({ reachable }) => reachable)]).toEqual([1, [true, true]])
    expect((await on.tells(["status"])).stdout).toMatch(/nothing was deployed yet/)
    expect(await history()).toMatchObject({ exitCode: 0, runs: [] })
  })

  it("tell what runs where, digest by digest, and who reported it", async () => {
    const { exitCode, stderr } = await on.rolls()
    expect(exitCode, stderr).toBe(0)
    const told = await status()
    expect([told.exitCode, told.document.well, told.document.receiver.asked]).toEqual([0, true, true])
    const seen = await containersOn("mainpc")
    const registry = told.service("mainpc", "ServiceRegistry")!
    const running = await digestIn(on.org, "reference-web", "current")
    expect(registry).toMatchObject({ wanted: registry.running, drift: [], reported: registry.running })
    expect([registry.running, seen.service_registry?.state]).toEqual([
      `${registryAddress()}/${on.org}/reference-web@${running}`,
      "running",
    ])
    const { runs, sound } = await history()
    expect([sound, runs.map(({ verb, verdict, unfinished }) => [verb, verdict, unfinished])]).toEqual([
      true,
      [["deploy", "PASS", false]],
    ])
    expect(runs[0]?.hosts.map(({ host, changed }) => [host, changed.length])).toEqual([
      ["mainpc", 4],
      ["pc2", 3],
    ])
  })

  it("tell a container that stopped, one that is gone, and one that nobody knows", async () => {
    await ssh("pc2", "docker stop --time 1 tiered_responder")
    const label = "--label dev.fairlead.fleet=my-fleet --label dev.fairlead.service=Stranger"
    await ssh(
      "pc2",
      `docker create ${label} --name stranger $(docker inspect --format '{{.Config.Image}}' tiered_responder)`,
    )
    const { exitCode, service } = await status()
    expect([exitCode, service("pc2", "TieredResponder")?.drift, service("pc2", "Stranger")?.drift]).toEqual([
      ...[1, ["stopped"], ["unknown", "stopped"]],
    ])
    expect(service("mainpc", "ServiceRegistry")?.drift).toEqual([])
    await ssh("pc2", "docker rm stranger && docker start tiered_responder")
    expect((await status("--host", "pc2")).exitCode).toBe(0)
  })

  it("tell the one host where the other cannot be asked", async () => {
    await demo("break", "pc2", "ssh")
    const { exitCode, document, service } = await status()
    const told = await asks("history")
    const pruned = await prune()
    await demo("mend", "pc2")
    expect([exitCode, document.hosts[1]?.reachable, document.hosts[1]?.problem?.reason]).toEqual([3, false, "network"])
    expect(service("mainpc", "ServiceRegistry")?.drift).toEqual([])
    expect([told.exitCode, told.stdout]).toEqual([3, expect.stringMatching(/pc2 +not asked/)])
    expect([pruned.exitCode, pruned.registry.manifests, pruned.registry.left]).toEqual([
      ...[3, [], expect.stringMatching(/pc2 could not be asked/)],
    ])
  })

  it("tell which line of a history was changed", async () => {
    const file = "~/.fairlead/my-fleet/history"
    // That its end was cut off only somebody can tell who read it before.
    expect((await history()).exitCode).toBe(0)
    await ssh("mainpc", `cp ${file} kept && sed -i '1s/"by":"[^"]*"/"by":"nobody@x"/' ${file}`)
    const told = await history()
    await ssh("mainpc", `cp kept ${file}`)
    expect([told.exitCode, told.sound, told.hosts[0]?.wrong]).toEqual([1, false, [expect.stringMatching(/^line 1 /)]])
    await ssh("mainpc", `sed -i '$d' ${file}`)
    const cut = await history()
    await ssh("mainpc", `cp kept ${file}`)
    expect([cut.exitCode, cut.hosts[0]?.wrong]).toEqual([1, [expect.stringMatching(/cut off or written anew/)]])
    expect((await history()).exitCode).toBe(0)
  })
})

describe("pin", () => {
  it.each(["$(touch /tmp/owned)", "a b", "../x", "current"])("refuses the tag %s", async (hostile) => {
    const { exitCode, stderr } = await on.tells(["pin", hostile, "--reason", "none"])
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/TAG/)])
  })

  it("refuses a tag that the images do not have, and pins nothing", async () => {
    const { exitCode, stderr } = await on.tells(["pin", "20200101-0000000", "--reason", "none"])
    expect([exitCode > 0, stderr]).toEqual([true, expect.stringMatching(/20200101-0000000/)])
    expect((await status()).document.hosts.map(({ pin }) => pin)).toEqual([null, null])
  })

  it("holds a host at a tag from the next deploy on, and restarts nothing by itself", async () => {
    const registry = await digestIn(on.org, "reference-web", "current")
    tags.push((await tagsIn(on.org, "reference-web")).find((tag) => /^\d{8}-[0-9a-f]{7}$/.test(tag))!)
    const before = await containers()
    const { exitCode, stdout, stderr } = await on.tells(["pin", tags[0]!, "--host", "pc2", "--reason", "it works"])
    expect([exitCode, stdout], stderr).toEqual([
      0,
      expect.stringMatching(/pc2 +held at.*\n.*\n.*nothing was restarted/),
    ])
    expect(await containers()).toEqual(before)
    tags.push(await release(2))
    const rolled = await on.rolls()
    expect(rolled.exitCode, rolled.stderr).toBe(0)
    const { document, service, exitCode: well } = await status()
    expect([well, document.hosts[1]?.pin]).toEqual([
      0,
      expect.objectContaining({ tag: tags[0], reason: "it works", expired: false }),
    ])
    expect(service("pc2", "UnifiedWebAgent")?.running).toMatch(registry!)
    expect(service("mainpc", "ServiceRegistry")?.running).not.toMatch(registry!)
    const { runs } = await history()
    expect(runs.find(({ verb }) => verb === "pin")).toMatchObject({ tag: tags[0], reason: "it works", verdict: "PASS" })
  })

  it("lets go again by unpin, and the next deploy brings the host up to date", async () => {
    expect((await asks("unpin", "--host", "pc2")).exitCode).toBe(0)
    expect((await status()).document.hosts[1]?.pin).toBeNull()
    const rolled = await on.rolls()
    expect(rolled.exitCode, rolled.stderr).toBe(0)
    const now = await digestIn(on.org, "reference-web", "current")
    expect((await status()).service("pc2", "UnifiedWebAgent")?.running).toMatch(now!)
  })
})

describe("prune", () => {
  it("removes old images and releases, and never what runs, is current or is gone back to", async () => {
    await on.fleet(({ policy }) => {
      policy.rollout.keepReleases = 2
    })
    for (const number of [3, 4, 5]) {
      tags.push(await release(number))
      const { exitCode, stderr } = await on.rolls()
      expect(exitCode, stderr).toBe(0)
    }
    const before = await containers()
    const dry = await prune("--dry-run")
    expect([dry.exitCode, dry.dryRun, await containers()]).toEqual([0, true, before])
    expect(dry.registry.manifests.flatMap(({ image, tags }) => tags.map((tag) => `${image}:${tag}`))).toEqual(
      expect.arrayContaining(images.map((image) => `${image}:${tags[0]}`)),
    )
    expect(await tagsIn(on.org, "reference-web")).toContain(tags[0])

    const done = await prune()
    expect([done.exitCode, done.registry.left]).toEqual([0, undefined])
    expect(done.registry.disk?.freed).toBeGreaterThan(0)
    expect(done.hosts.flatMap(({ items }) => items.filter(({ removed }) => !removed))).toEqual([])
    expect(done.hosts.map(({ items }) => items.some(({ kind }) => kind === "image"))).toEqual([true, true])
    const left = await tagsIn(on.org, "reference-web")
    expect(left).not.toContain(tags[0])
    expect(left).toEqual(
      expect.arrayContaining([tags[3], tags[4], `${tags[3]}-prev`, `${tags[4]}-prev`, "current", "current-prev"]),
    )
    expect([await containers(), await silent(), (await status()).exitCode]).toEqual([before, [], 0])
    const again = await prune()
    expect([again.exitCode, again.hosts.flatMap(({ items }) => items), again.registry.manifests]).toEqual([0, [], []])
  })

  it("leaves the way back whole", async () => {
    const ready = await on.tells(["preflight", "--json"])
    const checks = documents.preflight
      .parse(JSON.parse(ready.stdout))
      .hosts.map(({ checks }) => checks.find(({ check }) => check === "rollback")?.state)
    expect(checks).toEqual(["ok", "ok"])
    const back = await on.rolls(["rollback"])
    expect([back.exitCode, back.report.verdict], back.stderr).toEqual([0, "PASS"])
    expect(await silent()).toEqual([])
  })
})

describe("phases and explain", () => {
  it("tell what was recorded of the demo, and nothing of it for real hosts", async () => {
    const phases = async (...argv: string[]) => {
      const { stdout } = await on.tells(["phases", "--json", ...argv])
      return documents.phases.parse(JSON.parse(stdout))
    }
    const demos = await phases("--yard", "demo")
    expect([demos.phases[8]?.done, demos.phases[8]?.missing]).toEqual([
      false,
      ["mainpc: no record of a pin by FORCE_IMAGE_TAG; `fairlead pin` and `fairlead deploy` write it"],
    ])
    expect((await phases("--yard", "fleet")).phases[8]?.proof).toEqual([])
    const { stdout } = await on.tells(["explain", "TieredResponder"])
    expect(stdout).toMatch(/deployed +pc2 \(demo-test-\d+\): reference-cpu@[0-9a-f]{12}/)
  })
})
