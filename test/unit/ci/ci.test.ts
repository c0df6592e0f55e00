import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import pLimit from "p-limit"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { ciFiles, jobsText } from "../../../dagger/lib/ci/ci.ts"
import { requireWritten } from "../../../dagger/lib/ci/drift.ts"
import { type CiName, ciNames } from "../../../dagger/lib/ci/names.ts"
import { neededOf } from "../../../dagger/lib/ci/needed.ts"
import { shippableImages, stagesOf } from "../../../dagger/lib/ci/stages.ts"
import { lineage } from "../../../dagger/lib/fleet/hierarchy.ts"
import { loadFleet } from "../../../dagger/lib/fleet/load.ts"
import type { Plan } from "../../../dagger/lib/plan/plan.ts"
import { smallFleet } from "../../fleets/small.ts"
import { fairleadLines, parsed } from "./lines.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const own = await loadFleet(root)
const small = smallFleet()
const on = (host: string) => ({ ...small, registry: { host, org: "small" } })

const subject = "https://github.com/me/fleet/.github/workflows/fairlead-ship.yml@refs/heads/main"
const signing = { identities: [{ issuer: "https://token.actions.githubusercontent.com", subject }] }
const keyless = { ...own, policy: { ...own.policy, signing } }

// biome-ignore lint/suspicious/noExplicitAny: what was rendered, as a CI finds it
type Seen = any

const workflow = (ci: CiName, name: string, fleet = own): Seen => {
  const [path, text] = Object.entries(ciFiles(fleet, ci)).find(([path]) => path.endsWith(`fairlead-${name}.yml`))!
  expect(path).toBe(`.${ci}/workflows/fairlead-${name}.yml`)
  return parse(text)
}
const everyFile = ciNames.flatMap((ci) =>
  [own, small, on("registry.gitlab.com"), on("registry.example:5000")].flatMap((fleet) =>
    Object.entries(ciFiles(fleet, ci)).map(([path, text]) => ({ ci, path, text })),
  ),
)

