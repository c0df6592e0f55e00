import { commitOf } from "../cli/git.ts"
import { openRepository } from "../cli/repository.ts"
import { knownBases } from "../cli/setup/known.ts"
import { recordsOf } from "../cli/yard.ts"
import { makePlan, readAsked } from "../dagger/lib/plan/reading.ts"
import type { ImageRecord } from "../dagger/lib/release/record.ts"

// One plan in a process of its own, as `fairlead plan` makes it: `plan-once.ts <folder> [remember]`. Says what it took, and
// with "remember" leaves a record of every image behind, as a ship would have.
const [, , root, remember] = process.argv
const started = performance.now()
const repository = await openRepository(root)
const reading = await readAsked(repository, { all: "families" }, commitOf)
const records = recordsOf(repository.fleet.registry)
const plan = await makePlan({ repository, reading, bases: await knownBases(repository.fleet), records })
const seconds = (performance.now() - started) / 1000
const reused = plan.families.filter(({ action }) => action === "reuse").length
console.log(
  JSON.stringify({ seconds, memory: process.resourceUsage().maxRSS * 1024, families: plan.families.length, reused }),
)

if (remember) {
  const digest = `sha256:${"0".repeat(64)}`
  for (const { family, fingerprint, ingredients, revision } of plan.families) {
    const record: ImageRecord = {
      ...{ schema: 1, family, fingerprint, ingredients, digest, revision, contents: digest, packages: 0 },
      ...{ size: { compressed: 1, uncompressed: 1 }, gates: {}, gateSeconds: 1, seconds: 1 },
      ...{ tools: {}, at: new Date().toISOString() },
    }
    await records.put(record)
  }
}
