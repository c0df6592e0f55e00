import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it, vi } from "vitest"
import { parse, parseAllDocuments } from "yaml"
import { composeVerb } from "../../../cli/verbs/compose.ts"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { loadFleet, parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { imagesTagged } from "../../../dagger/lib/rollout/orchestrators/images.ts"
import {
  instanceName,
  instancesOf,
  type OrchestratorOptions,
} from "../../../dagger/lib/rollout/orchestrators/instances.ts"
import { kubernetesFiles, kubernetesNotes } from "../../../dagger/lib/rollout/orchestrators/kubernetes.ts"
import { swarmFiles, swarmNotes } from "../../../dagger/lib/rollout/orchestrators/swarm.ts"
import { changed, small } from "../fleet/small.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const own = await loadFleet(root)
const tiny = parseFleet(small)
const ref = `ghcr.io/my-fleet/reference-cpu@sha256:${"a".repeat(64)}`
const app = "path: apps/stand-in, command: [python, main.py], standIn: true"
const withApp = (more: string): Fleet => parseFleet(changed(app, `${app}, ${more}`))

// biome-ignore lint/suspicious/noExplicitAny: what was rendered, as whoever reads it finds it
type Seen = any

const stack = (fleet: Fleet, options?: OrchestratorOptions): Seen => parse(swarmFiles(fleet, options)["stack.yaml"]!)
const objects = (fleet: Fleet, options: OrchestratorOptions = {}): Seen[] =>
  Object.values(kubernetesFiles(fleet, { image: () => ({ image: ref }), ...options })).flatMap((text) =>
    parseAllDocuments(text).map((document) => document.toJS()),
  )
const named = (all: Seen[], kind: string, name: string): Seen =>
  all.find((each) => each.kind === kind && each.metadata.name === name)

describe("what runs on an orchestrator", () => {
  it("is every service once on each of its hosts, in the order of the waves", () => {
    const all = instancesOf(own)
    expect(all).toHaveLength(Object.values(own.services).flatMap(({ hosts }) => hosts).length)
    expect(new Set(all.map(({ service }) => service.name)).size).toBe(64)
    expect(instanceName(all[0]!)).toBe("service_registry-mainpc")
    expect(instancesOf(own, { host: "pc2" }).every(({ host }) => host === "pc2")).toBe(true)
  })

  it("has a name that DNS takes, or is refused by the name of the service", () => {
    const long = parseFleet(small.replaceAll("FirstService", `First${"Long".repeat(14)}`))
    expect(() => swarmFiles(long)).toThrow(/takes 63/)
  })
})

describe("a stack for a swarm", () => {
  const { services, configs } = stack(own)

  it("runs one container of a service on the node that is its host, the old one stopped first, back when it fails", () => {
    expect(services["tiered_responder-pc2"].deploy).toMatchObject({
      replicas: 1,
      placement: { constraints: ["node.labels.fairlead.host == pc2"] },
      update_config: { order: "stop-first", failure_action: "rollback" },
    })
  })

  it("keeps what compose says of a container", () => {
    expect(services["tiered_responder-pc2"]).toMatchObject({
      image: "${FAIRLEAD_REGISTRY:-ghcr.io/my-fleet}/reference-cpu:${FORCE_IMAGE_TAG:-current}",
      ...{ user: "10001:10001", read_only: true, cap_drop: ["ALL"], stop_grace_period: "10s" },
      healthcheck: {
        test: ["CMD", "fairlead-health"],
        interval: "10s",
        timeout: "2s",
        retries: 5,
        start_period: "120s",
      },
      volumes: [{ type: "tmpfs", target: "/tmp" }],
      networks: { default: { aliases: ["tiered_responder"] } },
    })
    expect(services["tiered_responder-pc2"].ports).toEqual([
      { target: 7100, published: 7100, protocol: "tcp", mode: "host" },
      { target: 8100, published: 8100, protocol: "tcp", mode: "host" },
    ])
  })

  it("says nothing that a swarm does not know", () => {
    const all = new Set(Object.values<object>(services).flatMap((each) => Object.keys(each)))
    for (const key of ["container_name", "restart", "depends_on", "security_opt", "tmpfs", "group_add", "devices"])
      expect(all).not.toContain(key)
    expect(swarmFiles(own)["stack.yaml"]).not.toContain("create_host_path")
  })

  it("reserves a GPU as a generic resource and shows the container which, and tells how many a node has to offer", () => {
    const gpu = services["model_ops_coordinator-mainpc"]
    expect(gpu.deploy.resources.reservations.generic_resources).toEqual([
      { discrete_resource_spec: { kind: "NVIDIA-GPU", value: 1 } },
    ])
    expect(gpu.environment.NVIDIA_VISIBLE_DEVICES).toBe("0")
    const reserving = Object.entries<Seen>(services).filter(([, each]) => each.deploy.resources?.reservations)
    expect(reserving).toHaveLength(instancesOf(own).filter(({ service }) => service.needs.includes("gpu")).length)
    const offered = reserving.filter(([name]) => name.endsWith("-pc2")).length
    expect(swarmNotes(own, instancesOf(own)).join()).toContain(
      `pc2 "node-generic-resources": ["NVIDIA-GPU=${offered}"]`,
    )
  })

  it("names another config for another profile, since a swarm changes none", () => {
    expect(services["tiered_responder-pc2"].configs).toEqual([
      { source: "machine-profile-pc2", target: "/etc/machine-profile.json" },
    ])
    expect(configs["machine-profile-pc2"].file).toBe("./pc2.profile.json")
    expect(JSON.parse(swarmFiles(own)["pc2.profile.json"]!)).toEqual(own.hosts.pc2?.profile)
    const other = structuredClone(own)
    other.hosts.pc2!.profile.OMP_NUM_THREADS = 8
    expect(stack(other).configs["machine-profile-pc2"].name).not.toBe(configs["machine-profile-pc2"].name)
    expect(stack(other).configs["machine-profile-mainpc"]).toEqual(configs["machine-profile-mainpc"])
  })

  it("makes the group of Docker's socket the container's own, where a service needs it", () => {
    expect(services["self_healing_supervisor-pc2"].user).toBe("10001:${DOCKER_GID:-999}")
    expect(services["tiered_responder-pc2"].user).toBe("10001:10001")
  })

  it("has volumes, binds, limits and one host alone where they are asked for", () => {
    const fleet = parseFleet(
      changed("healthPort: 8001", "healthPort: 8001, memory: 1 GB, pids: 64").replace(
        app,
        `${app}, volumes: { state: /var/lib/state }, binds: { /srv/models: /models }`,
      ),
    )
    const [first] = Object.values<Seen>(stack(fleet, { host: "one" }).services)
    expect(first.deploy.resources).toEqual({ limits: { memory: "1000000000", pids: 64 } })
    expect(first.volumes.slice(1)).toEqual([
      { type: "volume", source: "first_service_state", target: "/var/lib/state" },
      { type: "bind", source: "/srv/models", target: "/models", read_only: true },
    ])
    expect(Object.keys(stack(fleet, { host: "one" }).configs)).toEqual(["machine-profile-one"])
  })
})

describe("manifests for Kubernetes", () => {
  const all = objects(own)
  const deployment = named(all, "Deployment", "tiered-responder-pc2")
  const pod = deployment.spec.template.spec
  const [container] = pod.containers

  it("run one pod of a service on the node that is its host, the old one stopped first", () => {
    expect(deployment.spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } })
    expect(pod.nodeSelector).toEqual({ "fairlead.dev/host": "pc2" })
    expect(deployment.spec.template.metadata.labels).toMatchObject(deployment.spec.selector.matchLabels)
  })

  it("let a pod do what compose lets a container do, and no more", () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001 })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    })
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
    expect(container.volumeMounts).toEqual([
      {
        name: "machine-profile",
        mountPath: "/etc/machine-profile.json",
        subPath: "machine-profile.json",
        readOnly: true,
      },
      { name: "tmpfs-0", mountPath: "/tmp" },
    ])
    expect(pod.volumes[1]).toEqual({ name: "tmpfs-0", emptyDir: { medium: "Memory" } })
  })

  it("probe health by policy: time to load, then traffic only while it is well", () => {
    const httpGet = { path: "/health", port: 8100 }
    expect(container.startupProbe).toEqual({ httpGet, periodSeconds: 10, timeoutSeconds: 2, failureThreshold: 12 })
    expect(container.readinessProbe).toMatchObject({ httpGet, failureThreshold: 5, successThreshold: 3 })
    expect(container.livenessProbe).toEqual({ httpGet, periodSeconds: 10, timeoutSeconds: 2, failureThreshold: 5 })
  })

  it("leave the image's entrypoint, name the image by what was given, and pull a tag that moves each time", () => {
    expect(container).toMatchObject({ image: ref, imagePullPolicy: "IfNotPresent", args: ["python", "/app/main.py"] })
    expect(container).not.toHaveProperty("command")
    const moving = objects(own, { image: () => ({ image: "ghcr.io/my-fleet/reference-cpu:current" }) })
    const [other] = named(moving, "Deployment", "tiered-responder-pc2").spec.template.spec.containers
    expect(other.imagePullPolicy).toBe("Always")
  })

  it("ask for GPUs where compose reserves them, and tell how many a node has to share", () => {
    const gpu = named(all, "Deployment", "model-ops-coordinator-mainpc").spec.template.spec
    expect(gpu.containers[0].resources).toEqual({ limits: { "nvidia.com/gpu": "1" } })
    expect(container).not.toHaveProperty("resources")
    expect(kubernetesNotes(own, instancesOf(own)).join()).toMatch(/18 on mainpc, 5 on pc2/)
  })

  it("let services find each other by name, on whichever host they are", () => {
    const service = named(all, "Service", "memory-fusion-hub")
    const pods = all.filter(
      (each) =>
        each.kind === "Deployment" &&
        Object.entries(service.spec.selector).every(
          ([key, value]) => each.spec.template.metadata.labels[key] === value,
        ),
    )
    expect(pods.map((each) => each.metadata.name).sort()).toEqual(["memory-fusion-hub-mainpc", "memory-fusion-hub-pc2"])
    expect(service.spec.ports.map((each: Seen) => each.port)).toEqual([5713, 6713])
  })

  it("make another pod for another profile", () => {
    const other = structuredClone(own)
    other.hosts.pc2!.profile.OMP_NUM_THREADS = 8
    const now = named(objects(other), "Deployment", "tiered-responder-pc2").spec.template.metadata.annotations
    expect(now).not.toEqual(deployment.spec.template.metadata.annotations)
    expect(JSON.parse(named(objects(other), "ConfigMap", "machine-profile-pc2").data["machine-profile.json"])).toEqual(
      other.hosts.pc2?.profile,
    )
  })

  it("claim a volume for each service and host, in the app's group", () => {
    const made = objects(withApp("volumes: { state: /var/lib/state }"))
    const claim = named(made, "PersistentVolumeClaim", "first-service-one-state")
    expect(claim.spec.accessModes).toEqual(["ReadWriteOnce"])
    const { spec } = named(made, "Deployment", "first-service-one").spec.template
    expect(spec.securityContext.fsGroup).toBe(10001)
    expect(spec.volumes).toContainEqual({
      name: "volume-0",
      persistentVolumeClaim: { claimName: "first-service-one-state" },
    })
  })

  it("find the receiver by an address where one is known, else by the host's name", () => {
    const known = objects(tiny)
    expect(named(known, "EndpointSlice", "observability").endpoints[0].addresses).toEqual(["192.0.2.1"])
    expect(named(all, "Service", "observability").spec).toEqual({ type: "ExternalName", externalName: "mainpc" })
    const given = objects(own, { observability: "2001:db8::1" })
    expect(named(given, "EndpointSlice", "observability")).toMatchObject({ addressType: "IPv6" })
  })

  it.each(["$HOME", "a$b$$c", "1_000", "yes", "'\"\\"])(
    "hand %j on as it is: Kubernetes reads two dollars as one",
    (value) => {
      const [first] = objects(withApp(`env: { VALUE: ${JSON.stringify(value)} }`)).filter(
        (each) => each.kind === "Deployment",
      )
      const { env } = first.spec.template.spec.containers[0]
      const written = env.find((each: Seen) => each.name === "VALUE").value
      expect(written.replaceAll("$$", "$")).toBe(value)
      expect(written).not.toMatch(/(?<!\$)(?:\$\$)*\$\(/)
    },
  )
})

