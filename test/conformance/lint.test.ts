import { appendFile, cp, mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { openDagger, openDocker } from "../../cli/engines.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { loadFleet } from "../../dagger/lib/fleet/load.ts"
import { dockerfilesOf, requireCleanDockerfiles } from "../../dagger/lib/lint/dockerfiles.ts"
import { candidates } from "./engines.ts"

const fleet = await loadFleet(fairleadRoot)

describe.each(candidates)("hadolint on $name", ({ name, open, skip }) => {
  const cases = skip ? it.skip : it
  let root = ""
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "lint-"))
    await cp(join(fairleadRoot, "dockerfiles"), join(root, "dockerfiles"), { recursive: true })
  })
  afterAll(() => rm(root, { recursive: true }))

  cases("finds nothing wrong with any Dockerfile", async () => {
    expect((await dockerfilesOf({ root, fleet })).length).toBeGreaterThan(4)
    const opened = await open()
    await requireCleanDockerfiles(opened.engine, { root, fleet }).finally(() => opened.close())
  })

  cases("says what is wrong, in which file and line", async () => {
    const file = "dockerfiles/family-web.Dockerfile"
    await appendFile(join(root, file), "RUN cd /tmp\n")
    const opened = await (name === "docker" ? openDocker({ root }) : openDagger({ root }))
    const lines = (await readFile(join(root, file), "utf8")).split("\n").length - 1
    await expect(requireCleanDockerfiles(opened.engine, { root, fleet }).finally(() => opened.close())).rejects.toThrow(
      `${file}:${lines} DL3003`,
    )
  })
})
