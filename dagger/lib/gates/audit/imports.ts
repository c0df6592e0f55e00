import { harmless } from "../../engine/engine.ts"
import { anyOf, installs, run } from "../blueprint/fact.ts"
import { normalName } from "../blueprint/version.ts"
import type { Rules } from "../gate.ts"
import { originOf } from "../origin.ts"
import { lockOf } from "../unblock.ts"
import type { Finding } from "../verdict.ts"
import { type DebianLibrary, debianLibrary } from "./debian-libraries.ts"
import type { AuditedImage } from "./facts.ts"

/** Promised modules that do not import, with the library that they miss where the error tells one. */
export function importFindings({ imports, installed, debian }: AuditedImage, rules: Rules): Finding[] {
  return imports
    .filter(({ imported }) => !imported)
    .map(({ module, error, further, distribution }): Finding => {
      const origin = originOf(rules)
      const said = [error ?? "it failed without a word", ...further].map((each) => harmless(each).replace(/\s+/g, " "))
      const name = distribution === null ? undefined : normalName(distribution)
      const version = installed.find((each) => each.name === name)?.version
      const wheel = `${name}${version ? ` ${version}` : ""}`
      // "cv2 of opencv-python-headless 4.9.0", "soundfile 0.12.1".
      const who = name === undefined ? module : normalName(module) === name ? wheel : `${module} of ${wheel}`
      const library = missingLibrary(said)
      if (!library) {
        const locked = name === undefined ? undefined : lockOf(name, rules)
        return {
          what: `${who} does not import: ${said[0]}`,
          where: locked
            ? `set by ${locked.path}:${locked.line}  ${locked.name}==${locked.version}`
            : run(origin, installs),
          evidence: said.slice(1).join(" | ") || undefined,
          fix: "install what is missing, or take it out of families.….packages in fleet.yaml",
        }
      }
      return {
        what: `${who} does not import: ${library.library} is missing`,
        where: wantingLine(rules, library),
        evidence: said.join(" | "),
        fix: installing(library, debian, rules),
      }
    })
}

// What loaders, ctypes, cffi and the bindings of well-known libraries say.
const byFile = /(lib[A-Za-z0-9_+.-]*?\.so(?:\.[0-9]+)*)(?=['":\s]|$)/
const notThere = /cannot open shared object file|cannot load library|No such file|not found|Unable to (?:find|load)/i
const byName =
  /\b([A-Za-z][A-Za-z0-9_+-]*) library not found|(?:find|load)(?: the)? ([A-Za-z][A-Za-z0-9_+-]*) library\b/i

/** The shared library that an error is about; by Debian's name for it where there is one. */
export function missingLibrary(errors: readonly string[]): (Partial<DebianLibrary> & { library: string }) | undefined {
  for (const error of errors.filter((each) => notThere.test(each))) {
    const file = byFile.exec(error)?.[1]
    const [, before, after] = byName.exec(error) ?? []
    const name = file ?? ((before ?? after) ? `lib${before ?? after}.so` : undefined)
    if (name) return debianLibrary(name) ?? { library: name }
  }
  return undefined
}

/** The line that took a library out, or else the one that installs Debian's packages. */
export function wantingLine(rules: Rules, { library, package: debian }: Partial<DebianLibrary> & { library: string }) {
  const origin = originOf(rules)
  const stem = library.replace(/\.so(\..*)?$/, "")
  return origin.set("RUN", anyOf(debian ? [debian, stem] : [stem])) ?? run(origin, /apt-get/)
}

export function installing(
  { library, package: owner }: Partial<DebianLibrary> & { library: string },
  debian: AuditedImage["debian"],
  rules: Rules,
): string {
  const file = originOf(rules).file()?.replace(/^see /, "") ?? "the Dockerfile"
  if (!owner) return `no package of Debian's main has ${library}: bring it along, or do without what needs it`
  return debian.some(({ name }) => name === owner)
    ? `leave in what Debian's ${owner} brings: it is installed, and something took ${library} away`
    : `install Debian's ${owner} in ${file}`
}
