import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { openEngine } from "../../cli/engines.ts"
import { commitOf } from "../../cli/git.ts"
import { openRepository } from "../../cli/repository.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { yardOn } from "../../cli/yard.ts"
import { build } from "../../dagger/lib/build/build.ts"
import { parseFleet } from "../../dagger/lib/fleet/load.ts"
import { snakeName } from "../../dagger/lib/fleet/names.ts"
import { makePlan, readAsked } from "../../dagger/lib/plan/reading.ts"
import { MemoryStore } from "../../dagger/lib/release/store.ts"
import { instanceName, instancesOf } from "../../dagger/lib/rollout/orchestrators/instances.ts"
import { swarmFiles } from "../../dagger/lib/rollout/orchestrators/swarm.ts"
import { digestsOf } from "../../dagger/lib/yard.ts"
import { changed } from "../unit/fleet/small.ts"
import { SwarmNode } from "./swarm-node.ts"

// The whole fleet's stack on a real swarm, whose one node is pc2: what pc2 runs gets healthy, the rest waits for mainpc.

const repository = await openRepository(fairleadRoot)
const { fleet } = repository
const image = "test/reference-cpu:1"
const all = instancesOf(fleet)
const onPc2 = all.filter(({ host }) => host === "pc2").map(instanceName)
const shares = all.filter(({ host, service }) => host === "pc2" && service.gpus > 0).length

let node: SwarmNode

/** The app image that most services run, as `ship` builds it. */
async function archive(folder: string): Promise<string> {
  const reading = await readAsked(repository, { services: ["TieredResponder"] }, commitOf)
  const registry = { address: { host: "127.0.0.1:5000", org: "conformance" }, embedded: true }
  const opened = await openEngine("docker", { root: fairleadRoot })
  try {
    const yard = await yardOn(opened, { repository, commit: reading.commit, registry })
    const plan = await makePlan({ repository, reading, bases: digestsOf(yard.bases), records: new MemoryStore() })
    const families = plan.families.map(({ family }) => family)
    const built = await build(yard, { plan, inputs: reading.inputs, families })
    await yard.engine.save(built.at(-1)!.archive, join(folder, "image.tar"))
    return join(folder, "image.tar")
  } finally {
    await opened.close()
  }
}

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "image-"))
  try {
    const path = await archive(folder)
    node = await SwarmNode.start(shares, { ...oddStack(), ...swarmFiles(fleet, { image: () => ({ image }) }) })
    await node.load(path, image)
  } finally {
    await rm(folder, { recursive: true })
  }
})
afterAll(() => node?.stop())

/** A stack with what the fleet's own services do without: volumes, binds, limits, a port that is both, odd values. */
function oddStack(): Record<string, string> {
  const app = "path: apps/stand-in, command: [python, main.py], standIn: true"
  const more = `${app}, volumes: { state: /var/lib/state }, binds: { /srv/models: /models }, env: { V: "a$b$$c" }`
  const files = swarmFiles(
    parseFleet(changed(app, more, "healthPort: 8001", "healthPort: 7001, memory: 1 GB, pids: 64")),
  )
  return { ...files, "odd.yaml": files["stack.yaml"]! }
}

const replicas = async (): Promise<Map<string, string>> => {
  const { stdout } = await node.docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}")
  return new Map(stdout.split("\n").map((line) => line.split(" ") as [string, string]))
}
const named = (service: string): string => `${fleet.name}_${service}`

describe("the fleet's stack on a Docker swarm", () => {
  it("is read by Docker's own tool, with each service once for each of its hosts", async () => {
    const { stdout, stderr } = await node.shell("docker stack config -c stack.yaml")
    expect(stderr).toBe("")
    const { services } = parse(stdout) as { services: Record<string, unknown> }
    expect(Object.keys(services).sort()).toEqual(all.map(instanceName).sort())
    expect(new Set(all.map(({ service }) => service.name)).size).toBe(Object.keys(fleet.services).length)
  })

  it("is read with volumes, binds, limits and odd values, too", async () => {
    const { stdout, stderr } = await node.shell("docker stack config -c odd.yaml")
    expect(stderr).toBe("")
    const first = (parse(stdout) as { services: Record<string, Record<string, unknown>> }).services["first_service-one"]
    expect(first).toMatchObject({
      deploy: { resources: { limits: { memory: "1000000000", pids: 64 } } },
      environment: { V: "a$b$$c" },
      volumes: [
        { type: "tmpfs", target: "/tmp" },
        { type: "volume", source: "first_service_state" },
        { type: "bind", source: "/srv/models", read_only: true },
      ],
    })
    expect(first?.ports).toHaveLength(1)
  })

  it("runs on the node that is the host, GPU services too, and waits for a node that is the other host", async () => {
    await node.shell("docker node update --label-add fairlead.host=pc2 $(docker node ls -q)")
    const argv = `--resolve-image never --detach=true -c stack.yaml ${fleet.name}`
    const group = "DOCKER_GID=$(stat -c %g /var/run/docker.sock)"
    const deployed = await node.shell(`${group} docker stack deploy ${argv}`)
    expect([deployed.exitCode, deployed.stderr]).toEqual([0, ""])
    await node.until(300, async () => {
      const now = await replicas()
      return onPc2.every((service) => now.get(named(service)) === "1/1")
    })
    const rest = [...(await replicas())].filter(([name]) => !onPc2.map(named).includes(name))
    expect(rest).toHaveLength(all.length - onPc2.length)
    expect(new Set(rest.map(([, count]) => count))).toEqual(new Set(["0/1"]))
  })

  it("gives a container what compose gives it, and Docker's socket to who needs it", async () => {
    const inside = async (service: string, script: string) => {
      const id = `$(docker ps -q --filter label=dev.fairlead.service=${service})`
      return (await node.shell(`docker exec ${id} sh -c '${script}'`)).stdout.trim()
    }
    const profile = JSON.parse(await inside("TieredResponder", "cat /etc/machine-profile.json"))
    expect(profile).toEqual(fleet.hosts.pc2?.profile)
    expect(await inside("TieredResponder", "id -u; touch /x 2>&1; touch /tmp/x && echo in memory")).toMatch(
      /^10001\n.*Read-only file system\nin memory$/,
    )
    expect(await inside("TieredResponder", "grep -c observability /etc/hosts")).toBe("1")
    expect(await inside("TieredResponder", `getent hosts ${snakeName("MemoryFusionHub")}`)).toContain(
      "memory_fusion_hub",
    )
    expect(await inside("SelfHealingSupervisor", "test -w /var/run/docker.sock && echo may")).toBe("may")
    expect(await inside("TieredResponder", "ls /var/run/docker.sock 2>/dev/null")).toBe("")
  })

  it("goes back by itself when a new one does not stay up", async () => {
    const service = named("tiered_responder-pc2")
    const update = await node.docker("service", "update", "--detach", "--env-add", "FAIRLEAD_FAIL=crash", service)
    expect(update.exitCode, update.stderr).toBe(0)
    const state = async () =>
      (await node.docker("service", "inspect", service, "--format", "{{.UpdateStatus.State}}")).stdout
    await node.until(240, async () => (await state()) === "rollback_completed")
    const { stdout } = await node.docker("service", "inspect", service)
    expect(stdout).not.toContain("FAIRLEAD_FAIL")
    await node.until(60, async () => (await replicas()).get(service) === "1/1")
  })
})
