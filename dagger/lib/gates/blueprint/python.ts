import { venv } from "../inside.ts"
import { anyOf, type Fact, installs, named, noneOf, ofFiles, run, type Wanted } from "./fact.ts"
import { type LockedPackage, readLock } from "./lock.ts"
import { normalName, sameVersion } from "./version.ts"

/** Python itself, and that every package in the image is one that a lock names. */
export function pythonFacts(wanted: Wanted): Fact[] {
  const { family, origin } = wanted
  return [
    ofFiles("python", `has Python ${family.python} in ${venv}`, ({ python }) => ({
      evidence: `${python.version}, ${python.executable}`,
      wrong: !python.venv
        ? {
            what: `there is no ${venv}/bin/python`,
            where: run(origin, /venv/),
            fix: `make a virtual environment in ${venv}`,
          }
        : !python.version.startsWith(`${family.python}.`)
          ? {
              what: `image has Python ${python.version}, the blueprint wants ${family.python}`,
              where: run(origin, /python3/),
              fix: "take Debian's own python3, or set families.….python in fleet.yaml",
            }
          : undefined,
    })),
    ofFiles("isolated", `sees only the packages of ${venv}`, ({ python }) => {
      const outside = python.path.filter((path) => path.endsWith("-packages") && !path.startsWith(`${venv}/`))
      return noneOf(python.systemSite ? [...outside, "include-system-site-packages = true"] : outside, () => ({
        what: `Python in ${venv} also sees ${named(outside) || "the system's packages"}, which no lock names`,
        where: run(origin, /venv/),
        fix: "make the virtual environment without --system-site-packages",
      }))
    }),
    ofFiles(
      "whole packages",
      "has the files of every package that it says is installed",
      ({ distributions, brokenMetadata }) => {
        const broken = distributions.filter(
          ({ location, files, missing }) => (location.startsWith(venv) && files === 0) || missing.count > 0,
        )
        const names = [
          ...brokenMetadata,
          ...broken.map(({ name, missing }) => `${name} (${missing.examples[0] ?? "no files"})`),
        ]
        return noneOf(names, () => ({
          what: `installed in name only: ${named(names)}`,
          where: run(origin, installs),
          fix: "install packages from the lock, and remove them with the same tool",
        }))
      },
    ),
    ofFiles("one of each", "has each package once", ({ distributions }) => {
      const seen = new Map<string, string[]>()
      for (const { name, version, location } of distributions) {
        if (location.startsWith(venv)) seen.set(normalName(name), [...(seen.get(normalName(name)) ?? []), version])
      }
      const twice = [...seen]
        .filter(([, versions]) => versions.length > 1)
        .map(([name, versions]) => `${name} ${versions.join(" and ")}`)
      return noneOf(twice, () => ({
        what: `installed twice: ${named(twice)}`,
        where: run(origin, installs),
        fix: "let the child's lock repeat the parent's versions",
      }))
    }),
    lockedPackages(wanted),
    ...wanted.line.filter(({ lock }) => lock !== undefined).map(({ lock, name }) => lockFact(wanted, name, lock!)),
    ...Object.entries(wanted.frozen).map(([name, version]) => pinFact(wanted, name, version)),
    frozenElsewhere(wanted),
    ...wanted.modules.map((module) => importFact(wanted, module)),
  ]
}

/** Every lock of the line, the family's own last. */
const locksOf = ({ line, rules }: Wanted): { path: string; packages: LockedPackage[] }[] =>
  line.flatMap(({ lock }) =>
    lock === undefined ? [] : [{ path: lock, packages: readLock(rules.locks[lock] ?? "").packages }],
  )

/** The nearest lock that names a package. */
const lockedAs = (wanted: Wanted, name: string): { where: string; version: string } | undefined => {
  for (const { path, packages } of locksOf(wanted).reverse()) {
    const found = packages.find((each) => each.name === name)
    if (found) return { where: `set by ${path}:${found.line}  ${found.name}==${found.version}`, version: found.version }
  }
  return undefined
}

/** The line that names one of these packages, else the one that installs packages. */
const installing = ({ origin }: Wanted, names: readonly string[]): string | undefined =>
  (names.length > 0 ? origin.set("RUN", anyOf(names)) : undefined) ?? run(origin, installs)

