import type { Fleet } from "../fleet/fleet.ts"
import {
  checkout,
  type Dialect,
  docker,
  download,
  job,
  login,
  reading,
  scanned,
  scanning,
  signingOf,
  upload,
  value,
  withHosts,
  writing,
} from "./actions.ts"
import { lines, planFile, reports, schedule } from "./lines.ts"
import { headerLines } from "./names.ts"
import { stageCount } from "./stages.ts"
import { namedList, type Yaml, yamlFile } from "./yaml.ts"

interface On {
  fleet: Fleet
  dialect: Dialect
  /** What jobs begin with. A file says it once, and refers to it. */
  checkout: Yaml
  ready: Yaml[]
}

/** The workflows of GitHub Actions or Forgejo Actions, by path. */
export function workflowFiles(fleet: Fleet, dialect: Dialect): Record<string, string> {
  const file = (name: string, what: string, content: (on: On) => Yaml): [string, string] => {
    const first = checkout(dialect)
    const on = { fleet, dialect, checkout: first, ready: [first, ...docker(dialect), login(dialect, fleet)] }
    const text = yamlFile(headerLines(dialect.ci, what), { name, ...content(on) }, "jobs")
    return [`${dialect.folder}/fairlead-${name}.yml`, text]
  }
  return Object.fromEntries([
    file("check", "What a pull request would release, built and looked at; nothing is published.", check),
    file("ship", "What a commit on main changes, built, looked at and published.", ship),
    file("deploy", "What is released, to the hosts: planned, then approved, then carried out.", deploy),
    file("rescan", "Every day: what was good when it was released may not be by now.", rescanned),
    file("prune", "Every week: what runs, is pinned or is gone back to stays, so hosts are asked first.", pruned),
  ])
}

/** A workflow's own token may do nothing; each job says what it needs. */
const quiet = ({ dialect }: On): Yaml => (dialect.permissions ? { permissions: {} } : {})

function check(on: On): Yaml {
  const { fleet, dialect } = on
  return {
    on: { pull_request: null },
    concurrency: { group: `fairlead-check-${value("github.ref")}`, "cancel-in-progress": true },
    ...quiet(on),
    jobs: {
      files: job(dialect, { name: "rendered files", permissions: { contents: "read" }, "timeout-minutes": 15 }, [
        on.checkout,
        { run: lines.composeIsRendered },
        { run: lines.filesAreRendered(dialect.ci) },
      ]),
      plan: plan(on, lines.jobsOfProposal(dialect.ci), 1),
      stage1: job(
        dialect,
        {
          "#": "A job for each image that no other one stands on: it builds what it stands on as well.",
          ...matrix("try", 1),
          permissions: reading(fleet),
        },
        [
          ...on.ready,
          { env: { FAMILY: value("matrix.family") }, run: lines.tryOut('"$FAMILY"') },
          upload(dialect, `try-${value("matrix.family")}`, "dist/"),
        ],
      ),
    },
  }
}

function ship(on: On): Yaml {
  const { fleet, dialect } = on
  const stages = Array.from({ length: stageCount(fleet) }, (_, index) => index + 1)
  const steps = shipping(on)
  return {
    on: { push: { branches: ["main"] }, workflow_dispatch: null },
    concurrency: { group: "fairlead-ship", "cancel-in-progress": false },
    ...quiet(on),
    jobs: {
      plan: plan(on, lines.jobs(dialect.ci), stages.length),
      ...Object.fromEntries(stages.map((stage) => [`stage${stage}`, shipped(on, stage, steps)])),
      released: job(
        dialect,
        {
          "#": "All that is released now, by its signed records: one list of findings, and the SBOMs.",
          name: "what is released now",
          needs: ["plan", ...stages.map((stage) => `stage${stage}`)],
          if: value("!cancelled() && needs.plan.result == 'success'"),
          permissions: { ...reading(fleet), ...scanned(dialect) },
        },
        rescan(on),
      ),
    },
  }
}

