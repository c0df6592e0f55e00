import { type Fact, ofConfig, ofFiles, type Wanted } from "./fact.ts"

const prefix = "org.opencontainers.image."

interface Label {
  name: string
  says: string
  right: RegExp
}

// Source: OCI image specification, annotations.md.
const labels: readonly Label[] = [
  { name: "revision", says: "the commit of its inputs", right: /^[0-9a-f]{7,64}(?:-dirty)?$/ },
  { name: "created", says: "an RFC 3339 time", right: /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,}(?:Z|[+-][0-9:]{5})$/ },
  { name: "base.digest", says: "the digest of what it stands on", right: /^sha256:[0-9a-f]{64}$/ },
]

/** What the image says about where it comes from. */
export const labelFacts = ({ origin, line, rules }: Wanted): Fact[] => [
  ...labels.map(({ name, says, right }) =>
    ofConfig(`label ${name}`, `names ${says} in ${prefix}${name}`, (config) => {
      const value = config.labels[prefix + name]
      return {
        evidence: value ?? "not set",
        wrong: right.test(value ?? "")
          ? undefined
          : {
              what: value ? `${prefix}${name} is ${JSON.stringify(value)}, not ${says}` : `${prefix}${name} is not set`,
              where: origin.set("LABEL", new RegExp(name.replace(".", "\\."))) ?? origin.file(),
              fix: "build with `fairlead build`, which sets the three labels",
            },
      }
    }),
  ),
  ofFiles("base", `stands on Debian ${suiteOf(line[0]?.base, rules.fleet.bases)}`, ({ release }) => {
    const suite = suiteOf(line[0]?.base, rules.fleet.bases)
    return {
      evidence: `${release.id || "unknown"} ${release.codename}`.trim(),
      wrong:
        release.id === "debian" && release.codename === suite
          ? undefined
          : {
              what: `image stands on ${release.id || "an unknown system"} ${release.codename}, the blueprint wants debian ${suite}`,
              where: origin.set("FROM"),
              fix: `FROM the base that fleet.yaml names for families.${line[0]?.name}`,
            },
    }
  }),
]

/** "bookworm" of "debian:bookworm-slim". */
const suiteOf = (base: string | undefined, bases: Wanted["rules"]["fleet"]["bases"]): string => {
  const found = base === undefined ? undefined : bases[base]
  return found?.bootstrap?.suite ?? /:([a-z]+)/.exec(found?.image ?? "")?.[1] ?? "bookworm"
}
