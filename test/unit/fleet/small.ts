import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { Problem } from "../../../dagger/lib/problem.ts"

/** A fleet that is right, with one of everything that can go wrong: tests change one thing in it. */
export const small = `schema: 1
name: small
registry: { host: "127.0.0.1:5000", org: small }
epoch: 1763769600
bases:
  debian: { image: "debian:bookworm-slim", bootstrap: { suite: bookworm } }
builders:
  compiler: { dockerfile: dockerfiles/compiler.Dockerfile, base: debian }
families:
  root: { alias: r, description: Root, base: debian, dockerfile: dockerfiles/root.Dockerfile, budget: { compressed: 45 MB, uncompressed: 120 MB } }
  plain: { alias: p, description: Plain, parent: root, lock: locks/plain.lock, budget: { compressed: 50 MB, uncompressed: 130 MB } }
  cuda: { alias: c, description: Cuda, parent: root, gpu: true, frozen: { torch: "2.2.2" }, args: { TORCH_CUDA_ARCH_LIST: "89;86" }, budget: { compressed: 2 GB, uncompressed: 4 GB } }
  llm: { alias: l, description: Models, parent: cuda, budget: { compressed: 3 GB, uncompressed: 6 GB } }
hosts:
  one: { address: 192.0.2.1, user: fleet, gpu: { name: RTX 4090, arch: "8.9", driver: 535 }, profile: &profile { GPU_VISIBLE_DEVICES: "0", TORCH_CUDA_ALLOC_CONF: "max_split_size_mb:64", OMP_NUM_THREADS: 16, UVICORN_WORKERS: 32, MODEL_EVICT_THRESHOLD_PCT: 90 } }
  two: { address: two.example, user: fleet, profile: *profile }
apps:
  stand-in: { path: apps/stand-in, command: [python, main.py], standIn: true }
services:
  FirstService: { family: plain, hosts: [one, two], needs: [cpu], port: 7001, healthPort: 8001 }
  SecondService: { family: plain, hosts: [two], needs: [cpu, web], port: 7002, healthPort: 8002 }
  ModelService: { family: llm, hosts: [one], needs: [gpu, llm], port: 7003, healthPort: 8003 }
policy:
  image: { user: "10001:10001", init: /usr/bin/tini, entrypoint: /usr/local/bin/entrypoint, healthPath: /health, health: { intervalSeconds: 10, timeoutSeconds: 2, retries: 5 }, stopSeconds: 10, ingestUrl: "http://observability:9007/ingest/image" }
  cache: { maxBytes: 20 GB, keepFree: 10 GB }
  registryCache: { maxAgeDays: 30 }
  advisories: { maxAgeDays: 7, severities: [HIGH, CRITICAL], ignoreUnfixed: true }
  risks: { maxDays: 90 }
  rollout:
    waves: [{ name: core, services: [FirstService] }, { name: gpu, host: one, gpu: true }, { name: rest }]
    onFailure: fleet
    healthyProbes: 3
    healthySeconds: 120
    keepReleases: 5
`

/** The small fleet with some of its text replaced: [what, by what, what, by what, …]. */
export function changed(...changes: string[]): string {
  let text = small
  for (let index = 0; index < changes.length; index += 2) {
    const [from, to] = [changes[index] ?? "", changes[index + 1] ?? ""]
    if (!text.includes(from)) throw new Error(`the small fleet has no ${from}`)
    text = text.replace(from, () => to)
  }
  return text
}

/** The lines that parseFleet refuses a text with. Whatever else it throws fails the test. */
export function refusal(text: string): string[] {
  try {
    parseFleet(text)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.exitCode !== 2) throw new Error(`exit code ${error.exitCode}: ${error.message}`)
    return error.message.split("\n")
  }
  throw new Error("was accepted")
}
