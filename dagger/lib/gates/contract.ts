import { z } from "zod"
import { harmless } from "../engine/engine.ts"
import { configSchema } from "./archive.ts"
import { type Fact, type Found, wantedOf } from "./blueprint/fact.ts"
import { factsOf } from "./blueprint/table.ts"
import type { Gate } from "./gate.ts"
import { insideSchema } from "./inside.ts"
import { shaped } from "./probe.ts"
import { type Check, type Finding, type Judged, judge } from "./verdict.ts"

const factsSchema = z.strictObject({
  digest: z.string(),
  config: configSchema,
  /** null: the image has no Python that could have looked. */
  inside: insideSchema.nullable(),
})

export type ContractFacts = z.infer<typeof factsSchema>

/** Every fact of the blueprint, checked on the built image, with the evidence found. */
export const contract: Gate<ContractFacts> & { readonly name: "contract" } = {
  name: "contract",
  async look(on) {
    const [{ digest, config }, inside] = await Promise.all([on.archived(), on.inside()])
    return { digest, config, inside }
  },
  judge(facts, rules): Judged<ContractFacts> {
    const seen = factsOf(wantedOf(rules)).map((fact) => ({ fact, found: foundOf(fact, facts) }))
    const checks = seen.map(({ fact: { id, says }, found }): Check => {
      return {
        id,
        says,
        evidence: plain(found?.evidence ?? "nobody could look"),
        passed: found !== undefined && !found.wrong,
      }
    })
    const findings = seen.flatMap(({ fact, found }) => (found?.wrong ? [finding(fact, found)] : []))
    const passed = checks.filter((check) => check.passed).length
    return {
      ...judge(facts, facts.inside ? findings : [noPython, ...findings]),
      checks,
      brief: `${passed}/${checks.length}`,
    }
  },
  recall: (stored) => shaped("contract", stored, factsSchema),
}

const foundOf = ({ judge: { ...fact } }: Fact, { config, inside }: ContractFacts): Found | undefined =>
  fact.of === "config" ? fact.see(config) : inside ? fact.see(inside, config) : undefined

const finding = ({ id }: Fact, { evidence, wrong }: Found): Finding => ({
  what: plain(`${id}: ${wrong!.what}`),
  where: wrong!.where,
  evidence: plain(evidence),
  fix: wrong!.fix,
})

const noPython: Finding = {
  what: "python: the image has no Python, so nothing inside could be looked at",
  fix: "stand on base-python, or install Debian's python3 and make a virtual environment in /opt/venv",
}

// Names of files come from the image, and an image can be made to steer a terminal.
const plain = (text: string): string => {
  const line = harmless(text).replace(/\s+/g, " ")
  return line.length > 600 ? `${line.slice(0, 599)}…` : line
}
