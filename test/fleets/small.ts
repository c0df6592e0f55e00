import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { parseFleet } from "../../dagger/lib/fleet/load.ts"

const policy = `
policy:
  image:
    user: "10001:10001"
    init: /usr/bin/tini
    entrypoint: /usr/local/bin/fairlead-entrypoint
    healthPath: /health
    health: { intervalSeconds: 10, timeoutSeconds: 2, retries: 5 }
    stopSeconds: 10
    ingestUrl: http://observability:9007/ingest/image
  cache: { maxBytes: 10 GB, keepFree: 5 GB }
  registryCache: { maxAgeDays: 14 }
  advisories: { maxAgeDays: 7, severities: [HIGH, CRITICAL], ignoreUnfixed: true }
  risks: { maxDays: 90 }
  rollout:
    waves: [{ name: all }]
    onFailure: fleet
    healthyProbes: 3
    healthySeconds: 60
    keepReleases: 3
`

/** A fleet of three families in a line and a builder; `families`, `apps` and `services` are YAML put in instead. */
export function smallFleet({ families = line, apps = "{}", services = "{}" }: Partial<Parts> = {}): Fleet {
  return parseFleet(
    `schema: 1
name: small
registry: { host: ghcr.io, org: small }
epoch: 1763769600
bases: { bookworm: { image: "debian:bookworm-slim", bootstrap: { suite: bookworm } } }
builders: { maker: { dockerfile: dockerfiles/maker.Dockerfile, base: bookworm } }
families:
${families}
hosts: { here: { address: here, user: fleet, profile: { GPU_VISIBLE_DEVICES: "", TORCH_CUDA_ALLOC_CONF: "a:1", OMP_NUM_THREADS: 1, UVICORN_WORKERS: 1, MODEL_EVICT_THRESHOLD_PCT: 90 } } }
apps: ${apps}
services: ${services}
${policy}`,
    "fleet.yaml",
  )
}

interface Parts {
  families: string
  apps: string
  services: string
}

const budget = "budget: { compressed: 40 MB, uncompressed: 100 MB }"

const line = `
  bottom: { alias: b, description: x, base: bookworm, dockerfile: dockerfiles/bottom.Dockerfile, ${budget} }
  middle: { alias: m, description: x, parent: bottom, dockerfile: dockerfiles/middle.Dockerfile, lock: dockerfiles/middle.lock, args: { FLAVOUR: plain }, ${budget} }
  top: { alias: t, description: x, parent: middle, dockerfile: dockerfiles/top.Dockerfile, ${budget} }
`
