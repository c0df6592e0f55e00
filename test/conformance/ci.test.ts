import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { Ajv, type ValidateFunction } from "ajv"
import formats from "ajv-formats"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { type OpenEngine, openDocker } from "../../cli/engines.ts"
import { toolboxPart } from "../../cli/setup/toolbox.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { ciFiles, jobsText } from "../../dagger/lib/ci/ci.ts"
import { shippableImages } from "../../dagger/lib/ci/stages.ts"
import type { Artifact } from "../../dagger/lib/engine/engine.ts"
import { loadFleet } from "../../dagger/lib/fleet/load.ts"
import { smallFleet } from "../fleets/small.ts"

// What those say of the files for a CI who know its format: actionlint, GitLab's own schema, and Groovy as Jenkins has it.

const own = await loadFleet(fairleadRoot)
const elsewhere = { ...smallFleet(), registry: { host: "registry.example:5000", org: "small" } }
const subject = "https://github.com/me/fleet/.github/workflows/fairlead-ship.yml@refs/heads/main"
const signing = { identities: [{ issuer: "https://token.actions.githubusercontent.com", subject }] }
const keyless = { ...own, policy: { ...own.policy, signing } }

let folder: string
let opened: OpenEngine
beforeAll(async () => {
  for (const part of [toolboxPart("lint"), toolboxPart("groovy")])
    if ((await part.look()).state !== "ready") await part.ready(console.warn)
  folder = await mkdtemp(join(tmpdir(), "fairlead-ci-"))
  opened = await openDocker({ root: folder })
})
afterAll(async () => {
  await opened.close()
  await rm(folder, { recursive: true })
})

/** These files, in a folder of their own. */
async function written(files: Readonly<Record<string, string>>): Promise<Artifact> {
  const name = await mkdtemp(join(folder, "case-"))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(name, path)), { recursive: true })
    await writeFile(join(name, path), text)
  }
  return opened.engine.local(basename(name))
}

// Forgejo takes an action by its whole address and has a word of its own for OIDC, and actionlint is GitHub's.
const forgejoOnly = [
  'specifying action "https://data\\.forgejo\\.org/actions/[a-z-]+@[0-9a-f]{40}" in invalid format',
  'unexpected key "enable-openid-connect" for "job" section',
]

/** What actionlint says of these files, as it says it: nothing where all is well. */
async function actionlint(files: Readonly<Record<string, string>>): Promise<string> {
  const ran = await opened.engine.run({
    name: "lint workflows",
    image: "toolbox:lint",
    argv: [
      "actionlint",
      "-no-color",
      "-oneline",
      ...forgejoOnly.flatMap((each) => ["-ignore", each]),
      ...Object.keys(files).map((path) => `/in/${path}`),
    ],
    inputs: { "/in": await written(files) },
  })
  expect(ran.exitCode).toBe(ran.stdout === "" ? 0 : 1)
  return ran.stdout
}

describe("actionlint", () => {
  it.each([
    ["GitHub", "github", own],
    ["GitHub, with another registry", "github", elsewhere],
    ["GitHub, signing without a key", "github", keyless],
    ["Forgejo", "forgejo", own],
    ["Forgejo, signing without a key", "forgejo", keyless],
    ["Forgejo, with another registry", "forgejo", elsewhere],
  ] as const)("finds nothing wrong with the workflows for %s", async (_, ci, fleet) => {
    expect(await actionlint(ciFiles(fleet, ci))).toBe("")
  })

  it.each([
    ["a key that is none", "timeout-minutes: 180", "timeout-minuets: 180", /unexpected key "timeout-minuets"/],
    ["a job that is not there", "needs: [plan]", "needs: [plam]", /"plam".* does not exist/],
    [
      "an output that is not there",
      "needs.plan.outputs.stage1 ",
      "needs.plan.outputs.stage9 ",
      /property "stage9" is not/,
    ],
    ["a permission that is none", "contents: read", "contents: reed", /"reed" is invalid/],
    ["a reference to nothing", "*checkout", "*chekout", /chekout/],
  ])("would find %s", async (_, right, wrong, said) => {
    const path = ".github/workflows/fairlead-ship.yml"
    const text = ciFiles(own, "github")[path]!
    expect(text).toContain(right)
    expect(await actionlint({ [path]: text.replace(right, wrong) })).toMatch(said)
  })
})

describe("GitLab's schema", () => {
  let fits: ValidateFunction
  beforeAll(async () => {
    const ran = await opened.engine.run({
      name: "GitLab's schema",
      image: "toolbox:lint",
      argv: ["cat", "/usr/local/share/gitlab-ci/gitlab-ci.json"],
    })
    fits = formats.default(new Ajv({ strict: false, allErrors: true })).compile(JSON.parse(ran.stdout))
  })
  const wrongIn = (text: string) =>
    fits(parse(text)) ? [] : (fits.errors ?? []).map(({ instancePath }) => instancePath)

  it.each([
    ["own", own],
    ["own, signing without a key,", keyless],
    ["small", elsewhere],
  ])("takes the file for the %s fleet, and every pipeline that its plan makes", (_, fleet) => {
    const all = shippableImages(fleet)
    const pipelines = [all, all.slice(0, 1), []].flatMap((build) =>
      [true, false].map((dryRun) => jobsText(fleet, "gitlab", { build, dryRun })),
    )
    for (const text of [...Object.values(ciFiles(fleet, "gitlab")), ...pipelines]) expect(wrongIn(text)).toEqual([])
  })

  it.each([
    ["a key that is none", "script:", "skript:"],
    ["an artifact that is no path", "paths: [dist/]", "paths: dist/"],
    ["a trigger without a job", "job: plan-proposal", "jab: plan-proposal"],
  ])("would refuse %s", (_, right, wrong) => {
    const text = ciFiles(own, "gitlab")[".gitlab-ci.yml"]!
    expect(text).toContain(right)
    expect(wrongIn(text.replace(right, wrong)).length).toBeGreaterThan(0)
  })
})

describe("Groovy, as Jenkins has it", () => {
  const compiled = async (text: string) => {
    const ran = await opened.engine.run({
      name: "compile a Jenkinsfile",
      image: "toolbox:groovy",
      argv: ["groovyc", "-d", "/tmp", "/in/Jenkinsfile"],
      inputs: { "/in": await written({ Jenkinsfile: text }) },
    })
    return { exitCode: ran.exitCode, said: ran.stdout + ran.stderr }
  }
  const file = ciFiles(own, "jenkins").Jenkinsfile!

  it("compiles the Jenkinsfile", async () => {
    expect(await compiled(file)).toEqual({ exitCode: 0, said: "" })
  })

  it.each([
    ["a bracket that is missing", "def ship(String name) {", "def ship(String name {"],
    ["a text without its end", "label 'fairlead'", "label 'fairlead"],
  ])("would refuse %s", async (_, right, wrong) => {
    expect(file).toContain(right)
    const { exitCode, said } = await compiled(file.replace(right, wrong))
    expect([exitCode, said]).toEqual([1, expect.stringMatching(/Jenkinsfile: \d+:/)])
  })
})