describe("every file of a CI", () => {
  it("runs Fairlead by lines that the command line knows, and by one in each step", async () => {
    const lines = everyFile.flatMap(({ path, text }) => fairleadLines(path, text))
    for (const line of new Set(lines)) await parsed(line)
    const verbs = new Set(lines.map((line) => line.split(" ")[1]))
    expect([...verbs].sort()).toEqual(["ci", "compose", "deploy", "prune", "rescan", "ship"])
  })

  it.each([
    ["a verb", "./fairlead shipp --all"],
    ["a flag", "./fairlead ship --famly web"],
    ["what a flag takes", "./fairlead ci --for circle"],
    ["what a flag needs", "./fairlead ci --check"],
    ["a second line", "./fairlead plan --all && ./fairlead ship --all"],
  ])("would be found out for %s that is not there", async (_, line) => {
    await expect(parsed(line)).rejects.toThrow()
  })

  it("says who made it and how it is compared", () => {
    for (const { ci, text } of everyFile) {
      expect(text.slice(0, 600)).toContain(`Made by \`fairlead ci --for ${ci}\` from fleet.yaml`)
      expect(text.slice(0, 600)).toContain(`\`fairlead ci --for ${ci} --check\` compares them`)
    }
  })

  it("hands no secret to a command as an argument", () => {
    for (const { text } of everyFile) {
      expect(text).not.toMatch(/--password[ =]/)
      for (const line of text.split("\n").filter((each) => /^\s*(- )?run: .*\$\{\{/.test(each)))
        throw new Error(`an expression in a shell's line: ${line}`)
    }
  })

  it("names an action by its commit, and its version beside it", () => {
    const uses = everyFile.flatMap(({ text }) => text.split("\n").filter((line) => /^\s*(- )?uses:/.test(line)))
    expect(uses.length).toBeGreaterThan(20)
    for (const line of uses) expect(line).toMatch(/uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+\S*$/)
  })
})

describe.each(["github", "forgejo"] as const)("the workflows for %s", (ci) => {
  const jobs: [string, Seen][] = ["check", "ship", "deploy", "rescan", "prune"].flatMap((name) =>
    Object.entries(workflow(ci, name).jobs).map(([job, is]): [string, Seen] => [`${name}: ${job}`, is]),
  )

  it("have a matrix for each stage of the hierarchy, which waits for the one before", () => {
    const { jobs } = workflow(ci, "ship")
    expect(Object.keys(jobs)).toEqual(["plan", ...[1, 2, 3, 4, 5, 6].map((each) => `stage${each}`), "released"])
    expect(jobs.plan.outputs.stage5).toBe("${{ steps.plan.outputs.stage5 }}")
    expect(jobs.stage1.needs).toEqual(["plan"])
    expect(jobs.stage3.needs).toEqual(["plan", "stage2"])
    expect(jobs.stage3.if).toContain("needs.plan.outputs.stage3 != '[]'")
    expect(jobs.stage3.strategy).toEqual({
      "fail-fast": false,
      matrix: { family: "${{ fromJSON(needs.plan.outputs.stage3) }}" },
    })
    expect(jobs.stage3.steps).toEqual(jobs.stage1.steps)
  })

  it("check out all of history, and keep no token in the checkout", () => {
    for (const [, { steps }] of jobs)
      expect(steps[0].with).toEqual({ "fetch-depth": 0, submodules: true, "persist-credentials": false })
  })

  it("publish nothing for a pull request, and know no secret but the registry's there", () => {
    const text = JSON.stringify(workflow(ci, "check"))
    for (const line of fairleadLines("check.yml", text).filter((line) => line.includes("./fairlead ship")))
      expect(line).toContain("--dry-run")
    expect(text).not.toMatch(/COSIGN|SSH_KEY/)
  })

  it("let one rollout go on at a time, and none be cut off", () => {
    expect(workflow(ci, "deploy").concurrency).toEqual({ group: "fairlead-deploy", "cancel-in-progress": false })
    expect(workflow(ci, "deploy").jobs.deploy.needs).toEqual(["plan"])
  })

  it("look at what is released every day, and prune every week", () => {
    expect(workflow(ci, "rescan").on.schedule).toEqual([{ cron: expect.stringMatching(/^\d+ \d+ \* \* \*$/) }])
    expect(workflow(ci, "prune").on.schedule).toEqual([{ cron: expect.stringMatching(/^\d+ \d+ \* \* 0$/) }])
    expect(workflow(ci, "prune").concurrency).toEqual(workflow(ci, "deploy").concurrency)
  })
})

describe("the workflows for GitHub", () => {
  const permissions = (name: string) =>
    Object.fromEntries(Object.entries<Seen>(workflow("github", name).jobs).map(([job, is]) => [job, is.permissions]))
  const read = { contents: "read", packages: "read" }

  it("give each job's token what it needs and no more", () => {
    for (const name of ["check", "ship", "deploy", "rescan", "prune"])
      expect(workflow("github", name).permissions).toEqual({})
    expect(permissions("check")).toEqual({ files: { contents: "read" }, plan: read, stage1: read })
    expect(permissions("ship")).toMatchObject({
      plan: read,
      stage1: { contents: "read", packages: "write" },
      released: { ...read, actions: "read", "security-events": "write" },
    })
    expect(permissions("deploy")).toEqual({ plan: read, deploy: read })
  })

  it("ask for nothing of GitHub's registry where images go elsewhere", () => {
    const { jobs } = workflow("github", "ship", on("registry.example"))
    expect(jobs.stage1.permissions).toEqual({ contents: "read" })
    expect(JSON.stringify(jobs.stage1.steps)).toContain("secrets.FAIRLEAD_REGISTRY_PASSWORD")
    expect(JSON.stringify(jobs.stage1.steps)).not.toContain("GITHUB_TOKEN")
  })

  it("deploy what somebody saw and approved", () => {
    const { plan, deploy } = workflow("github", "deploy").jobs
    expect([plan.environment, deploy.environment]).toEqual(["maintenance", "production"])
    expect(JSON.stringify(plan.steps)).toContain("--plan --out fairlead-plan.json")
    expect(JSON.stringify(deploy.steps)).toContain("--apply fairlead-plan.json")
  })

  it("tell code scanning what is found, and keep the SBOMs", () => {
    for (const job of [workflow("github", "ship").jobs.released, workflow("github", "rescan").jobs.rescan]) {
      const text = JSON.stringify(job.steps)
      expect(text).toContain("--sboms dist/sboms")
      expect(text).toContain('"sarif_file":"dist/fairlead.sarif"')
      expect(text).toContain('"path":"dist/"')
    }
  })

  it("remove nothing from a registry that would refuse it", () => {
    const prune = (fleet: typeof own) => JSON.stringify(workflow("github", "prune", fleet).jobs.prune.steps)
    expect(prune(on("ghcr.io"))).toContain("prune --yard fleet --hosts-only")
    expect(prune(on("registry.example"))).not.toContain("--hosts-only")
  })

  it("of this repository are what its fleet.yaml says", async () => {
    await requireWritten(root, "github", ciFiles(own, "github"))
  })
})

describe("where fleet.yaml trusts identities", () => {
  /** A file's jobs, each as text: what they are allowed, what they are told, what they run. */
  const jobsOf = (ci: CiName, name: string, fleet: typeof own) =>
    Object.entries<Seen>(workflow(ci, name, fleet).jobs).map(([job, is]): [string, string] => [job, JSON.stringify(is)])

  it.each([
    ["github", '"id-token":"write"'],
    ["forgejo", '"enable-openid-connect":true'],
  ] as const)("%s gives jobs that ship an OIDC token in place of a key, and no other job", (ci, token) => {
    for (const name of ["check", "ship", "deploy", "rescan", "prune"])
      for (const [job, text] of jobsOf(ci, name, keyless)) {
        const ships = name === "ship" && job.startsWith("stage")
        const seen = { token: text.includes(token), told: text.includes('"FAIRLEAD_SIGNING":"keyless"') }
        expect([name, job, seen]).toEqual([name, job, { token: ships, told: ships }])
        expect(text).not.toMatch(/COSIGN|FAIRLEAD_SIGNING_KEY/)
      }
    for (const [, text] of jobsOf(ci, "ship", own)) expect(text).not.toContain(token)
  })

  it("GitHub's jobs that ship may do nothing else more", () => {
    const { permissions } = workflow("github", "ship", keyless).jobs.stage1
    expect(permissions).toEqual({ contents: "read", packages: "write", "id-token": "write" })
  })

  it("GitLab gives a token for Sigstore to jobs that ship, and none to those that try", () => {
    const images = { build: ["base-utils"] }
    expect(parse(jobsText(keyless, "gitlab", images))["base-utils"]).toMatchObject({
      id_tokens: { SIGSTORE_ID_TOKEN: { aud: "sigstore" } },
      variables: { FAIRLEAD_SIGNING: "keyless" },
    })
    for (const text of [jobsText(keyless, "gitlab", { ...images, dryRun: true }), jobsText(own, "gitlab", images)])
      expect(text).not.toMatch(/id_tokens|FAIRLEAD_SIGNING/)
    for (const text of Object.values(ciFiles(keyless, "gitlab"))) expect(text).not.toContain("id_tokens")
  })

  it("Jenkins, which has no such tokens, signs with its key", () => {
    expect(ciFiles(keyless, "jenkins")).toEqual(ciFiles(own, "jenkins"))
  })
})

describe("the jobs of a commit", () => {
  const all = shippableImages(own)

  it("come in stages, parents first, without families that cannot be built", () => {
    const stages = stagesOf(own, all)
    expect(stages[0]).toEqual(["base-python", "legacy-py310-cpu"])
    const { dockerfile: _, ...llm } = own.families["family-llm-cu121"]!
    const declared = { ...own, families: { ...own.families, "family-llm-cu121": llm } }
    expect(shippableImages(declared)).not.toContain("family-llm-cu121")
    const done = new Set<string>()
    for (const stage of stages) {
      for (const name of stage)
        for (const { name: parent } of lineage(own, name).slice(0, -1)) expect(done).toContain(parent)
      for (const name of stage) done.add(name)
    }
    expect([...done].sort()).toEqual([...all].sort())
  })

  it("are outputs of a step for GitHub and Forgejo, empty lists among them", () => {
    for (const ci of ["github", "forgejo"] as const)
      expect(jobsText(small, ci, { build: ["middle", "top"] })).toBe('stage1=[]\nstage2=["middle"]\nstage3=["top"]\n')
  })

  it("are a line for each stage for Jenkins", () => {
    expect(jobsText(small, "jenkins", { build: ["middle", "top"] })).toBe("\nmiddle\ntop\n")
  })

  it("are a pipeline for GitLab, in which an image waits for the one that it stands on", () => {
    const pipeline = parse(jobsText(small, "gitlab", { build: ["bottom", "top"] }))
    expect(pipeline.bottom.needs).toEqual([])
    expect(pipeline.top.needs).toEqual(["bottom"])
    expect(pipeline.middle).toBeUndefined()
    expect(pipeline.top.script.at(-1)).toContain("./fairlead ship --family top")
  })

  it("are runnable lines there as well", async () => {
    for (const dryRun of [true, false])
      for (const build of [all, []])
        for (const line of fairleadLines("a.yml", jobsText(own, "gitlab", { build, dryRun }))) await parsed(line)
  })

  it("are one where nothing has to be built, since GitLab takes no pipeline without", () => {
    expect(parse(jobsText(small, "gitlab", { build: [] })).unchanged.script).toEqual(["./fairlead plan --all"])
  })

  it("of a proposal build what no other image stands on, and publish nothing", () => {
    expect(
      jobsText(own, "github", {
        build: ["base-utils", "base-cpu-pydeps", "family-web", "base-gpu-cu121"],
        dryRun: true,
      }),
    ).toBe('stage1=["family-web","base-gpu-cu121"]\n')
    const { top } = parse(jobsText(small, "gitlab", { build: ["middle", "top"], dryRun: true }))
    expect(top.script.at(-1)).toContain("--dry-run")
  })
})

describe("what has to be built", () => {
  const plan = {
    families: ["same", "new", "back"].map((family) => ({ family, fingerprint: `print-${family}` })),
  } as unknown as Plan
  const tags: Record<string, string> = {
    "same:fp-print-same": "sha256:1",
    "same:current": "sha256:1",
    "new:current": "sha256:2",
    "back:fp-print-back": "sha256:3",
    "back:current": "sha256:4",
  }

  it("is what the registry has not by this fingerprint, or has and does not release now", async () => {
    const registry = { digestOf: async (family: string, tag: string) => tags[`${family}:${tag}`] }
    expect(await neededOf(registry, plan, pLimit(2))).toEqual(["new", "back"])
  })
})

describe("files that differ", () => {
  const files = ciFiles(small, "github")
  const written = async (change: (folder: string) => Promise<void>): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), "fairlead-ci-"))
    try {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true })
        await writeFile(join(folder, path), text)
      }
      await change(folder)
      return await requireWritten(folder, "github", files).then(
        () => "",
        (error: Error & { exitCode: number }) => `${error.message}\nexit code ${error.exitCode}`,
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  }
  const ship = ".github/workflows/fairlead-ship.yml"

  it("are none where nothing was touched, nor are other people's workflows", async () => {
    expect(await written((folder) => writeFile(join(folder, ".github/workflows/mine.yml"), "name: mine\n"))).toBe("")
  })

  it("are told with the line", async () => {
    const said = await written(async (folder) =>
      writeFile(join(folder, ship), (await readFile(join(folder, ship), "utf8")).replace("fairlead-ship\n", "other\n")),
    )
    expect(said).toContain(`${ship}: is not what fleet.yaml says (line 1`)
    expect(said).toContain("run `fairlead ci --for github` and commit the files")
    expect(said).toContain("exit code 1")
  })

  it("are told where one is missing, and where one is left over", async () => {
    const said = await written(async (folder) => {
      await rm(join(folder, ship))
      await writeFile(join(folder, ".github/workflows/fairlead-old.yml"), files[ship]!)
    })
    expect(said).toContain(`${ship}: is not there`)
    expect(said).toContain(".github/workflows/fairlead-old.yml: is no longer written")
  })
})
