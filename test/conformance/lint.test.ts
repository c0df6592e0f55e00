import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type OpenEngine, openDocker } from "../../cli/engines.ts"
import { fairleadRoot } from "../../cli/version.ts"

let opened: OpenEngine
beforeAll(async () => {
  opened = await openDocker({ root: fairleadRoot })
})
afterAll(() => opened.close())

it("finds nothing wrong with any Dockerfile", async () => {
  const names = (await readdir(join(fairleadRoot, "dockerfiles"))).filter((name) => name.endsWith(".Dockerfile"))
  expect(names.length).toBeGreaterThan(4)
  const ran = await opened.engine.run({
    name: "lint Dockerfiles",
    image: "toolbox:lint",
    argv: ["hadolint", "--config", "/in/.hadolint.yaml", ...names.map((name) => `/in/${name}`)],
    inputs: { "/in": opened.engine.local("dockerfiles") },
  })
  expect([ran.stdout, ran.exitCode]).toEqual(["", 0])
})