const plan = ({ fleet, dialect, ready }: On, line: string, stages: number): Yaml =>
  job(
    dialect,
    {
      "#": "What has to be built, by fingerprint: the matrix of the jobs below. What is unchanged gets no job.",
      name: "plan",
      permissions: reading(fleet),
      outputs: Object.fromEntries(
        Array.from({ length: stages }, (_, index) => `stage${index + 1}`).map((stage) => [
          stage,
          value(`steps.plan.outputs.${stage}`),
        ]),
      ),
    },
    [...ready, { id: "plan", run: `${line} >> "$GITHUB_OUTPUT"` }],
  )

function matrix(verb: string, stage: number): Yaml & { name: string } {
  const families = `needs.plan.outputs.stage${stage}`
  return {
    name: `${verb} ${value("matrix.family")}`,
    needs: stage === 1 ? ["plan"] : ["plan", `stage${stage - 1}`],
    if: value(`!cancelled() && needs.plan.result == 'success' && ${families} != '[]'`),
    strategy: { "fail-fast": false, matrix: { family: value(`fromJSON(${families})`) } },
  }
}

/** A stage of the hierarchy, after the one before it. */
const shipped = ({ fleet, dialect }: On, stage: number, steps: Yaml[]): Yaml =>
  job(
    dialect,
    {
      ...(stage === 2
        ? { "#": "Children wait for their parents' stage. One that failed stops its own children and nothing else." }
        : {}),
      ...matrix("ship", stage),
      permissions: { ...writing(fleet), ...signingOf(dialect, fleet).permissions },
      ...signingOf(dialect, fleet).job,
    },
    steps,
  )

const shipping = ({ fleet, dialect, ready }: On): Yaml[] =>
  namedList("ship", [
    ...ready,
    ...signingOf(dialect, fleet).steps,
    { env: { FAMILY: value("matrix.family"), ...signingOf(dialect, fleet).env }, run: lines.ship('"$FAMILY"') },
    upload(dialect, `ship-${value("matrix.family")}`, "dist/"),
  ])

/** The job's summary is Markdown that the verb appends by itself. */
const rescan = ({ dialect, ready }: On): Yaml[] => [
  ...ready,
  { run: lines.rescan },
  ...scanning(dialect, reports.sarif),
  upload(dialect, "released", "dist/"),
]

function deploy(on: On): Yaml {
  const { fleet, dialect, ready } = on
  const asked = dialect.environments ? "The environment's reviewers decide. " : ""
  return {
    on: {
      workflow_dispatch: {
        inputs: { tag: { description: "the release", type: "string", required: true, default: "current" } },
      },
    },
    concurrency: { group: "fairlead-deploy", "cancel-in-progress": false },
    ...quiet(on),
    jobs: {
      plan: job(
        dialect,
        {
          "#": "What would be done on every host, for whoever approves it.",
          name: "plan",
          environment: "maintenance",
          permissions: reading(fleet),
          hosts: true,
        },
        [
          ...ready,
          withHosts("plan", lines.deployPlan('"$TAG"'), { TAG: value("inputs.tag") }),
          upload(dialect, "plan", planFile),
        ],
      ),
      deploy: job(
        dialect,
        {
          "#": `${asked}What is no longer what would be done is refused, with both digests.`,
          name: "deploy",
          needs: ["plan"],
          environment: "production",
          permissions: reading(fleet),
          hosts: true,
        },
        [...ready, download(dialect, "plan"), withHosts("deploy", lines.deployApply)],
      ),
    },
  }
}

const every = (cron: string): Yaml => ({ schedule: [{ cron }], workflow_dispatch: null })

const rescanned = (on: On): Yaml => ({
  on: every(schedule.rescan),
  concurrency: { group: "fairlead-rescan", "cancel-in-progress": false },
  ...quiet(on),
  jobs: {
    rescan: job(
      on.dialect,
      { name: "rescan", permissions: { ...reading(on.fleet), ...scanned(on.dialect) } },
      rescan(on),
    ),
  },
})

const pruned = (on: On): Yaml => ({
  on: every(schedule.prune),
  // Not while a rollout goes on.
  concurrency: { group: "fairlead-deploy", "cancel-in-progress": false },
  ...quiet(on),
  jobs: {
    prune: job(on.dialect, { name: "prune", environment: "maintenance", permissions: writing(on.fleet), hosts: true }, [
      ...on.ready,
      withHosts("prune", lines.prune(on.fleet)),
    ]),
  },
})
