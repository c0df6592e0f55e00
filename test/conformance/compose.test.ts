import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { loadFleet, parseFleet } from "../../dagger/lib/fleet/load.ts"
import { composeFiles } from "../../dagger/lib/rollout/compose.ts"
import { bundleFor } from "../../dagger/lib/rollout/plan/bundle.ts"
import { changed, small } from "../unit/fleet/small.ts"
import { bare, currentTags, digest, ownOnDemo, planned, targets } from "../unit/rollout/deployed.ts"

// What docker compose itself reads out of rendered files; it needs no daemon for that.

const own = await loadFleet(fileURLToPath(new URL("../..", import.meta.url)))

interface Seen {
  services: Record<string, { image: string; environment: Record<string, string>; command: string[]; ports: unknown[] }>
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "compose-"))
})
afterAll(() => rm(folder, { recursive: true }))

async function read(
  fleet: Fleet,
  host: string,
  env: Record<string, string> = {},
  overlays: string[] = [],
): Promise<Seen> {
  const files = composeFiles(fleet, host)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const named = [`${host}.yaml`, ...overlays].flatMap((name) => ["-f", join(folder, name)])
  const { stdout } = await execa("docker", ["compose", ...named, "config", "--format", "json"], { env })
  return JSON.parse(stdout)
}

describe("docker compose", () => {
  it.each(["mainpc", "pc2"])("reads all that %s runs, with and without audio", async (host) => {
    const names = (seen: Seen) => Object.keys(seen.services).length
    const on = Object.values(own.services).filter(({ hosts }) => hosts.includes(host)).length
    expect(names(await read(own, host))).toBe(on)
    expect(names(await read(own, host, {}, [`${host}.snd.yaml`]))).toBe(on)
    expect(names(await read(own, host, {}, [`${host}.pulse.yaml`]))).toBe(on)
  })

  it("takes registry and tag from the environment, in the image and in what the service is told of it", async () => {
    const { services } = await read(own, "pc2", {
      FAIRLEAD_REGISTRY: "127.0.0.1:5000/my-fleet",
      FORCE_IMAGE_TAG: "20261122-abc1234",
    })
    const image = "127.0.0.1:5000/my-fleet/reference-cpu:20261122-abc1234"
    expect(services.tiered_responder).toMatchObject({ image, environment: { FAIRLEAD_IMAGE: image } })
  })

  it("hands odd values on as they are", async () => {
    const values = [
      "$HOME",
      "a$b$$c",
      "5$ #1",
      "1_000",
      "0777",
      "0b11",
      "2001-01-01",
      "1:30",
      "yes",
      "~",
      "null",
      "- x",
      "&a *b !c",
      "{a: 1}",
      "'\"\\",
      "é\u00a0 ",
      "",
    ]
    const env = Object.fromEntries(values.map((value, index) => [`V${index}`, value]))
    const app = "path: apps/stand-in, command: [python, main.py], standIn: true"
    const odd = `path: apps/stand-in, command: [python, "$HOME", "1_000"], standIn: true, env: ${JSON.stringify(env)}`
    const { services } = await read(parseFleet(changed(app, odd)), "two")
    // compose writes "$" as "$$" in what it prints, so that this could be read again.
    const said = JSON.parse(JSON.stringify(services.first_service).replaceAll("$$", "$"))
    expect(values.map((_, index) => said.environment[`V${index}`])).toEqual(values)
    expect(said.command).toEqual(["python", "$HOME", "1_000"])
  })

  it("publishes a port that is both only once", async () => {
    const { services } = await read(parseFleet(small.replace("healthPort: 8001", "healthPort: 7001")), "one")
    expect(services.first_service?.ports).toHaveLength(1)
  })
})

describe("docker compose, of what a rollout brings to a host", () => {
  const env = {
    FAIRLEAD_RUN: "7f3a2b",
    FAIRLEAD_TAG: "20261122-abc1234",
    FAIRLEAD_STATE: "/home/fleet/.fairlead/my-fleet",
  }

  async function made(fleet: Fleet, host: string, tags: Record<string, string>) {
    const found = await targets(fleet, tags, { hosts: [host] })
    const bundle = bundleFor(planned(fleet, found, [bare(host)]), host)
    const file = join(folder, "compose.json")
    await writeFile(file, JSON.stringify(bundle.compose))
    const { stdout, stderr } = await execa("docker", ["compose", "-f", file, "config", "--format", "json"], { env })
    return { bundle, stderr, seen: JSON.parse(stdout) }
  }

  it.each(["mainpc", "pc2"])(
    "reads all that is new on %s, complains of nothing, and names each for its run",
    async (host) => {
      const { bundle, seen, stderr } = await made(await ownOnDemo(), host, currentTags())
      expect([stderr, seen.name]).toEqual(["", "my-fleet-7f3a2b"])
      expect(Object.keys(seen.services)).toHaveLength(bundle.services.length)
      for (const { svc, image, definition } of bundle.services) {
        const service = seen.services[svc]
        expect(service).toMatchObject({ container_name: `${svc}.7f3a2b`, image, networks: { default: null } })
        expect(service.labels).toMatchObject({
          ...{ "dev.fairlead.run": "7f3a2b", "dev.fairlead.tag": "current" },
          "dev.fairlead.definition": definition,
        })
        expect(service.volumes).toContainEqual({
          ...{ type: "bind", target: "/etc/machine-profile.json", read_only: true },
          source: `${env.FAIRLEAD_STATE}/files/${Object.keys(bundle.files)[0]}`,
          bind: expect.anything(),
        })
        expect(service).not.toHaveProperty("depends_on")
      }
      expect(seen.networks).toMatchObject({ default: { name: "my-fleet", external: true } })
    },
  )

  it("takes volumes that are there already, by the fleet's name for them", async () => {
    const app = "path: apps/stand-in, command: [python, main.py], standIn: true"
    const fleet = parseFleet(changed(app, `${app}, volumes: { data: /data }`))
    const { seen } = await made(fleet, "two", { "stand-in-p:current": digest("p") })
    expect(seen.volumes.second_service_data).toEqual({ name: "small_second_service_data", external: true })
    expect(seen.services.second_service.volumes).toContainEqual(
      expect.objectContaining({ type: "volume", source: "second_service_data", target: "/data" }),
    )
  })
})
