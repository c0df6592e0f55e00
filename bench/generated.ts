import { mkdir, mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"

/** A fleet as large as nobody has it: families in a tree of tens, ten services for each, spread over hosts. */
export async function generatedFleet(families: number): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), `fairlead-bench-plan-${families}-`))
  await mkdir(join(root, "dockerfiles"))
  await mkdir(join(root, "app"))
  const files: Record<string, string> = {
    "fleet.yaml": fleetText(families),
    "app/main.py": "print('hello')\n",
    "dockerfiles/service.Dockerfile": "ARG FAMILY=f0\nFROM ${FAMILY}\nCOPY --from=app . /app/\n",
  }
  for (let each = 0; each < families; each++) {
    files[`dockerfiles/f${each}.Dockerfile`] =
      `FROM ${each === 0 ? "debian:bookworm-slim" : `f${parentOf(each)}`}\nCOPY f${each}.sh /usr/local/bin/\nRUN --mount=type=bind,source=f${each}.lock,target=/mnt/lock true\n`
    files[`dockerfiles/f${each}.sh`] = `#!/bin/sh\necho ${each}\n`
    files[`dockerfiles/f${each}.lock`] = lockText(each)
  }
  await Promise.all(Object.entries(files).map(([path, text]) => writeFile(join(root, path), text)))
  const git = (...argv: string[]) =>
    execa("git", ["-c", "user.name=Bench", "-c", "user.email=bench@example.org", ...argv], { cwd: root })
  await git("init", "--quiet")
  await git("add", "--all")
  await git("commit", "--quiet", "--message", "a fleet")
  return root
}

const servicesEach = 10
const servicesOnHost = 500

const parentOf = (family: number): number => Math.floor((family - 1) / 10)

/** Thirty pins with their hashes, as a small lock has them. */
const lockText = (family: number): string =>
  Array.from(
    { length: 30 },
    (_, pin) => `package-${pin}==1.${family}.${pin} \\\n    --hash=sha256:${String(pin).padStart(64, "0")}\n`,
  ).join("")

function fleetText(families: number): string {
  const services = families * servicesEach
  const each = <T>(count: number, line: (at: number) => T) => Array.from({ length: count }, (_, at) => line(at))
  const budget = "budget: { compressed: 40 MB, uncompressed: 100 MB }"
  const profile =
    'profile: { GPU_VISIBLE_DEVICES: "", TORCH_CUDA_ALLOC_CONF: "a:1", OMP_NUM_THREADS: 1, UVICORN_WORKERS: 1, MODEL_EVICT_THRESHOLD_PCT: 90 }'
  return `schema: 1
name: generated
registry: { host: 127.0.0.1:5000, org: generated }
epoch: 1763769600
bases: { debian: { image: "debian:bookworm-slim", bootstrap: { suite: bookworm } } }
families:
${each(families, (at) => `  f${at}: { alias: a${at}, description: number ${at}, ${at === 0 ? "base: debian" : `parent: f${parentOf(at)}`}, dockerfile: dockerfiles/f${at}.Dockerfile, lock: dockerfiles/f${at}.lock, ${budget} }`).join("\n")}
hosts:
${each(Math.ceil(services / servicesOnHost), (at) => `  h${at}: { address: h${at}, user: fleet, ${profile} }`).join("\n")}
apps: { code: { path: app, command: [python, /app/main.py] } }
services:
${each(services, (at) => `  S${at}: { family: f${at % families}, app: code, hosts: [h${Math.floor(at / servicesOnHost)}], needs: [cpu], port: ${10_000 + (at % servicesOnHost)}, healthPort: ${20_000 + (at % servicesOnHost)} }`).join("\n")}
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
  rollout: { waves: [{ name: all }], onFailure: fleet, healthyProbes: 3, healthySeconds: 60, keepReleases: 3 }
`
}
