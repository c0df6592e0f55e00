import { execFile, spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Ran } from "../../../dagger/lib/engine/engine.ts"
import type { Probe } from "../../../dagger/lib/gates/probe.ts"

// The interpreter itself: version managers put a shell script before it that takes longer than a probe.
const found = spawnSync("python3", ["-c", "import sys; sys.version_info >= (3, 9) and print(sys.executable)"], {
  encoding: "utf8",
})
const python = found.stdout?.trim()

/** Why probes cannot run here; undefined where they can. */
export const noPython = python ? undefined : "there is no python3 of 3.9 or newer on this machine"

/** Runs a probe for real, as a step would. */
export const runProbe = (name: Probe, ...argv: string[]): Promise<Ran> =>
  runPython(fileURLToPath(new URL(`../../../dagger/lib/gates/probes/${name}`, import.meta.url)), ...argv)

export const runPython = (script: string, ...argv: string[]): Promise<Ran> =>
  new Promise((done) => {
    execFile(python!, ["-I", "-S", "-B", script, ...argv], { maxBuffer: 64_000_000 }, (error, stdout, stderr) => {
      done({ exitCode: error ? Number(error.code) : 0, stdout, stderr, outputs: {}, seconds: 0 })
    })
  })
