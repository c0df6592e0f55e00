import type { Fleet } from "../fleet/fleet.ts"
import { keyless, lines, loginLine, planFile, reports, schedule, signsKeyless } from "./lines.ts"
import { headerLines } from "./names.ts"
import { parentAmong } from "./stages.ts"
import { type Yaml, yamlFile } from "./yaml.ts"

/** What the plan job leaves: a pipeline with a job for each image that has to be built. */
const familiesFile = "fairlead-families.yml"

const proposed = [{ if: '$CI_PIPELINE_SOURCE == "merge_request_event"' }]
const onMain = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
const released = [{ if: `${onMain} && $CI_PIPELINE_SOURCE != "schedule"` }]
const scheduled = (what: string) => [{ if: `$CI_PIPELINE_SOURCE == "schedule" && $FAIRLEAD_SCHEDULE == "${what}"` }]

const whole: Yaml = {
  variables: {
    // All of history: an image's revision is the last commit that changed what it is made of.
    GIT_DEPTH: "0",
    GIT_SUBMODULE_STRATEGY: "normal",
    FAIRLEAD_RUNNER: "fairlead",
  },
  default: { tags: ["$FAIRLEAD_RUNNER"], interruptible: false },
}

/** GitLab's own registry takes the job's account, others what the project keeps as variables. */
function login({ registry: { host } }: Fleet): string {
  const whose = host === "registry.gitlab.com" ? "CI" : "FAIRLEAD"
  return loginLine(host, `${whose}_REGISTRY_USER`, `${whose}_REGISTRY_PASSWORD`)
}

const withHosts = (fleet: Fleet, line: string): string[] => [
  login(fleet),
  "eval \"$(ssh-agent -s)\" && trap 'ssh-agent -k' EXIT",
  'ssh-add "$FAIRLEAD_SSH_KEY"',
  line,
]

const kept: Yaml = { when: "always", paths: ["dist/"], reports: { junit: reports.junit } }

/** GitLab's file: one pipeline for merge requests, main and the schedules. */
export const gitlabFiles = (fleet: Fleet): Record<string, string> => ({
  ".gitlab-ci.yml": yamlFile(headerLines("gitlab", "What is built, released, looked at again and deployed."), {
    ...whole,
    workflow: { rules: [...proposed, { if: onMain }] },
    stages: ["check", "plan", "ship", "released", "deploy"],
    files: {
      stage: "check",
      rules: proposed,
      script: [lines.composeIsRendered, lines.filesAreRendered("gitlab")],
    },
    "plan-proposal": planned(fleet, proposed, lines.jobsOfProposal("gitlab")),
    proposal: families("plan-proposal", proposed),
    plan: {
      "#": "What has to be built, by fingerprint: a pipeline of its own. What is unchanged gets no job there.",
      ...planned(fleet, released, lines.jobs("gitlab")),
    },
    families: { ...families("plan", released), resource_group: "fairlead-ship" },
    released: {
      "#": "All that is released now, by its signed records: one list of findings, and the SBOMs.",
      ...rescan(fleet),
      rules: released,
      needs: ["families"],
    },
    "deploy-plan": {
      "#": "What would be done on every host, for whoever approves it. FAIRLEAD_TAG names another release.",
      stage: "deploy",
      rules: released.map((rule) => ({ ...rule, when: "manual", allow_failure: true })),
      needs: ["released"],
      environment: { name: "production", action: "prepare" },
      variables: { FAIRLEAD_TAG: "current" },
      script: withHosts(fleet, lines.deployPlan('"$FAIRLEAD_TAG"')),
      artifacts: { paths: [planFile] },
    },
    deploy: {
      "#": "Who may start it is decided by the protected environment. What is no longer what would be done is refused.",
      stage: "deploy",
      rules: released.map((rule) => ({ ...rule, when: "manual", allow_failure: true })),
      needs: ["deploy-plan"],
      environment: { name: "production" },
      resource_group: "fairlead-deploy",
      script: withHosts(fleet, lines.deployApply),
    },
    rescan: {
      "#": `A pipeline schedule with FAIRLEAD_SCHEDULE=rescan, every day: ${schedule.rescan}`,
      ...rescan(fleet),
      rules: scheduled("rescan"),
    },
    prune: {
      "#": `A pipeline schedule with FAIRLEAD_SCHEDULE=prune, every week: ${schedule.prune}`,
      stage: "released",
      rules: scheduled("prune"),
      resource_group: "fairlead-deploy",
      script: withHosts(fleet, lines.prune(fleet)),
    },
  }),
})

const planned = (fleet: Fleet, rules: object[], line: string): Yaml => ({
  stage: "plan",
  rules,
  script: [login(fleet), `${line} > ${familiesFile}`],
  artifacts: { paths: [familiesFile] },
})

const families = (job: string, rules: object[]): Yaml => ({
  stage: "ship",
  rules,
  needs: [job],
  trigger: { include: [{ artifact: familiesFile, job }], strategy: "depend" },
})

const rescan = (fleet: Fleet): Yaml => ({
  stage: "released",
  script: [login(fleet), lines.rescan],
  artifacts: kept,
})

/** A job that signs as itself is given a token for Sigstore; one with a key finds it among the project's variables. */
const signing = (fleet: Fleet): Yaml =>
  signsKeyless(fleet) ? { id_tokens: { SIGSTORE_ID_TOKEN: { aud: "sigstore" } }, variables: keyless } : {}

/** The pipeline that the plan job leaves: each image waits for the one that it stands on, if that is built as well. */
export function gitlabFamilies(fleet: Fleet, images: readonly string[], dryRun: boolean): string {
  // GitLab takes no pipeline without a job.
  const nothing: Yaml = { unchanged: { script: [lines.plan] } }
  const jobs = images.map((name) => {
    const parent = parentAmong(fleet, name, images)
    return [
      name,
      {
        needs: parent === undefined ? [] : [parent],
        resource_group: dryRun ? undefined : `fairlead-ship-${name}`,
        ...(dryRun ? {} : signing(fleet)),
        script: [login(fleet), dryRun ? lines.tryOut(name) : lines.ship(name)],
        artifacts: kept,
      },
    ]
  })
  return yamlFile(["What this commit changes. Made by `fairlead ci --for gitlab --jobs`."], {
    ...whole,
    // Also where the pipeline above is a merge request's: GitLab leaves jobs without a rule out there.
    workflow: { rules: [{ when: "always" }] },
    ...(images.length === 0 ? nothing : Object.fromEntries(jobs)),
  })
}
