import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Ajv } from "ajv"
import { afterEach, describe, expect, it } from "vitest"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { wavesOf } from "../../../dagger/lib/fleet/waves.ts"
import { type Evidence, nothingRecorded } from "../../../dagger/lib/phases/evidence.ts"
import { lookAtRepository, type RepositoryFacts } from "../../../dagger/lib/phases/repository.ts"
import { phaseAnswers } from "../../../dagger/lib/phases/table.ts"
import { documentSchema } from "../../../dagger/lib/report/documents.ts"
import { phasesText } from "../../../dagger/lib/report/phases.ts"
import { changed } from "../fleet/small.ts"
import { answer, contents, finding, h11, now, record, risk, unchecked } from "../risks/records.ts"

// Every family of it can be built, and what cuda freezes has a lock.
const fleet = parseFleet(
  changed(
    "lock: locks/plain.lock,",
    "lock: locks/plain.lock, dockerfile: dockerfiles/plain.Dockerfile,",
    "parent: root, gpu: true,",
    "parent: root, gpu: true, lock: locks/cuda.lock, dockerfile: dockerfiles/cuda.Dockerfile,",
    "description: Models, parent: cuda,",
    "description: Models, parent: cuda, dockerfile: dockerfiles/llm.Dockerfile,",
  ),
)
const families = Object.keys(fleet.families)
const gates = { contract: answer(), smoke: answer(), audit: answer(), scan: answer(), sbom: answer(), size: answer() }
const records = Object.fromEntries(families.map((family) => [family, record(family, gates)]))
const digest = records.root!.digest
const hash = `--hash=sha256:${"0".repeat(64)}`
const instances = wavesOf(fleet).flatMap((wave) =>
  wave.instances.map(({ service, host }) => ({ service: service.name, host, image: service.family, digest })),
)
const repository: RepositoryFacts = {
  locks: {
    "locks/plain.lock": { packages: [], problems: [] },
    "locks/cuda.lock": { packages: [{ name: "torch", version: "2.2.2+cu121", hashes: 1, line: 1 }], problems: [] },
  },
  missingDockerfiles: [],
  ci: [{ path: ".gitlab-ci.yml", ships: true }],
}

/** Evidence that proves every phase. */
const all: Evidence = {
  fleet,
  records,
  risks: [],
  now,
  repository,
  releases: families.map((family) => ({ family, ref: `127.0.0.1:5000/small/${family}:1`, digest })),
  operations: {
    shippedInCi: [{ run: "https://ci.example/1" }],
    rolledOut: instances,
    reported: instances,
    rolledBack: [{ host: "one" }, { host: "two" }],
    pinned: [{ host: "one" }, { host: "two" }],
  },
}

const done = (evidence: Evidence) =>
  phaseAnswers(evidence)
    .filter((each) => each.done)
    .map(({ phase }) => phase)
const missing = (phase: number, evidence: Evidence) => phaseAnswers(evidence)[phase]!.missing
const withGates = (family: string, more: object) => ({
  ...all,
  records: { ...records, [family]: record(family, { ...gates, ...more }) },
})

describe("the nine phases", () => {
  it("are all done where records prove each of them", () => expect(done(all)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]))

  it("are none where there is no record", () => {
    const nothing = { ...all, records: {}, releases: [], operations: nothingRecorded }
    expect(done(nothing)).toEqual([])
    for (const { phase, missing } of phaseAnswers(nothing)) expect([phase, missing.length > 0]).toEqual([phase, true])
  })

  it("fit their schema, and are told with what is missing", () => {
    const valid = new Ajv({ strict: false }).compile(documentSchema("phases"))
    const phases = phaseAnswers({ ...all, operations: nothingRecorded })
    expect([valid({ schema: 1, at: now.toISOString(), yard: "fleet.yaml", phases }), valid.errors]).toEqual([
      true,
      null,
    ])
    const text = phasesText(phases)
    expect(text).toMatch(/1 {2}build and push the families: done/)
    expect(text).toMatch(/8 {2}rollback by -prev and FORCE_IMAGE_TAG: .*open.*, 4 missing, 0 proved/)
    expect(text).toMatch(/3 of 9 done, by records$/)
  })
})

describe("UNCHECKED proves nothing", () => {
  it.each([
    ["audit", [0, 3, 4, 5, 6, 7, 8]],
    ["scan", [0, 2, 4, 5, 6, 7, 8]],
  ])("in %s", (gate, left) => expect(done(withGates("plain", { [gate]: unchecked() }))).toEqual(left))
})

describe("phase 0", () => {
  it("wants what is frozen in a lock, in that version", () => {
    const old = {
      ...repository.locks,
      "locks/cuda.lock": { packages: [{ name: "torch", version: "2.3.1", hashes: 1, line: 1 }], problems: [] },
    }
    expect(missing(0, { ...all, repository: { ...repository, locks: old } })).toEqual([
      "locks/cuda.lock does not hold torch 2.2.2",
    ])
    const bare = parseFleet(changed())
    expect(missing(0, { ...all, fleet: bare })).toEqual(["cuda freezes torch 2.2.2, and no lock of it holds that"])
  })

  it("wants locks that are there and hashed, and the image seen to hold what is frozen", () => {
    const locks = { ...repository.locks, "locks/plain.lock": undefined }
    expect(missing(0, { ...all, repository: { ...repository, locks } })).toEqual([
      "locks/plain.lock: fleet.yaml names it, and it is not there",
    ])
    expect(missing(0, withGates("cuda", { contract: answer([h11]) }))).toEqual([
      "cuda: contract is FAIL, and only PASS or ACCEPTED proves it",
    ])
  })
})

