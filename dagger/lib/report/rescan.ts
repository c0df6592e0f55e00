import { z } from "zod"
import { type Verdict, worst } from "../gates/verdict.ts"
import { gateSchema } from "../release/record.ts"
import type { RegistryAddress } from "../release/registry.ts"
import { repository } from "../release/registry.ts"
import type { Rescan } from "../release/rescan.ts"
import { pc } from "./colours.ts"
import { worstFindingLines } from "./ship.ts"
import { gateOrder } from "./state.ts"
import { line, table, verdictWord } from "./text.ts"
import { count, listed } from "./words.ts"

/** What `rescan --json` prints. */
export const rescanSchema = z.object({
  schema: z.literal(1).describe("The version of this document's format."),
  verdict: z.enum(["PASS", "ACCEPTED", "FAIL", "UNCHECKED", "ERROR"]),
  families: z.array(
    z.object({
      family: z.string(),
      ref: z.string(),
      digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
      verdict: z.enum(["PASS", "ACCEPTED", "FAIL", "UNCHECKED", "ERROR"]),
      gates: z.record(z.string(), gateSchema).describe("By the gate's name; none where no trusted record is there."),
      problems: z.array(z.string()).describe("Why nobody could say."),
    }),
  ),
  unreleased: z.array(z.string()).describe("Images that nobody has released yet."),
})

export type RescanDocument = z.infer<typeof rescanSchema>

export function rescanDocument({ images, unreleased }: Rescan, registry: RegistryAddress): RescanDocument {
  // Nothing is released yet: there is nothing that could be wrong.
  const verdict: Verdict = images.length === 0 ? "PASS" : worst(images.map((each) => each.verdict))
  return {
    schema: 1,
    verdict,
    families: images.map(({ family, digest, verdict, record, problems }) => ({
      ...{ family, ref: `${repository(registry, family)}@${digest}`, digest, verdict },
      ...{ gates: record?.gates ?? {}, problems },
    })),
    unreleased,
  }
}

/** A row per image, then what failed and why. */
export function rescanText({ families, unreleased }: RescanDocument): string {
  const names = gateOrder(families.flatMap(({ gates }) => Object.keys(gates)))
  const rows = families.map(({ family, digest, gates }) => [
    family,
    digest.slice(0, 19),
    ...names.map((name) => (gates[name] ? verdictWord(gates[name].verdict) : pc.yellow("not known"))),
  ])
  const wrong = families.flatMap(({ family, gates, problems }) => [
    ...problems.map((each) => line("wrong", `${family}: ${each}`)),
    ...Object.entries(gates)
      .filter(([, { verdict }]) => verdict === "FAIL" || verdict === "ERROR")
      .flatMap(([name, { verdict, findings }]) => [
        `  ${family}  ${name} ${pc.red(verdict)}`,
        ...worstFindingLines(findings),
      ]),
  ])
  return [
    ...(rows.length > 0 ? [table(["released", "digest", ...names], rows)] : []),
    ...wrong,
    ...(unreleased.length > 0 ? [line("note", `not released yet: ${listed(unreleased)}`)] : []),
    line("rescan", summary(families)),
  ].join("\n")
}

/** What nobody could look at is not called good. */
function summary(families: RescanDocument["families"]): string {
  const having = (...verdicts: Verdict[]) =>
    families.filter(({ verdict }) => verdicts.includes(verdict)).map(({ family }) => family)
  const bad = having("FAIL", "ERROR")
  if (bad.length > 0) return `${listed(bad)} would not be released today`
  const unchecked = having("UNCHECKED").length
  const good = `${count(having("PASS", "ACCEPTED").length, "image")} as good as when released`
  return unchecked === 0 ? good : `${good}, ${unchecked} unchecked: no advisory source could be asked`
}
