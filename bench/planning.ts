import { mkdtemp, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { z } from "zod"
import { inHome } from "../cli/state.ts"
import { fairleadRoot } from "../cli/version.ts"
import type { Into } from "./builds.ts"
import { runs } from "./competitor.ts"
import { generatedFleet } from "./generated.ts"
import { watchMemory } from "./memory.ts"

export interface PlanSample {
  families: number
  /** "thinking": the plan itself; "command": `fairlead plan` with the start of its process. */
  what: "thinking" | "command"
  /** Whether a record of every family was there, so that nothing is to be built. */
  records: boolean
  seconds: number
  memory: number
}

/** Plans generated fleets, each time in a new process: nothing is warm but the disk. */
export async function measurePlans(
  sizes: readonly number[],
  { rounds, say, signal, samples }: Into<PlanSample>,
): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "fairlead-bench-plan-home-"))
  await symlink(inHome("bases"), join(home, "bases"))
  const fleets: { families: number; root: string }[] = []
  try {
    for (const families of sizes) fleets.push({ families, root: await generatedFleet(families) })
    for (const records of [false, true]) {
      for (let round = 0; round < rounds; round++) {
        for (const { families, root } of fleets) {
          signal.throwIfAborted()
          const made = [await thinking(root, home), await command(root, home)]
          for (const { reused, ...sample } of made) {
            if (reused !== (records ? families : 0)) throw new Error(`${reused} of ${families} families are known`)
            say(`plan ${families} ${sample.what}, ${records ? "all" : "none"} known: ${sample.seconds.toFixed(3)} s`)
            samples.push({ families, records, ...sample })
          }
        }
      }
      if (!records) for (const { root } of fleets) await thinking(root, home, "remember")
    }
  } finally {
    for (const { root } of fleets) await rm(root, { recursive: true, force: true })
    await rm(home, { recursive: true, force: true })
  }
}

const toldSchema = z.object({ seconds: z.number(), memory: z.number(), reused: z.number() })

async function thinking(root: string, home: string, ...more: string[]) {
  const argv = [process.execPath, "--import", "tsx", join(fairleadRoot, "bench/plan-once.ts"), root, ...more]
  const stdout = await runs(argv, { cwd: fairleadRoot, env: { FAIRLEAD_HOME: home } })
  return { what: "thinking" as const, ...toldSchema.parse(JSON.parse(stdout)) }
}

const planSchema = z.looseObject({ families: z.array(z.looseObject({ action: z.string() })) })

async function command(root: string, home: string) {
  const watch = watchMemory(20)
  const started = performance.now()
  const stdout = await runs([`${fairleadRoot}/fairlead`, "plan", "--json"], { cwd: root, env: { FAIRLEAD_HOME: home } })
  const seconds = (performance.now() - started) / 1000
  const memory = await watch.stop()
  const reused = planSchema.parse(JSON.parse(stdout)).families.filter(({ action }) => action === "reuse").length
  return { what: "command" as const, seconds, memory, reused }
}