describe("phase 1", () => {
  it("wants a Dockerfile, a record, every gate's answer and a published ref of each family", () => {
    const { smoke: _, ...without } = gates
    const evidence = {
      ...all,
      fleet: parseFleet(
        changed(
          "description: Models, parent: cuda,",
          "description: Models, parent: cuda, dockerfile: dockerfiles/llm.Dockerfile,",
        ),
      ),
      records: { root: record("root", without), llm: records.llm },
      releases: [{ family: "llm", ref: "x", digest: `sha256:${"0".repeat(64)}` }],
    }
    expect(missing(1, evidence)).toEqual([
      "root: its newest record has no answer of smoke: `fairlead ship --family root` asks it",
      "root: no record says that sha256:aaaaaaaaaaaa was published: `fairlead ship --family root` publishes it",
      "plain: has no Dockerfile: families.plain.dockerfile in fleet.yaml",
      "cuda: has no Dockerfile: families.cuda.dockerfile in fleet.yaml",
      "llm: no record says that sha256:aaaaaaaaaaaa was published: `fairlead ship --family llm` publishes it",
    ])
  })

  it("counts ACCEPTED as long as the acceptance holds", () => {
    const accepted = [
      { ...finding(h11), id: "CVE-2099-0001", package: "h11", reason: "x", by: "x", reviewBy: "2027-02-20" },
    ]
    const evidence = {
      ...withGates("plain", { scan: answer([], { verdict: "ACCEPTED", accepted }) }),
      risks: [risk({ families: { plain: contents } })],
    }
    expect(done(evidence)).toContain(1)
    expect(missing(1, { ...evidence, now: new Date("2027-02-21") })).toEqual([
      "plain: scan is FAIL: what it accepted no longer holds, and only PASS or ACCEPTED proves it",
    ])
  })
})

describe("phase 3", () => {
  it("wants a CI file that ships, and a run of it", () => {
    const none = { ...all, repository: { ...repository, ci: [{ path: ".gitlab-ci.yml", ships: false }] } }
    expect(missing(3, none)[0]).toMatch(/^no CI file runs `fairlead ship`/)
    expect(missing(3, { ...all, operations: { ...all.operations, shippedInCi: [] } })[0]).toMatch(
      /^no record of a run in CI/,
    )
  })
})

describe("phases 4 to 7", () => {
  it("want every instance on its host with the newest image: another digest proves nothing", () => {
    const old = instances.map((each) => ({ ...each, digest: `sha256:${"0".repeat(64)}` }))
    expect(done({ ...all, operations: { ...all.operations, rolledOut: old, reported: old } })).toEqual([0, 1, 2, 3, 8])
  })

  it("name the services that no record shows, by host", () => {
    const rolledOut = instances.filter(({ service, host }) => !(service === "FirstService" && host === "two"))
    expect(missing(4, { ...all, operations: { ...all.operations, rolledOut } })).toEqual([
      "two: no record of a rollout that ended healthy with the newest image for FirstService; `fairlead deploy` writes it",
    ])
  })

  it("leave no service of the fleet out", () => {
    const open = phaseAnswers({ ...all, operations: nothingRecorded }).filter(({ phase }) => phase >= 4 && phase <= 6)
    const text = open.flatMap(({ missing }) => missing).join("\n")
    for (const name of Object.keys(fleet.services)) expect(text).toContain(name)
  })
})

describe("the repository", () => {
  let root = ""
  afterEach(() => rm(root, { recursive: true, force: true }))
  const look = async (files: Record<string, string>) => {
    root = await mkdtemp(join(tmpdir(), "phases-"))
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), text)
    }
    return lookAtRepository(root, fleet)
  }

  it("is read for locks and Dockerfiles", async () => {
    const found = await look({ "locks/cuda.lock": `torch==2.2.2 ${hash}\n`, "dockerfiles/root.Dockerfile": "FROM x\n" })
    expect(found.locks["locks/cuda.lock"]?.packages).toMatchObject([{ name: "torch", version: "2.2.2" }])
    expect(found.locks["locks/plain.lock"]).toBeUndefined()
    expect(found.missingDockerfiles).not.toContain("dockerfiles/root.Dockerfile")
    expect(found.missingDockerfiles).toContain("dockerfiles/llm.Dockerfile")
  })

  it("is read for CI files: one that is broken, or only speaks of ship, does not ship", async () => {
    const found = await look({
      ".github/workflows/a.yml": "jobs:\n  a: { steps: [{ run: ./fairlead ship --all }] }\n",
      ".github/workflows/b.yml": "jobs: {\n",
      ".github/workflows/c.yaml": "# ./fairlead ship\njobs: { a: { run: make } }\n",
      ".gitlab-ci.yml": "ship: { script: [dagger call ship] }\n",
    })
    expect(found.ci.map(({ path, ships, broken }) => [path, ships, broken !== undefined])).toEqual([
      [".github/workflows/a.yml", true, false],
      [".github/workflows/b.yml", false, true],
      [".github/workflows/c.yaml", false, false],
      [".gitlab-ci.yml", true, false],
    ])
  })
})
