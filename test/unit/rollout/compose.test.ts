import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parse } from "yaml"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { loadFleet, parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { snakeName } from "../../../dagger/lib/fleet/names.ts"
import { allComposeFiles, composeFiles } from "../../../dagger/lib/rollout/compose.ts"
import { requireRendered } from "../../../dagger/lib/rollout/drift.ts"
import { notes } from "../../../dagger/lib/rollout/header.ts"
import type { ComposeOptions } from "../../../dagger/lib/rollout/service.ts"
import { changed, small } from "../fleet/small.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const own = await loadFleet(root)

interface Entry {
  [key: string]: unknown
  environment: Record<string, string>
  labels: Record<string, string>
  depends_on?: string[]
}
interface File {
  name: string
  services: Record<string, Entry>
  configs: Record<string, { file: string }>
  volumes?: Record<string, unknown>
}

const rendered = (fleet: Fleet, host: string, options: ComposeOptions = {}): File =>
  parse(composeFiles(fleet, host, options)[`${host}.yaml`]!) as File

const fixed = (service: string, image: string) => ({
  image: `\${FAIRLEAD_REGISTRY:-ghcr.io/my-fleet}/${image}:\${FORCE_IMAGE_TAG:-current}`,
  container_name: service,
  user: "10001:10001",
  read_only: true,
  cap_drop: ["ALL"],
  security_opt: ["no-new-privileges:true"],
  healthcheck: { test: ["CMD", "fairlead-health"], interval: "10s", timeout: "2s", retries: 5, start_period: "120s" },
  restart: "unless-stopped",
  stop_grace_period: "10s",
})

const published = (...ports: number[]) => ports.map((port) => `\${FAIRLEAD_BIND:-0.0.0.0}:${port}:${port}`)

describe("the owner's own examples", () => {
  const mainpc = rendered(own, "mainpc").services
  const pc2 = rendered(own, "pc2").services

  it("service_registry: family-web, 7200 and health 8200", () => {
    expect(mainpc.service_registry).toMatchObject({
      ...fixed("service_registry", "reference-web"),
      ports: published(7200, 8200),
    })
    expect(mainpc.service_registry?.labels).toMatchObject({ "dev.fairlead.family": "family-web" })
    expect(mainpc.service_registry?.environment).toMatchObject({ PORT: "7200", HEALTH_PORT: "8200" })
    expect(mainpc.service_registry).not.toHaveProperty("depends_on")
  })

  it("model_ops_coordinator: the llm family, built for 8.9, one GPU, health 8212", () => {
    expect(mainpc.model_ops_coordinator).toMatchObject({
      ...fixed("model_ops_coordinator", "reference-llm"),
      ports: published(7212, 8212),
      deploy: {
        resources: { reservations: { devices: [{ driver: "nvidia", device_ids: ["0"], capabilities: ["gpu"] }] } },
      },
    })
    expect(mainpc.model_ops_coordinator?.labels["dev.fairlead.family"]).toBe("family-llm-cu121")
    expect(own.hosts.mainpc?.gpu?.arch).toBe("8.9")
  })

  it("tiered_responder: base-cpu-pydeps, health 8100, no GPU", () => {
    expect(pc2.tiered_responder).toMatchObject({
      ...fixed("tiered_responder", "reference-cpu"),
      ports: published(7100, 8100),
    })
    expect(pc2.tiered_responder?.labels["dev.fairlead.family"]).toBe("base-cpu-pydeps")
    expect(pc2.tiered_responder).not.toHaveProperty("deploy")
    expect(mainpc).not.toHaveProperty("tiered_responder")
  })

  it("are written as the owner writes them", async () => {
    const text = await readFile(join(root, "compose/pc2.yaml"), "utf8")
    const entry = text.slice(text.indexOf("\n  tiered_responder:"), text.indexOf("\n  async_processor:"))
    for (const line of ['user: "10001:10001"', 'interval: "10s"', 'timeout: "2s"', "retries: 5"])
      expect(entry).toContain(line)
  })
})

describe("what a host runs", () => {
  it("is every service of that host, 64 on both together", () => {
    const names = (host: string) => Object.keys(rendered(own, host).services)
    expect(names("mainpc")).toHaveLength(44)
    expect(names("pc2")).toHaveLength(23)
    expect(new Set([...names("mainpc"), ...names("pc2")])).toEqual(new Set(Object.keys(own.services).map(snakeName)))
  })

  it("carries labels by which rollout and status find it, and says what is a stand-in", () => {
    expect(rendered(own, "pc2").services.tiered_responder?.labels).toMatchObject({
      "dev.fairlead.fleet": "my-fleet",
      "dev.fairlead.host": "pc2",
      "dev.fairlead.service": "TieredResponder",
      "dev.fairlead.wave": "pc2-cpu",
      "dev.fairlead.app": "reference",
      "dev.fairlead.stand-in": "true",
    })
    expect(composeFiles(own, "pc2")["pc2.yaml"]).toContain(
      "  # TieredResponder: cpu; wave pc2-cpu; the stand-in reference, not its own code\n  tiered_responder:",
    )
    expect(notes(own, "pc2")[0]).toBe(
      "23 of 23 services run the stand-in reference: fleet.yaml names no code of theirs.",
    )
  })

  it("starts after the services that earlier waves name one by one, and after no others", () => {
    const { services } = rendered(own, "mainpc")
    const core = ["service_registry", "system_digital_twin", "unified_system_agent", "unified_observability_center"]
    const waves = new Map(
      Object.values(services).map(({ labels, depends_on }) => [labels["dev.fairlead.wave"], depends_on]),
    )
    expect(Object.fromEntries(waves)).toEqual({ core: undefined, "mainpc-gpu": core, rest: core })
    expect(rendered(own, "pc2").services.tiered_responder?.depends_on).toEqual([
      "unified_observability_center",
      "central_error_bus",
    ])
  })

  it("reserves a GPU exactly for the services that take one", () => {
    for (const host of ["mainpc", "pc2"]) {
      for (const { labels, deploy } of Object.values(rendered(own, host).services)) {
        const { gpus } = own.services[labels["dev.fairlead.service"]!]!
        expect([labels["dev.fairlead.service"], deploy !== undefined]).toEqual([
          labels["dev.fairlead.service"],
          gpus > 0,
        ])
      }
    }
    expect(rendered(own, "mainpc", { gpu: false }).services.model_ops_coordinator).not.toHaveProperty("deploy")
  })

  it("reserves as many as the service takes, of those that the host shows", () => {
    const two = parseFleet(
      changed(
        'GPU_VISIBLE_DEVICES: "0"',
        'GPU_VISIBLE_DEVICES: "2,5,7"',
        "needs: [gpu, llm],",
        "needs: [gpu, llm], gpus: 2, memory: 512 MiB, pids: 100,",
      ),
    )
    expect(rendered(two, "one").services.model_service).toMatchObject({
      deploy: {
        resources: {
          limits: { memory: "536870912", pids: 100 },
          reservations: { devices: [{ driver: "nvidia", device_ids: ["2", "5"], capabilities: ["gpu"] }] },
        },
      },
    })
  })

  it("gets Docker's socket only where it needs docker, and audio only where that is asked for", () => {
    const { services } = rendered(own, "mainpc")
    const withSocket = Object.keys(services).filter((name) => JSON.stringify(services[name]).includes("docker.sock"))
    expect(withSocket).toEqual(["self_healing_supervisor"])
    expect(services.self_healing_supervisor).toMatchObject({
      group_add: ["${DOCKER_GID:-999}"],
      volumes: [{ type: "bind", source: "/var/run/docker.sock", read_only: true, bind: { create_host_path: false } }],
    })
    expect(JSON.stringify(services)).not.toMatch(/\/dev\/snd|PulseServer/)
    const snd = rendered(own, "mainpc", { audio: "snd" }).services
    expect(Object.keys(snd).filter((name) => snd[name]?.devices)).toEqual(
      Object.entries(own.services)
        .filter(([, { hosts, needs }]) => hosts.includes("mainpc") && needs.includes("audio"))
        .map(([name]) => snakeName(name)),
    )
    expect(rendered(own, "mainpc", { audio: "pulse" }).services.audio_capture).toMatchObject({
      environment: { PULSE_SERVER: "unix:/mnt/wslg/PulseServer", HEALTH_PORT: "7550" },
      volumes: [{ source: "/mnt/wslg/PulseServer", read_only: true }],
    })
  })

  it("reads its machine profile from a file beside, and starts anew when that changes", () => {
    const files = composeFiles(own, "pc2")
    expect(JSON.parse(files["pc2.profile.json"]!)).toEqual(own.hosts.pc2?.profile)
    expect(rendered(own, "pc2").configs).toEqual({ "machine-profile": { file: "./pc2.profile.json" } })
    const other = structuredClone(own)
    other.hosts.pc2!.profile.OMP_NUM_THREADS = 8
    const label = (fleet: Fleet) => rendered(fleet, "pc2").services.tiered_responder?.labels["dev.fairlead.profile"]
    expect(label(other)).not.toBe(label(own))
  })

  it("runs what a deploy says, digest and commit, and nothing else is different", () => {
    const image = `ghcr.io/my-fleet/reference-cpu@sha256:${"a".repeat(64)}`
    const { services } = rendered(own, "pc2", { image: () => ({ image, gitSha: "abc1234" }) })
    expect(services.tiered_responder).toMatchObject({
      image,
      environment: { FAIRLEAD_IMAGE: image, FAIRLEAD_GIT_SHA: "abc1234" },
    })
    expect({ ...services.tiered_responder, image: 0, environment: 0 }).toEqual({
      ...rendered(own, "pc2").services.tiered_responder,
      image: 0,
      environment: 0,
    })
  })
})

describe("the observability receiver", () => {
  const address = (fleet: Fleet, host: string, options?: ComposeOptions) =>
    Object.values(rendered(fleet, host, options).services)[0]?.extra_hosts

  it("is this machine on its own host, and that host's address on the others", () => {
    const fleet = parseFleet(small)
    expect(address(fleet, "one")).toEqual(["observability:${OBSERVABILITY_ADDRESS:-host-gateway}"])
    expect(address(fleet, "two")).toEqual(["observability:${OBSERVABILITY_ADDRESS:-192.0.2.1}"])
    expect(address(fleet, "two", { observability: "192.0.2.9" })).toEqual(["observability:192.0.2.9"])
  })

  it("is on the host that says so, and a name that only people know is told", () => {
    const fleet = parseFleet(changed("two: { address", "two: { observability: true, address"))
    expect(address(fleet, "two")).toEqual(["observability:${OBSERVABILITY_ADDRESS:-host-gateway}"])
    expect(notes(fleet, "one").join()).toContain(
      "observability is two, which fleet.yaml knows by a name only: set OBSERVABILITY_ADDRESS",
    )
    expect(notes(fleet, "two").join()).not.toContain("OBSERVABILITY_ADDRESS")
  })

  it("needs no entry where its URL has a name that DNS knows, or an address", () => {
    for (const name of ["receiver.example.org", "192.0.2.7", "localhost"]) {
      expect(address(parseFleet(changed("http://observability:9007", `http://${name}:9007`)), "two")).toBeUndefined()
    }
  })

  it("shares its port with a service of the owner's, which is said and not changed", () => {
    expect(notes(own, "mainpc").join()).toContain(
      "go to port 9007 on mainpc, which is ObservabilityDashboardAPI's health port",
    )
    expect(rendered(own, "mainpc").services.observability_dashboard_api?.ports).toEqual(published(8001, 9007))
  })
})

describe("hostile and odd values", () => {
  const app = "stand-in: { path: apps/stand-in, command: [python, main.py], standIn: true"
  const odd = (more: string) => parseFleet(changed(app, `${app}, ${more}`))

  it.each([
    "$HOME",
    "a$b$$c",
    "cost: 5$ #1",
    "1_000",
    "0777",
    "2001-01-01",
    "yes",
    "~",
    "null",
    "- x",
    "&a *b !c",
    "{a: 1}",
    "'\"\\",
    "é\u00a0 ",
    "",
  ])("%j reaches the container as it is", (value) => {
    const text = composeFiles(odd(`env: { VALUE: ${JSON.stringify(value)} }`), "one")["one.yaml"]!
    const read = (parse(text) as File).services.first_service!.environment.VALUE!
    expect(read.replaceAll("$$", "$")).toBe(value)
    expect(read.replaceAll("$$", "")).not.toContain("$")
    // In quotes: compose's reader of YAML makes a number, a date or nothing of some of these.
    expect(text).toMatch(/\n {6}VALUE: ["']/)
  })

  it("keeps variables with names that YAML has other ideas about", () => {
    const { environment } = rendered(odd('env: { "null": a, "true": b, Y: c, NO: d }'), "one").services.first_service!
    expect(environment).toMatchObject({ null: "a", true: "b", Y: "c", NO: "d" })
  })

  it("lets no app take over what the entrypoint and the health probe read", () => {
    const fleet = odd(
      "portEnv: MY_PORT, healthPortEnv: MY_HEALTH, env: { HEALTH_PORT: '1', FAIRLEAD_IMAGE: x, FAIRLEAD_SERVICE: x }",
    )
    expect(rendered(fleet, "one").services.first_service?.environment).toMatchObject({
      MY_PORT: "7001",
      MY_HEALTH: "8001",
      HEALTH_PORT: "8001",
      FAIRLEAD_SERVICE: "FirstService",
      FAIRLEAD_IMAGE: expect.stringContaining("/stand-in-p:"),
    })
  })

  it("escapes what a deploy hands in", () => {
    const { services } = rendered(parseFleet(small), "one", { image: () => ({ image: "x/y:${HOME}" }) })
    expect(services.first_service?.image).toBe("x/y:$${HOME}")
  })

  it("gives each service its own volumes, and binds nothing that can be written", () => {
    const fleet = odd("volumes: { data: /data }, binds: { /srv/models: /models }, tmpfs: [/var/cache/x]")
    const { services, volumes } = rendered(fleet, "two")
    expect(Object.keys(volumes ?? {})).toEqual(["first_service_data", "second_service_data"])
    expect(services.first_service).toMatchObject({
      tmpfs: ["/tmp", "/var/cache/x:mode=1777"],
      volumes: [
        { type: "volume", source: "first_service_data", target: "/data" },
        { type: "bind", source: "/srv/models", target: "/models", read_only: true, bind: { create_host_path: false } },
      ],
    })
  })

  it("publishes one port once, and waits as long as a service says", () => {
    const fleet = parseFleet(
      changed("port: 7001, healthPort: 8001", "port: 7001, healthPort: 7001, healthySeconds: 900"),
    )
    expect(rendered(fleet, "one").services.first_service).toMatchObject({
      ports: published(7001),
      healthcheck: { start_period: "900s" },
    })
  })

  it("runs a command in the family's image where the app has no code", () => {
    const fleet = parseFleet(changed("path: apps/stand-in, ", ""))
    expect(rendered(fleet, "one").services.model_service?.image).toBe(
      "${FAIRLEAD_REGISTRY:-127.0.0.1:5000/small}/llm:${FORCE_IMAGE_TAG:-current}",
    )
  })
})

describe("the files in compose/", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "compose-"))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it("are what fleet.yaml says", async () => {
    await expect(requireRendered(join(root, "compose"), allComposeFiles(own))).resolves.toBeUndefined()
  })

  it("are missed, found changed and found left over, each with how to mend it", async () => {
    const wanted = allComposeFiles(parseFleet(small))
    for (const [name, text] of Object.entries(wanted)) await writeFile(join(folder, name), text)
    await expect(requireRendered(folder, wanted)).resolves.toBeUndefined()
    await writeFile(join(folder, "one.yaml"), wanted["one.yaml"]!.replace("read_only: true", "read_only: false"))
    await writeFile(join(folder, "three.yaml"), wanted["two.yaml"]!)
    await writeFile(join(folder, "mine.yaml"), "services: {}\n")
    await rm(join(folder, "two.yaml"))
    const refused = await requireRendered(folder, wanted).catch((error) => error)
    expect(refused.exitCode).toBe(1)
    expect(refused.message.split("\n").filter((line: string) => !line.startsWith("  fix"))).toEqual([
      expect.stringMatching(/^compose\/one.yaml: is not what fleet.yaml says \(line [0-9]+\)$/),
      "compose/two.yaml: is not there",
      "compose/three.yaml: is of no host in fleet.yaml",
    ])
    await rm(join(folder, "one.yaml"))
    await expect(requireRendered(folder, { "two.yaml": "" }, { only: "two" })).rejects.toThrow(
      /^compose\/two.yaml: is not there/,
    )
  })
})
