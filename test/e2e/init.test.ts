import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, expect, it } from "vitest"
import { registryAddress } from "../../cli/setup/registry.ts"
import { nameFor } from "../../dagger/lib/init/template.ts"
import type { ShipReport } from "../../dagger/lib/release/ship.ts"
import { digestIn, fairlead } from "./yard.ts"

let root = ""
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "fairlead-init-"))
})
afterAll(() => rm(root, { recursive: true, force: true }))

it("an empty folder ships after `fairlead init` and a commit, with nothing changed", async () => {
  const made = await fairlead(["init"], { cwd: root })
  expect([made.exitCode, made.stderr]).toEqual([0, ""])
  // What it says to type, and whose commit it is.
  const git = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
  await execa("git", ["init", "--quiet"], { cwd: root })
  await execa("git", ["add", "--all"], { cwd: root })
  await execa("git", [...git, "commit", "--quiet", "--message", "a fleet"], { cwd: root })
  expect((await fairlead(["compose", "--check"], { cwd: root })).exitCode).toBe(0)

  const told = await fairlead(["ship", "--all", "--json"], { cwd: root, env: { FAIRLEAD_REGISTRY: "" } })
  expect(told.exitCode, told.stderr).toBe(0)
  const { tag, families } = JSON.parse(told.stdout) as ShipReport
  expect(families.map(({ family }) => family)).toEqual(["base-python", "hello-base"])
  for (const { family, gates, digest, ref } of families) {
    const failed = Object.entries(gates).filter(([, { verdict }]) => !["PASS", "UNCHECKED"].includes(verdict))
    expect(failed, family).toEqual([])
    expect(ref).toBe(`${registryAddress()}/${nameFor(root)}/${family}:${tag}`)
    expect(await digestIn(nameFor(root), family, tag)).toBe(digest)
  }
})