const lockedPackages = (wanted: Wanted): Fact =>
  ofFiles("locked", `has in ${venv} only what a lock names, in that version`, ({ distributions }) => {
    const installed = distributions.filter(({ location }) => location.startsWith(venv))
    const known = new Map(locksOf(wanted).flatMap(({ packages }) => packages.map((each) => [each.name, each.version])))
    const found = installed
      .map(({ name, version }) => ({ name: normalName(name), version, locked: known.get(normalName(name)) }))
      .filter(({ version, locked }) => locked === undefined || !sameVersion(locked, version))
    const names = found.map(({ name }) => name)
    const strangers = found.map(
      ({ name, version, locked }) => `${name} ${version}${locked === undefined ? "" : ` (locked: ${locked})`}`,
    )
    return {
      evidence: strangers.length === 0 ? `${installed.length} packages` : strangers.join(", "),
      wrong:
        strangers.length === 0
          ? undefined
          : {
              what: `no lock names ${named(strangers)}`,
              where: installing(wanted, names),
              fix: "add it to the family's requirements .in, run `fairlead lock`, and install with --require-hashes",
            },
    }
  })

const lockFact = ({ rules }: Wanted, family: string, path: string): Fact =>
  ofFiles(`lock ${path.split("/").at(-1)}`, `is made from ${path}, where everything has one version and a hash`, () => {
    const text = rules.locks[path]
    const fix = `run \`fairlead lock\`, which writes ${path} anew`
    if (text === undefined) {
      const what = `families.${family}.lock is ${path}, and there is no such file`
      return { evidence: "not there", wrong: { what, where: `set by fleet.yaml: families.${family}.lock`, fix } }
    }
    const { packages, problems } = readLock(text)
    const [first] = problems
    if (first) {
      const what = problems.length === 1 ? first.why : `${first.why}, and ${problems.length - 1} more like it`
      return { evidence: what, wrong: { what, where: `set by ${path}:${first.line}  ${first.text}`, fix } }
    }
    return { evidence: `${packages.length} packages, ${packages.reduce((sum, { hashes }) => sum + hashes, 0)} hashes` }
  })

const pinFact = (wanted: Wanted, name: string, version: string): Fact =>
  ofFiles(`frozen ${name}`, `has ${name} ${version}`, ({ distributions }) => {
    const found = distributions.filter((each) => normalName(each.name) === normalName(name))
    const evidence = found.map((each) => `${each.version} in ${each.location}`).join(", ") || "not installed"
    if (found.length > 0 && found.every((each) => sameVersion(version, each.version))) return { evidence }
    const locked = lockedAs(wanted, normalName(name))
    return {
      evidence,
      wrong: {
        what:
          found.length === 0
            ? `${name} is not installed, the blueprint wants ${version}`
            : `${name} is ${named(found.map((each) => each.version))}, the blueprint wants ${version}`,
        where: locked?.where ?? installing(wanted, [name]),
        fix: `pin ${name}==${version} in the requirements .in and run \`fairlead lock\``,
      },
    }
  })

/** What some family freezes holds wherever it is installed, or two families would disagree about the baseline. */
const frozenElsewhere = (wanted: Wanted): Fact => {
  const { families } = wanted.rules.fleet
  const pins = Object.entries(families).flatMap(([family, { frozen }]) =>
    Object.entries(frozen).map(([name, version]) => ({ family, name: normalName(name), version })),
  )
  return ofFiles("frozen elsewhere", "has nothing in another version than the fleet freezes", ({ distributions }) => {
    const against = distributions.flatMap(({ name, version }) => {
      const own = normalName(name)
      const held = pins.filter((pin) => pin.name === own)
      if (own in wanted.frozen || held.length === 0 || held.some((pin) => sameVersion(pin.version, version))) return []
      return [{ name: own, text: `${own} ${version} (${held[0]!.family} freezes ${held[0]!.version})` }]
    })
    return noneOf(
      against.map(({ text }) => text),
      () => ({
        what: `not as frozen: ${named(against.map(({ text }) => text))}`,
        where:
          lockedAs(wanted, against[0]!.name)?.where ??
          installing(
            wanted,
            against.map(({ name }) => name),
          ),
        fix: "leave it out, or use the frozen version",
      }),
    )
  })
}

const importFact = (wanted: Wanted, module: string): Fact =>
  ofFiles(`import ${module}`, `can import ${module} as ${wanted.image.user}`, ({ imports }) => {
    const found = imports.find((each) => each.module === module)
    if (found?.imported) return { evidence: "imported" }
    const why = found === undefined ? "nobody tried" : (found.error ?? "it failed without a word")
    return {
      evidence: why,
      wrong: {
        what: `${module} does not import: ${why}`,
        // A step that takes files out of a package names it, and is the likelier cause than its version.
        where:
          wanted.origin.set("RUN", anyOf([module])) ??
          lockedAs(wanted, normalName(module))?.where ??
          installing(wanted, []),
        fix: "install what is missing, or take it out of families.….packages in fleet.yaml",
      },
    }
  })
