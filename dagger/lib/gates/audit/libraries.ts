import { named } from "../blueprint/fact.ts"
import { normalName } from "../blueprint/version.ts"
import type { Rules } from "../gate.ts"
import type { Needer } from "../inside.ts"
import { lockOf } from "../unblock.ts"
import type { Finding } from "../verdict.ts"
import { debianLibrary } from "./debian-libraries.ts"
import type { AuditedImage } from "./facts.ts"
import { installing, wantingLine } from "./imports.ts"

// What comes with NVIDIA's driver: the host has it, and its container runtime mounts it when a container gets a GPU.
const ofTheDriver =
  /^lib(?:cuda|cudadebugger|nvcuvid|nvoptix|nvidia-[a-z0-9-]+|(?:GLX|EGL|GLESv[0-9]_?C?M?|vdpau)_nvidia)\.so(?:\.[0-9.]+)?$/

const expected = (library: string, gpu: boolean): boolean => gpu && ofTheDriver.test(library)

/** Libraries that something wants and that are not there, with who wants them and what Debian package has them. */
export function libraryFindings({ libraries, installed, debian }: AuditedImage, rules: Rules, gpu: boolean): Finding[] {
  const missing = libraries.missing.filter(({ library, brought }) => !brought && !expected(library, gpu))
  return [
    ...missing.map(({ library, needers }): Finding => {
      const found = debianLibrary(library)
      const asked = { ...found, library }
      const driver = ofTheDriver.test(library)
      return {
        what: `${library} is missing: ${wanting(needers, installed)} ${verb(needers, "need")} it`,
        where: driver ? lockLine(needers, rules) : wantingLine(rules, asked),
        evidence: evidenceOf(needers),
        fix: driver
          ? `it comes with NVIDIA's driver only: take the CPU build, or say gpu: true for families.${rules.family} in fleet.yaml`
          : installing(asked, debian, rules),
        risk: riskOf(library, needers),
      }
    }),
    ...libraries.outdated.map(
      ({ library, version, needers }): Finding => ({
        what: `${library} is too old for ${wanting(needers, installed)}: it has no ${version}`,
        where: lockLine(needers, rules),
        evidence: evidenceOf(needers),
        fix: "lock a version that has a wheel for this Debian, or move the base",
        risk: riskOf(`${library}:${version}`, needers),
      }),
    ),
  ]
}

/** What is missing as it should be, and what could not be looked at. */
export function libraryNotes({ libraries }: AuditedImage, gpu: boolean): Finding[] {
  const { missing, unseen } = libraries
  const driver = missing.filter(({ library, brought }) => !brought && expected(library, gpu))
  const brought = missing.flatMap(({ library, brought }) =>
    brought ? [`${library} (${brought.owner?.name ?? brought.path})`] : [],
  )
  return [
    ...(driver.length > 0
      ? [
          {
            what: `${driver.map(({ library }) => library).join(", ")}: missing as expected, NVIDIA's driver on the host has ${driver.length === 1 ? "it" : "them"}`,
          },
        ]
      : []),
    ...(brought.length > 0
      ? [{ what: `loaded by the package that brings ${brought.length === 1 ? "it" : "them"}: ${named(brought)}` }]
      : []),
    ...(unseen.count > 0
      ? [
          {
            what: `${unseen.count} ${unseen.count === 1 ? "file" : "files"} could not be asked what ${unseen.count === 1 ? "it needs" : "they need"}`,
            evidence: unseen.examples.map(({ path, why }) => `${path}: ${why}`).join(" | "),
          },
        ]
      : []),
  ]
}

/** Some wheels carry parts that nobody uses, so a missing library can be answered for; it is named instead of an advisory. */
const riskOf = (id: string, needers: readonly Needer[]): NonNullable<Finding["risk"]> => ({
  ids: [id],
  package: nameOf(needers[0]!),
  kind: "other",
})

const nameOf = ({ owner, example }: Needer): string =>
  owner === null ? example : owner.kind === "python" ? normalName(owner.name) : owner.name

/** "soundfile 0.12.1 and Debian's libfoo1". */
function wanting(needers: readonly Needer[], installed: AuditedImage["installed"]): string {
  const names = needers.map((needer) => {
    const name = nameOf(needer)
    if (needer.owner?.kind === "debian") return `Debian's ${name}`
    const version = installed.find((each) => each.name === name)?.version
    return version ? `${name} ${version}` : name
  })
  return named(names).replace(/, ([^,]*)$/, " and $1")
}

const verb = (needers: readonly Needer[], word: string): string => (needers.length === 1 ? `${word}s` : word)

const evidenceOf = (needers: readonly Needer[]): string =>
  needers.map(({ example, count }) => (count > 1 ? `${example} and ${count - 1} more` : example)).join(", ")

function lockLine(needers: readonly Needer[], rules: Rules): string | undefined {
  for (const { owner } of needers) {
    const locked = owner?.kind === "python" ? lockOf(normalName(owner.name), rules) : undefined
    if (locked) return `set by ${locked.path}:${locked.line}  ${locked.name}==${locked.version}`
  }
  return undefined
}
