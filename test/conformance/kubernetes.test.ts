import { fileURLToPath } from "node:url"
import { execa } from "execa"
import { beforeAll, describe, expect, it } from "vitest"
import { toolboxImage, toolboxPart } from "../../cli/setup/toolbox.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { loadFleet, parseFleet } from "../../dagger/lib/fleet/load.ts"
import { instancesOf } from "../../dagger/lib/rollout/orchestrators/instances.ts"
import { kubernetesFiles } from "../../dagger/lib/rollout/orchestrators/kubernetes.ts"
import { changed } from "../unit/fleet/small.ts"

// What Kubernetes' API server would say of the manifests, by its own code: strict decoding, defaults, validation, warnings.

const own = await loadFleet(fileURLToPath(new URL("../..", import.meta.url)))
const image = `ghcr.io/my-fleet/reference-cpu:1@sha256:${"a".repeat(64)}`
const manifests = (fleet: Fleet): string =>
  Object.values(kubernetesFiles(fleet, { image: () => ({ image }) })).join("---\n")

interface Said {
  kind: string
  name: string
  errors: string[]
  warnings: string[]
  restricted: string[]
}

let toolbox: string
beforeAll(async () => {
  const part = toolboxPart("kubernetes")
  if ((await part.look()).state !== "ready") await part.ready(console.warn)
  toolbox = await toolboxImage("kubernetes")
})

async function said(text: string): Promise<Said[]> {
  const argv = ["run", "--rm", "--interactive", "--network=none", toolbox, "kubernetes-check"]
  const { stdout } = await execa("docker", argv, { input: text })
  return (JSON.parse(stdout) as { objects: Said[] }).objects
}

describe("Kubernetes", () => {
  it("would take every object of the fleet, without a warning", async () => {
    const objects = await said(manifests(own))
    const count = (kind: string) => objects.filter((each) => each.kind === kind).length
    expect(objects.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([])
    expect(count("Deployment")).toBe(instancesOf(own).length)
    // One more than services: the receiver, which is outside.
    expect(count("Service")).toBe(Object.keys(own.services).length + 1)
    expect(count("ConfigMap")).toBe(2)
  })

  it("calls every pod restricted, but for those that get the node's Docker socket", async () => {
    const open = (await said(manifests(own))).filter(({ restricted }) => restricted.length > 0)
    expect(open.map(({ name }) => name).sort()).toEqual([
      "self-healing-supervisor-mainpc",
      "self-healing-supervisor-pc2",
    ])
    for (const { restricted } of open) expect(restricted.join()).toMatch(/^restricted volume types: .*hostPath"$/)
  })

  it("would take volumes, binds, limits, a receiver's address and odd values", async () => {
    const app = "path: apps/stand-in, command: [python, main.py], standIn: true"
    const more = `${app}, volumes: { state: /var/lib/state }, binds: { /srv/models: /models }, tmpfs: [/run/app], env: { V: "a$b$$c" }`
    const objects = await said(manifests(parseFleet(changed(app, more))))
    expect(objects.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([])
    const kinds = new Set(objects.map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual(["ConfigMap", "Deployment", "EndpointSlice", "PersistentVolumeClaim", "Service"])
  })

  it.each([
    ["an unknown field", "replicas: 1", "replicaz: 1", /unknown field "spec.replicaz"/],
    ["a field that is there twice", "replicas: 1", "replicas: 1\n  replicas: 1", /already set/],
    ["a port that is none", "containerPort: 7200", "containerPort: 72000", /must be between 1 and 65535/],
    [
      "labels that select nothing",
      'name: "service-registry"\n      fairlead',
      'name: "other"\n      fairlead',
      /selector/,
    ],
  ])("refuses %s", async (_what, right, wrong, why) => {
    const text = manifests(own)
    expect(text).toContain(right)
    const errors = (await said(text.replace(right, wrong))).flatMap((each) => each.errors)
    expect(errors.join("\n")).toMatch(why)
    expect(errors).toHaveLength(1)
  })
})