describe("the images of an orchestrator", () => {
  const registry = { host: "127.0.0.1:5000", org: "fleet" }
  const service = { name: "TieredResponder", ...own.services.TieredResponder! }
  const release = (tag: string, digit: string) => ({
    ...{ family: "reference-cpu", tag, ref: `127.0.0.1:5000/fleet/reference-cpu:${tag}` },
    ...{ digest: `sha256:${digit.repeat(64)}`, at: "2026-11-22T00:00:00.000Z" },
  })

  it("are those of one tag, and by digest those that were released under it", () => {
    const plain = "127.0.0.1:5000/fleet/reference-cpu:two"
    expect(imagesTagged(own, { registry, tag: "two" })(service)).toEqual({ image: plain })
    const releases = [release("three", "c"), release("two", "b")]
    const by = (tag: string) => imagesTagged(own, { registry, tag, releases })(service).image
    expect(by("two")).toBe(`${plain}@sha256:${"b".repeat(64)}`)
    expect(by("current")).toBe(`127.0.0.1:5000/fleet/reference-cpu:current@sha256:${"c".repeat(64)}`)
    expect(() => by("four")).toThrow(/reference-cpu:four is not among the releases/)
  })
})

describe("compose --for", () => {
  const compose = async (...argv: string[]): Promise<string> => {
    const told: string[] = []
    const log = vi.spyOn(console, "log").mockImplementation((text: string) => void told.push(text))
    try {
      await composeVerb().parseAsync([...argv, "--source", root], { from: "user" })
      return told.join("\n")
    } finally {
      log.mockRestore()
    }
  }

  it("answers the files of one host, with the images of a tag and a registry", async () => {
    const argv = ["--host", "pc2", "--tag", "20261122-abc1234", "--registry", "127.0.0.1:5000", "--json"]
    for (const [orchestrator, files] of [
      ["swarm", ["stack.yaml", "pc2.profile.json"]],
      ["kubernetes", ["pc2.yaml", "services.yaml"]],
    ] as const) {
      const said = JSON.parse(await compose("--for", orchestrator, ...argv))
      expect(Object.keys(said.files)).toEqual(files)
      expect(said.files[files[0]]).toContain('image: "127.0.0.1:5000/my-fleet/reference-cpu:20261122-abc1234"')
      expect(said.notes.length).toBeGreaterThan(0)
    }
  })

  it("writes them into a folder", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fleet-"))
    try {
      await compose("--for", "swarm", "--output", folder)
      expect((await readdir(folder)).sort()).toEqual(["mainpc.profile.json", "pc2.profile.json", "stack.yaml"])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it.each([
    [["--for", "swarm", "--check"], /--check: is about compose files/],
    [["--tag", "one"], /--tag: is about orchestrators/],
    [["--for", "kubernetes", "--tag", "a b"], /--tag: .*a tag/],
    [["--for", "kubernetes", "--observability", "mainpc"], /--observability: is no IP address/],
  ])("refuses %j", async (argv, why) => {
    await expect(compose(...argv)).rejects.toThrow(why)
  })
})
