import type { Fleet } from "../fleet/fleet.ts"
import { keyless, loginLine, signsKeyless } from "./lines.ts"
import { remarked, type Yaml } from "./yaml.ts"

/** What GitHub Actions and Forgejo Actions do not have in common. */
export interface Dialect {
  ci: "github" | "forgejo"
  folder: string
  /** Where jobs run unless a variable of the repository says otherwise. */
  runner: string
  actions: { checkout: Pin; upload: Pin; download: Pin; sarif?: Pin }
  /** The automatic token gets only what a job says. */
  permissions: boolean
  /** Environments keep secrets, and let somebody approve. */
  environments: boolean
  /** What a job says so that it may have an OIDC token, beside what its own token may do. */
  identity: { permissions: Yaml; job: Yaml }
}

/** An action by its commit, as a tag may be moved to another one. */
interface Pin {
  uses: string
  version: string
}

export const github: Dialect = {
  ci: "github",
  folder: ".github/workflows",
  runner: "ubuntu-24.04",
  actions: {
    checkout: { uses: "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", version: "v7.0.1" },
    upload: { uses: "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", version: "v7.0.0" },
    download: { uses: "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", version: "v8.0.1" },
    sarif: { uses: "github/codeql-action/upload-sarif@8aad20d150bbac5944a9f9d289da16a4b0d87c1e", version: "v4.36.2" },
  },
  permissions: true,
  environments: true,
  identity: { permissions: { "id-token": "write" }, job: {} },
}

// Forgejo takes the artifacts of version 3 of GitHub's actions: later ones refuse every server but GitHub's own.
const forgejoActions = "https://data.forgejo.org/actions"

export const forgejo: Dialect = {
  ci: "forgejo",
  folder: ".forgejo/workflows",
  runner: "docker",
  actions: {
    checkout: { uses: `${forgejoActions}/checkout@11d5960a326750d5838078e36cf38b85af677262`, version: "v4.4.0" },
    upload: {
      uses: `${forgejoActions}/upload-artifact@c6a3b2bd78b3985e4b2f15397fec357f0fd808de`,
      version: "v3.2.2-node20",
    },
    download: {
      uses: `${forgejoActions}/download-artifact@ad191675b41f6a5b46da9a048cb6893812da158b`,
      version: "v3.1.0-node20",
    },
  },
  permissions: false,
  environments: false,
  identity: { permissions: {}, job: { "enable-openid-connect": true } },
}

/** "${{ github.ref }}". */
export const value = (expression: string): string => `\${{ ${expression} }}`

const uses = ({ uses, version }: Pin) => remarked(uses, version)

interface Job extends Yaml {
  name: string
  permissions: Yaml
  /** Whose secrets it gets, and who approves it. */
  environment?: string
  /** It speaks to the hosts, so it runs where they can be reached. */
  hosts?: boolean
}

/** A job: where it runs, how long at most, what its token may do. */
export function job(dialect: Dialect, { permissions, environment, hosts = false, ...rest }: Job, steps: Yaml[]): Yaml {
  const { "#": remark, name, needs, if: condition, strategy, ...more } = rest
  const runner = hosts ? "FAIRLEAD_DEPLOY_RUNNER" : "FAIRLEAD_RUNNER"
  return {
    ...given({ "#": remark, name, needs, if: condition, strategy }),
    "runs-on": value(`vars.${runner} || '${dialect.runner}'`),
    "timeout-minutes": 180,
    ...(dialect.environments ? given({ environment }) : {}),
    ...(dialect.permissions ? { permissions } : {}),
    ...more,
    steps,
  }
}

const given = (yaml: Yaml): Yaml => Object.fromEntries(Object.entries(yaml).filter(([, each]) => each !== undefined))

/** What the token of a job needs to read the repository and, on GitHub's own registry, its images. */
export const reading = ({ registry }: Fleet): Yaml => ({
  contents: "read",
  ...(registry.host === "ghcr.io" ? { packages: "read" } : {}),
})

export const writing = ({ registry }: Fleet): Yaml => ({
  contents: "read",
  ...(registry.host === "ghcr.io" ? { packages: "write" } : {}),
})

export const checkout = (dialect: Dialect): Yaml => ({
  "&": "checkout",
  "#": "All of history: an image's revision is the last commit that changed what it is made of.",
  uses: uses(dialect.actions.checkout),
  with: { "fetch-depth": 0, submodules: true, "persist-credentials": false },
})

