import pc from "picocolors"
import type { Finding } from "../gates/verdict.ts"
import type { Plan } from "../plan/plan.ts"
import type { RegistryAddress } from "../release/registry.ts"
import type { ShippedFamily, ShipReport } from "../release/ship.ts"
import { bytes, duration, line, table, verdictWord } from "./text.ts"

/** What is about to be done: "4 families to build: base-python ← base-utils ← …". */
export function planLine({ families }: Plan): string {
  const todo = families.filter(({ action }) => action === "build")
  if (todo.length === 0) return line("plan", `${families.length} families unchanged, 0 to build`)
  const names = todo.map(({ family }) => family).join(todo.length > 1 && isLine(todo) ? " ← " : ", ")
  return line("plan", `${todo.length} ${todo.length === 1 ? "family" : "families"} to build: ${names}`)
}

const isLine = (families: Plan["families"]): boolean =>
  families.every(({ parent }, index) => index === 0 || parent === families[index - 1]!.family)

/** The whole answer of `ship`, for people: a row per family, then what failed and why, then what comes next. */
export function shipText(report: ShipReport, registry: RegistryAddress, dryRun = false): string {
  const published = report.families.filter(({ ref }) => ref)
  const withheld = report.families.filter(({ ref }) => !ref)
  const failed = report.families.flatMap(failures)
  return [
    table(
      ["family", "build", ...gateNames(report), "size", "pushed"],
      report.families.map((each) => row(each, report)),
    ),
    ...(failed.length > 0 ? ["", ...failed] : []),
    "",
    ...(published.length > 0 ? [shippedLine(report, published, registry)] : []),
    ...(withheld.length > 0 ? [withheldLine(withheld, dryRun)] : []),
    ...(report.notes ?? []).map((note) => line("note", note)),
    ...nextLines(report, published),
  ].join("\n")
}

const gateNames = ({ families }: ShipReport): string[] =>
  Object.keys(families[0]?.gates ?? {}).filter((name) => name !== "size")

function row(family: ShippedFamily, report: ShipReport): string[] {
  const cell = (name: string): string => {
    const gate = family.gates[name]
    if (!gate) return "-"
    return [verdictWord(gate.verdict), gate.brief].filter(Boolean).join(" ")
  }
  return [
    family.family,
    family.reused ? pc.dim("unchanged") : family.seconds > 0 ? duration(family.seconds) : "cached",
    ...gateNames(report).map(cell),
    family.gates.size?.brief ?? bytes(family.size.compressed),
    family.ref ? (family.ref.split(":").at(-1) ?? "") : pc.yellow("no"),
  ]
}

function failures({ family, gates }: ShippedFamily): string[] {
  return Object.entries(gates)
    .filter(([, { verdict }]) => verdict === "FAIL" || verdict === "ERROR")
    .flatMap(([name, { verdict, findings }]) => [
      `  ${family}  ${name} ${pc.red(verdict)}`,
      ...findings.flatMap(findingLines),
    ])
}

export const findingLines = ({ what, where, evidence, fix }: Finding): string[] => [
  `    ${what}`,
  ...(where ? [`      ${where}`] : []),
  ...(evidence ? evidence.split("\n").map((each) => `      ${each}`) : []),
  ...(fix ? [`      fix: ${fix}`] : []),
]

function shippedLine(
  { families, seconds }: ShipReport,
  published: ShippedFamily[],
  { host, org }: RegistryAddress,
): string {
  const built = families.filter(({ reused }) => !reused).length
  const previous = published.at(-1)?.previous
  const count = built === 0 ? `${families.length} families unchanged, 0 built, at` : `${published.length} images to`
  return line(
    "shipped",
    `${count} ${host}/${org} in ${duration(seconds)}, -prev: ${previous ? previous.slice(0, 19) : "none yet"}`,
  )
}

const withheldLine = (withheld: ShippedFamily[], dryRun: boolean): string =>
  dryRun
    ? line("dry run", "nothing was pushed")
    : `  ${pc.red("not shipped")}: ${withheld.map(({ family }) => family).join(", ")}. Nothing of it was pushed.`

function nextLines(report: ShipReport, published: ShippedFamily[]): string[] {
  const last = published.at(-1)
  return last
    ? [line("next", `docker pull ${last.ref} · fairlead plan`)]
    : report.verdict === "PASS"
      ? []
      : [line("next", "fix what is named above, then run the same command again")]
}
