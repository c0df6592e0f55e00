import { readFile } from "node:fs/promises"

/** Where Debian's packages come from: the archive, and the one of security updates where it is known. */
export interface Mirrors {
  archive: string
  security?: string
  /** apt would refuse their lists by now: they are of a day that is over, and say until when they hold. */
  past?: true
}

/** An entry of apt's sources, in either of their formats. */
export interface Source {
  uri: string
  suite: string
  components: readonly string[]
}

/** The mirrors that somebody named, else those that this Debian uses itself; undefined: mmdebstrap's own default. */
export async function chosenMirrors(codename: string, sources: readonly string[]): Promise<Mirrors | undefined> {
  const named = process.env.FAIRLEAD_DEBIAN_MIRROR
  if (named) return withSecurity(named, process.env.FAIRLEAD_DEBIAN_SECURITY_MIRROR)
  const entries = sources.flatMap(readSources)
  return mirrorsOf(await Promise.all(entries.map(resolved)), codename)
}

/** The archive as it was at a moment, as snapshot.debian.org serves it, or whoever is named in its place. */
export function snapshotMirrors(moment: string): Mirrors {
  const service = bare(process.env.FAIRLEAD_DEBIAN_SNAPSHOT_MIRROR || "http://snapshot.debian.org/archive")
  return { archive: `${service}/debian/${moment}`, security: `${service}/debian-security/${moment}`, past: true }
}

/** Debian's own archive among a machine's sources: others name their suites after Debian's, but have no suite of updates. */
export function mirrorsOf(sources: readonly Source[], codename: string): Mirrors | undefined {
  const main = sources.filter(({ uri, components }) => components.includes("main") && /^https?:/.test(uri))
  const of = (suite: string) => main.filter((each) => each.suite === suite).map(({ uri }) => uri)
  const updated = of(`${codename}-updates`)
  const archive = of(codename).find((uri) => updated.includes(uri))
  return archive === undefined ? undefined : withSecurity(archive, of(`${codename}-security`)[0])
}

function withSecurity(archive: string, security?: string): Mirrors {
  const beside = /\/debian$/.test(bare(archive)) ? `${bare(archive)}-security` : undefined
  return { archive: bare(archive), security: security ? bare(security) : beside }
}

const bare = (uri: string): string => uri.replace(/\/+$/, "")

/** Both of apt's formats: one line per entry, or deb822. */
export function readSources(text: string): Source[] {
  const plain = text.replace(/^[ \t]*#.*\n?/gm, "")
  return /^Types:/im.test(plain) ? readStanzas(plain) : readLines(plain)
}

function readLines(text: string): Source[] {
  return text.split("\n").flatMap((each) => {
    const [, uri, suite, components] = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$/.exec(each.trim()) ?? []
    return uri && suite && components ? [{ uri, suite, components: words(components) }] : []
  })
}

function readStanzas(text: string): Source[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string) => words(new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, "im").exec(stanza)?.[1] ?? "")
    if (!field("Types").includes("deb") || field("Enabled")[0] === "no") return []
    const components = field("Components")
    return field("URIs").flatMap((uri) => field("Suites").map((suite) => ({ uri, suite, components })))
  })
}

const words = (text: string): string[] => text.trim().split(/\s+/).filter(Boolean)

/** Debian's cloud images keep their mirrors in a file of their own, which no container has. */
async function resolved(source: Source): Promise<Source> {
  const path = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(source.uri)?.[1]
  if (!path) return source
  const list = await readFile(path, "utf8").catch(() => "")
  return { ...source, uri: /^https?:\S+/m.exec(list)?.[0] ?? source.uri }
}

export interface Bootstrap {
  suite: string
  /** SOURCE_DATE_EPOCH. */
  epoch: number
  mirrors?: Mirrors
  /** The tar file to write. */
  target: string
  /** The file to list "package version" in. */
  packages: string
}

/**
 * The argv and environment that make a slim Debian: what apt needs and nothing else, without documentation, manuals and
 * translations, the same bytes each time as long as the mirror has the same packages.
 */
export function mmdebstrap({ suite, epoch, mirrors, target, packages }: Bootstrap): {
  argv: [string, ...string[]]
  env: Record<string, string>
} {
  const deb = mirrors?.past ? "deb [check-valid-until=no]" : "deb"
  const sources = mirrors
    ? [
        `${deb} ${mirrors.archive} ${suite} main`,
        `${deb} ${mirrors.archive} ${suite}-updates main`,
        ...(mirrors.security ? [`${deb} ${mirrors.security} ${suite}-security main`] : []),
      ]
    : []
  return {
    argv: [
      "mmdebstrap",
      "--variant=apt",
      "--architectures=amd64",
      "--components=main",
      "--format=tar",
      "--include=passwd,usr-is-merged",
      // Device nodes cannot be unpacked without root, and every container gets its own.
      "--skip=output/dev",
      ...leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
      "--dpkgopt=path-include=/usr/share/doc/*/copyright",
      `--setup-hook=${setUp}`,
      `--customize-hook=${settle}`,
      suite,
      target,
      ...sources,
    ],
    env: { SOURCE_DATE_EPOCH: String(epoch), FAIRLEAD_PACKAGES: packages, LC_ALL: "C.UTF-8" },
  }
}

const leftOut = ["doc", "groff", "info", "linda", "lintian", "locale", "man"].map((each) => `/usr/share/${each}/*`)

// Without the links, and with usrmerge to choose from, all of Perl comes along to make them (48 MB).
const setUp = `set -eu
mkdir -p "$1/etc/apt/preferences.d"
printf 'Package: usrmerge\\nPin: release *\\nPin-Priority: -1\\n' > "$1/etc/apt/preferences.d/usrmerge"
for each in bin sbin lib lib64; do
  mkdir -p "$1/usr/$each"
  [ -L "$1/$each" ] || ln -s "usr/$each" "$1/$each"
done`

// apt.conf.d: as in Docker's own slim images, and by the same names, since Dockerfiles remove docker-clean by its name.
const settle = `set -eu
dpkg-query --admindir="$1/var/lib/dpkg" --show --showformat '\${Package} \${Version}\\n' > "$FAIRLEAD_PACKAGES"
mv "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$1/etc/dpkg/dpkg.cfg.d/slim"
printf 'force-unsafe-io\\n' > "$1/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
cd "$1/etc/apt/apt.conf.d"
cat > docker-clean <<'END'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
END
printf 'Acquire::Languages "none";\\n' > docker-no-languages
printf 'Acquire::GzipIndexes "true";\\n' > docker-gzip-indexes
printf 'Apt::AutoRemove::SuggestsImportant "false";\\n' > docker-autoremove-suggests
cd "$1"
rm -f etc/hostname etc/resolv.conf etc/machine-id var/lib/dbus/machine-id etc/apt/preferences.d/usrmerge
rm -f etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/.pwd.lock
rm -f var/cache/apt/*.bin var/cache/debconf/*-old var/lib/dpkg/*-old var/cache/ldconfig/aux-cache
rm -rf var/cache/debconf/tmp.ci var/log/apt var/log/dpkg.log var/log/alternatives.log var/log/bootstrap.log
# What one release of mmdebstrap does otherwise than the next: notes of what was installed on request, and folders' times.
rm -f var/lib/apt/extended_states
find . -xdev \\( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run \\) -prune -o -type d -exec touch --date "@$SOURCE_DATE_EPOCH" {} +`
