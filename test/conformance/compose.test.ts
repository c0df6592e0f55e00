import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { loadFleet, parseFleet } from "../../dagger/lib/fleet/load.ts"
import { composeFiles } from "../../dagger/lib/rollout/compose.ts"
import { changed, small } from "../unit/fleet/small.ts"

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
