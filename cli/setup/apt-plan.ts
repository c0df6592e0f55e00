import type { OsRelease } from "./machine.ts"

/** A package index of the machine's own apt configuration. */
export interface AptIndex {
  codename: string
  /** Where its mirror is, as the machine's own configuration says. */
  uri: string
  /** The keyring that the configuration names for it. */
  signedBy?: string
}

export type Wanted = "engine" | "buildx"

/** What apt has to be told and asked for. */
export interface AptPlan {
  packages: string[]
  /** Asked for only where the suites have them. */
  optional: string[]
  /** path -> text of the files that make them available. */
  files: Record<string, string>
}

export const sourcesFile = "/etc/apt/sources.list.d/fairlead.sources"
export const preferencesFile = "/etc/apt/preferences.d/fairlead"

// What bookworm takes from trixie: its own Docker is 20.10, which cannot read zstd layers. runc, containerd and iptables
// stay bookworm's, so nothing else of the system moves.
const fromTrixie = ["docker.io", "docker-cli", "docker-buildx", "docker-compose"]

/** How a container engine comes onto a Debian or an Ubuntu. */
export function aptPlan(os: OsRelease, wanted: Wanted, indexes: readonly AptIndex[]): AptPlan {
  if (os.id === "ubuntu") {
    return wanted === "buildx"
      ? { packages: ["docker-buildx"], optional: [], files: {} }
      : { packages: ["docker.io", "docker-buildx", "iptables"], optional: ["docker-compose-v2"], files: {} }
  }
  const files = os.codename === "bookworm" ? trixieFiles(indexes) : {}
  return wanted === "buildx"
    ? { packages: ["docker-buildx"], optional: [], files }
    : { packages: ["docker.io", "docker-cli", "docker-buildx", "iptables"], optional: ["docker-compose"], files }
}

/** trixie from the machine's own mirrors, wanted for Docker and for nothing else. */
function trixieFiles(indexes: readonly AptIndex[]): Record<string, string> {
  const hasTrixie = indexes.some(({ codename }) => codename === "trixie")
  const pin = (packages: string, priority: number) =>
    `Package: ${packages}\nPin: release n=trixie*\nPin-Priority: ${priority}\n`
  // Below 100, apt never moves an installed package to trixie. Where somebody chose trixie for themselves, only Docker is ours to pin.
  const pins = [...(hasTrixie ? [] : [pin("*", 1)]), pin(fromTrixie.join(" "), 900)]
  const preferences = { [preferencesFile]: `${header}\n${pins.join("\n")}` }
  if (hasTrixie) return preferences
  const suites = [
    ["bookworm", "trixie"],
    ["bookworm-security", "trixie-security"],
  ].flatMap(([from, to]) => {
    const index = indexes.find(({ codename }) => codename === from)
    return index ? [stanza(index, to!)] : []
  })
  return { ...preferences, [sourcesFile]: `${header}\n${suites.join("\n")}` }
}

const header =
  "# Written by Fairlead, and removed by `fairlead clean --engine`: Docker 26 from trixie, all else from bookworm."

const stanza = ({ uri, signedBy }: AptIndex, suite: string): string =>
  [
    "Types: deb",
    `URIs: ${uri}`,
    `Suites: ${suite}`,
    "Components: main",
    ...(signedBy ? [`Signed-By: ${signedBy}`] : []),
    "",
  ].join("\n")

/** What `apt-get --simulate install` says it would do. */
export interface Simulated {
  /** Not installed today. */
  added: string[]
  upgraded: string[]
  removed: string[]
}

export function readSimulation(output: string): Simulated {
  const simulated: Simulated = { added: [], upgraded: [], removed: [] }
  for (const line of output.split("\n")) {
    const [, verb, name, installed] = /^(Inst|Remv|Purg) (\S+)( \[[^\]]*\])?/.exec(line) ?? []
    if (!verb) continue
    const list = verb !== "Inst" ? simulated.removed : installed ? simulated.upgraded : simulated.added
    list.push(name!.replace(/:[^:]+$/, ""))
  }
  return simulated
}

/** `apt-get indextargets` in the format that apt.ts asks for, a line each: codename, URI, place. Not those of our own file. */
export function readIndexes(output: string, signedBy: (place: string) => string | undefined): AptIndex[] {
  return output.split("\n").flatMap((line) => {
    const [codename, uri, place] = line.split(" ")
    if (!codename || !uri || !place || place.startsWith(sourcesFile)) return []
    return [{ codename, uri, signedBy: signedBy(place) }]
  })
}

/** The keyring of a sources entry, named by its place: FILE.list:LINE, or FILE.sources:STANZA. */
export function keyringOf(text: string, place: string): string | undefined {
  const [, kind, number] = /\.(list|sources):(\d+)$/.exec(place) ?? []
  if (kind === "list") return /\[[^\]]*signed-by=([^\s\]]+)/i.exec(text.split("\n")[Number(number) - 1] ?? "")?.[1]
  const stanzas = text.split(/\n\s*\n/).filter((each) => /^[^#\s]/m.test(each))
  return /^Signed-By:[ \t]*(\/\S+)[ \t]*$/im.exec(stanzas[Number(number) - 1] ?? "")?.[1]
}
