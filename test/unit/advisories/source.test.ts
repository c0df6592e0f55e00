import { mkdtempSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { advisoriesRow, chooseSource, lastFound, outOfReach, remember } from "../../../cli/advisories.ts"
import type { OnlineChoice } from "../../../dagger/lib/advisories/choice.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { changed } from "../fleet/small.ts"

const fleet = parseFleet(changed())

/** A port of the loopback that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const { port } = server.address() as { port: number }
  await new Promise((closed) => server.close(closed))
  return port
}

const online = async (open?: number): Promise<OnlineChoice> => ({
  source: "online",
  database: { refs: [`127.0.0.1:${open ?? (await closedPort())}/x/trivy-db:2`] },
  python: { service: "pypi", url: `https://127.0.0.1:${await closedPort()}/pypi` },
})

describe("what a run needs to look advisories up", () => {
  it("is nothing where nobody is to look", async () => {
    expect(await chooseSource(fleet, "none")).toMatchObject({
      toolbox: [],
      known: { database: { state: "none" }, python: { state: "none" } },
    })
  })

  it("is the part with Trivy for a folder and for whatever was written down, reachable or not", async () => {
    for (const flag of ["advisories", "online"]) {
      const { toolbox, known } = await chooseSource(fleet, flag)
      expect([toolbox, known]).toEqual([["scan"], undefined])
    }
  })

  it("is nothing where none of the defaults is there, which is told with what was tried", async () => {
    const found = await outOfReach(await online())
    expect(found).toMatchObject({ database: { state: "none" }, python: { state: "none" } })
    expect(JSON.stringify(found)).toMatch(/ECONNREFUSED/)
  })

  it("is the part with Trivy as soon as one of them may be there", async () => {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
    expect(await outOfReach(await online((server.address() as { port: number }).port))).toBeUndefined()
    server.close()
  })
})

describe("what was found last", () => {
  it("is kept for online databases only, and told by doctor without asking anybody", async () => {
    vi.stubEnv("FAIRLEAD_HOME", join(mkdtempSync(join(tmpdir(), "home-")), "home"))
    const digest = `sha256:${"1".repeat(64)}`
    const database = {
      state: "ready" as const,
      digest,
      updatedAt: "2026-11-22T06:00:00Z",
      from: "registry.example/t:2",
    }
    const found = { database, python: { state: "none" as const, why: "" } }
    await remember({ source: "folder", path: "x", by: "--advisories" }, found)
    expect(await lastFound()).toBeUndefined()
    expect((await advisoriesRow(fleet)).detail).toMatch(/none found here yet/)
    await remember(await online(), found)
    expect((await advisoriesRow(fleet)).detail).toBe("online (default); last found: registry.example/t:2 of 2026-11-22")
    vi.unstubAllEnvs()
  })
})