/** A Docker that Fairlead can use. */
export const docker = ({ ci }: Dialect): Yaml[] => (ci === "github" ? [containerdStore] : [])

/** GitHub's own machines may keep images in the classic store, which cannot read zstd layers. */
const containerdStore: Yaml = {
  "&": "docker",
  name: "Docker keeps images in containerd's store",
  if: "runner.environment == 'github-hosted'",
  run: [
    `printf '{"features":{"containerd-snapshotter":true}}' | sudo tee /etc/docker/daemon.json`,
    "sudo systemctl restart docker",
    "",
  ].join("\n"),
}

/**
 * Logs in to the fleet's registry: GitHub's own takes the job's token, others what the repository keeps as secrets.
 * A pull request from a fork knows none, and goes without.
 */
export function login({ ci }: Dialect, { registry }: Fleet): Yaml {
  const own = ci === "github" && registry.host === "ghcr.io"
  return {
    "&": "login",
    name: `log in to ${registry.host}`,
    env: {
      REGISTRY_USER: value(own ? "github.actor" : "secrets.FAIRLEAD_REGISTRY_USER"),
      REGISTRY_PASSWORD: value(own ? "secrets.GITHUB_TOKEN" : "secrets.FAIRLEAD_REGISTRY_PASSWORD"),
    },
    run: loginLine(registry.host, "REGISTRY_USER", "REGISTRY_PASSWORD"),
  }
}

const keyFile = `${value("runner.temp")}/cosign.key`

/** How a job signs records: what it has to be allowed, what has to be done before, and what the line that signs is told. */
export interface Signing {
  permissions: Yaml
  job: Yaml
  steps: Yaml[]
  env: Yaml
}

/** As itself where fleet.yaml trusts identities, else with the key that the repository keeps as a secret. */
export const signingOf = ({ identity }: Dialect, fleet: Fleet): Signing =>
  signsKeyless(fleet)
    ? { ...identity, steps: [], env: keyless }
    : { permissions: {}, job: {}, steps: [signingKey], env: withKey }

/** Puts the key that signs records where `withKey` says it is. */
const signingKey: Yaml = {
  "#": "The file is for this job's eyes only, and goes with the runner's temporary folder.",
  name: "the key that signs records",
  env: { COSIGN_KEY: value("secrets.FAIRLEAD_COSIGN_KEY"), FAIRLEAD_SIGNING_KEY: keyFile },
  run: `(umask 077 && printf '%s\\n' "$COSIGN_KEY" > "$FAIRLEAD_SIGNING_KEY")`,
}

const withKey: Yaml = {
  FAIRLEAD_SIGNING_KEY: keyFile,
  COSIGN_PASSWORD: value("secrets.FAIRLEAD_COSIGN_PASSWORD"),
}

/** Runs a line that speaks SSH to the hosts: the key is in an agent's memory for as long as that takes, in no file. */
export const withHosts = (name: string, line: string, env: Yaml = {}): Yaml => ({
  name,
  env: { ...env, FAIRLEAD_SSH_KEY: value("secrets.FAIRLEAD_SSH_KEY") },
  run: [
    "eval \"$(ssh-agent -s)\" && trap 'ssh-agent -k' EXIT",
    `printf '%s\\n' "$FAIRLEAD_SSH_KEY" | ssh-add -`,
    line,
    "",
  ].join("\n"),
})

export const upload = ({ actions }: Dialect, name: string, path: string): Yaml => ({
  if: value("!cancelled()"),
  uses: uses(actions.upload),
  with: { name, path, "if-no-files-found": "ignore" },
})

export const download = ({ actions }: Dialect, name: string): Yaml => ({ uses: uses(actions.download), with: { name } })

/** What a token needs to tell code scanning, in a private repository as well. */
export const scanned = ({ actions }: Dialect): Yaml =>
  actions.sarif ? { actions: "read", "security-events": "write" } : {}

/** Code scanning, where the CI has it. */
export const scanning = ({ actions }: Dialect, file: string): Yaml[] =>
  actions.sarif === undefined
    ? []
    : [
        {
          "#": "A private repository without GitHub's code scanning sets the variable to off.",
          if: value(`!cancelled() && hashFiles('${file}') != '' && vars.FAIRLEAD_CODE_SCANNING != 'off'`),
          uses: uses(actions.sarif),
          with: { sarif_file: file },
        },
      ]
