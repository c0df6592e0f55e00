import type { Artifact, Engine, Ran, Secret, Service, Step } from "../engine/engine.ts"
import type { Policy } from "../fleet/policy.ts"
import { type RemoteBuilder, reaching, sameVersion } from "./builder.ts"

const port = 1234

/**
 * The pinned BuildKit of the toolbox, the same under every engine: that is what makes digests equal everywhere. Its cache
 * is bounded by policy.cache, and pruning touches nothing but its own folder.
 * Source of the settings: docs/buildkitd.toml.md of moby/buildkit v0.26.
 */
export const buildkit = (engine: Engine, policy: Policy, access?: Bake["registry"]): Service => ({
  name: nameIn(engine),
  image: "toolbox:build",
  argv: ["buildkitd", "--addr", `tcp://0.0.0.0:${port}`, "--config", "/etc/buildkit/buildkitd.toml"],
  port,
  inputs: {
    "/etc/buildkit/buildkitd.toml": engine.file(
      "buildkitd.toml",
      buildkitConfig(engine.name, policy, access?.plainHttp),
    ),
  },
  caches: { "/var/lib/buildkit": nameIn(engine) },
  services: access?.services ?? {},
  privileged: true,
})

const nameIn = ({ buildCache }: Engine): string => (buildCache ? `buildkit-${buildCache}` : "buildkit")

export const buildkitConfig = (engine: Engine["name"], policy: Policy, plainHttp = "registry:5000"): string => `\
[worker.oci]
  enabled = true
  gc = true
  maxUsedSpace = ${policy.cache.maxBytes}
  minFreeSpace = ${policy.cache.keepFree}

[worker.containerd]
  enabled = false

[cdi]
  disabled = true

[registry."${plainHttp}"]
  http = true
${engine === "docker" ? dockerDns : ""}`

// Docker's name server is a loopback address, which BuildKit would replace by a public one that a closed network does
// not reach. Build steps share BuildKit's network namespace, so it answers there when it is named.
const dockerDns = `
[dns]
  nameservers = ["127.0.0.11"]
  options = ["ndots:0"]
`

// buildx keeps its builders in a folder of its own, so each step names the one it wants; argv comes in as "$@". The first
// line tells when the step ran: an engine may answer with what it ran before.
const bakeScript = (check = "") => `\
set -eu
echo "started $(date +%s%3N)"
buildx create --name fairlead --driver remote \${BUILDER_OPTIONS:+--driver-opt "$BUILDER_OPTIONS"} "$BUILDER" >/dev/null
${check}buildx bake --builder fairlead "$@"
`

/** When a step that bakes ran, in milliseconds since 1970, by the clock of its engine. */
export const startedAt = ({ stdout }: Pick<Ran, "stdout">): number =>
  Number(startLine.exec(stdout)?.[1] ?? Number.POSITIVE_INFINITY)

/** What such a step says first; for programs, not for people. */
export const startLine = /^started (\d+)$/m

/** Where an image leaves the step as an archive, and unpacked beside it where the step keeps that folder, too. */
export const archivePath = "/out/image.tar"
export const layoutPath = "/out/layout/"

export interface Bake {
  /** "build family-web", shown to people. */
  name: string
  /** The text of the bake file. */
  file: string
  inputs: Record<string, Artifact>
  /** name -> path below /out to keep. */
  outputs: Record<string, string>
  /** Build secrets by id. */
  secrets: Record<string, Secret>
  /** Where caches are read from and written to, and parents come from. */
  registry?: {
    /** What BuildKit reaches the registry by. */
    services: Service["services"]
    /** Its name for a registry on loopback, which has no TLS. */
    plainHttp?: string
    /** Credentials, as a Docker config.json: buildx hands them on when BuildKit asks. */
    auth?: Secret
  }
  /** Somebody else's BuildKit, in place of the toolbox's. */
  builder?: RemoteBuilder
  /** As in Step. */
  look: Step["look"]
}

const dockerConfig = "/run/secrets/docker"

/** Where the step that bakes finds a build secret. */
export const secretPath = (id: string): string => `/run/secrets/${id}`

/** One solve: bake in the toolbox, against the BuildKit service or a remote one. Progress comes as JSON lines on stderr. */
export function bakeStep(engine: Engine, policy: Policy, { registry, builder, ...bake }: Bake): Step {
  const to = builder ? reaching(builder) : ownBuilder(engine, policy, registry)
  return {
    name: bake.name,
    image: "toolbox:build",
    argv: ["sh", "/fairlead/bake", "--file", "/fairlead/bake.json", "--progress", "rawjson"],
    inputs: {
      "/fairlead/bake": engine.file("bake", bakeScript(builder && sameVersion)),
      "/fairlead/bake.json": engine.file("bake.json", bake.file),
      ...bake.inputs,
    },
    outputs: bake.outputs,
    secrets: {
      ...Object.fromEntries(Object.entries(bake.secrets).map(([id, secret]) => [secretPath(id), secret])),
      ...(registry?.auth ? { [`${dockerConfig}/config.json`]: registry.auth } : {}),
      ...to.secrets,
    },
    env: { ...(registry?.auth ? { DOCKER_CONFIG: dockerConfig, BUILDX_CONFIG: "/tmp/buildx" } : {}), ...to.env },
    services: to.services,
    outside: to.outside,
    look: bake.look,
  }
}

const ownBuilder = (engine: Engine, policy: Policy, registry?: Bake["registry"]): ReturnType<typeof reaching> => ({
  services: { [nameIn(engine)]: buildkit(engine, policy, registry) },
  secrets: {},
  env: { BUILDER: `tcp://${nameIn(engine)}:${port}` },
  outside: false,
})

// BuildKit's encoder knows four strengths; 7 is the third. The fourth saves 4 % and takes several times as long, for
// every image of every run: docs/images.md has the sizes.
const zstdLevel = 7
export const packed = `compression=zstd,force-compression=true,compression-level=${zstdLevel}`

/** How every image is written: the same bytes each time, layers in zstd. Source: docs/build-repro.md of moby/buildkit. */
export const ociOutput = `type=oci,dest=${archivePath},rewrite-timestamp=true,${packed}`
