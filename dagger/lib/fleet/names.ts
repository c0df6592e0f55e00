import { z } from "zod"
import { shown } from "./shown.ts"

/** How something is spelled, and how a person is told: `right` completes `"…" is not …`. */
interface Grammar {
  pattern: RegExp
  right: string
}

/** Text of a certain spelling, refused in a sentence that says the value and what would be right. */
export const spelled = ({ pattern, right }: Grammar) =>
  z.string().regex(pattern, { error: ({ input }) => `${shown(input)} is not ${right}` })

/**
 * A name in lower case that is also a DNS label: families, hosts, bases, builders, apps, waves.
 * Source: RFC 1123 section 2.1, at most 63 characters.
 */
export const labelSchema = spelled({
  pattern: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  right: "a DNS label: lower-case letters, digits and inner hyphens, at most 63 characters",
})

/** A service's name. The owner writes services in CamelCase; `snakeName` gives the name that containers carry. */
export const serviceNameSchema = spelled({
  pattern: /^[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/,
  right: "a service name: a letter, then letters, digits and inner hyphens, at most 63 characters",
})

/** A path in the repository, relative to its root, with "/" between its parts. */
export const pathSchema = spelled({
  pattern: /^(?!.*(?:^|\/)(?:\.{1,2}|-[^/]*)?(?:\/|$))[A-Za-z0-9._/-]{1,200}$/,
  right: 'a path inside the repository: relative, without "..", empty parts or parts that begin with "-"',
})

/**
 * The host part of an image reference: a DNS name or an IPv4 address, with an optional port.
 * Source: the grammar of github.com/distribution/reference.
 */
export const registryHostSchema = spelled({
  pattern: /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$/,
  right: 'a registry host such as "ghcr.io" or "127.0.0.1:5000": no scheme, no path, lower case',
})

/** The path between registry and family, such as an organisation. Source: as for the registry host. */
export const registryOrgSchema = spelled({
  pattern: /^(?=.{1,128}$)[a-z0-9]+(?:(?:\.|_|__|-+|\/)[a-z0-9]+)*$/,
  right: 'a registry path such as "my-fleet": lower-case letters and digits with . _ - or / between them',
})

/** An image reference without a digest, such as "debian:bookworm-slim". Source: as for the registry host. */
export const imageSchema = spelled({
  pattern:
    /^(?=.{1,255}$)(?:[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?\/)?[a-z0-9]+(?:(?:\.|_|__|-+|\/)[a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/,
  right: 'an image reference with a tag, such as "debian:bookworm-slim"',
})

/** A manifest digest. Source: OCI image specification, descriptor.md. */
export const digestSchema = spelled({
  pattern: /^sha256:[0-9a-f]{64}$/,
  right: 'a digest: "sha256:" and 64 lower-case hex digits',
})

/** A Python distribution, as package indexes normalise it. Source: PyPA specification "Names and normalization". */
export const distributionSchema = spelled({
  pattern: /^[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?$/,
  right:
    'a normalised distribution name such as "onnxruntime-gpu": lower case, hyphens only between letters and digits',
})

/** A Debian package. Source: Debian Policy, "The Package field". */
export const debianPackageSchema = spelled({
  pattern: /^[a-z0-9][a-z0-9+.-]{1,99}$/,
  right: 'a Debian package such as "libsndfile1"',
})

/** A Python version, exact. Source: PyPA specification "Version specifiers"; no operators and no wildcards. */
export const versionSchema = spelled({
  pattern: /^[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc)[0-9]+)?(?:\.post[0-9]+)?(?:\+[a-z0-9]+(?:\.[a-z0-9]+)*)?$/,
  right: 'one exact version such as "2.2.2", in quotes',
})

/** A Python module, for import probes. */
export const moduleSchema = spelled({
  pattern: /^[A-Za-z_][A-Za-z0-9_]{0,63}(?:\.[A-Za-z_][A-Za-z0-9_]{0,63}){0,7}$/,
  right: 'a Python module such as "torch" or "uvicorn.workers"',
})

/** A variable: a build argument or an environment variable. */
export const variableSchema = spelled({
  pattern: /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
  right: "a variable name: letters, digits and underscores",
})

/** A value that reaches argv, the environment or a rendered file: one line, and nothing that a shell would run. */
export const valueSchema = spelled({
  pattern: /^(?!.*(?:\$[({]|`))[^\u0000-\u001f\u007f-\u009f\u2028\u2029]{0,1000}$/u,
  right: "a plain value: one line without control characters, backquotes, $( or ${",
})

/** A sentence for people, on one line. */
export const lineSchema = spelled({
  pattern: /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]{1,300}$/u,
  right: "one line of text, at most 300 characters, without control characters",
})

/** An absolute path inside an image. */
export const imagePathSchema = spelled({
  pattern: /^(?!.*\/\.{0,2}(?:\/|$))(?:\/[A-Za-z0-9._+-]+)+$/,
  right: 'an absolute path in the image such as "/usr/bin/tini"',
})

/** A calendar day. */
export const daySchema = spelled({
  pattern: /^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$/,
  right: 'a day such as "2026-10-31"',
})

/** A TCP port. */
export const portSchema = z.int().min(1).max(65_535)

/**
 * The name that a service's container, compose entry and environment carry: "ServiceRegistry" is service_registry,
 * "RealTimeAudioPipelinePC2" is real_time_audio_pipeline_pc2, as in the owner's own compose files.
 */
export const snakeName = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .replace(/-+/g, "_")
    .toLowerCase()

/** What a record holds under a name that came from outside; "constructor" and its like are not inherited from Object. */
export const owned = <V>(record: Readonly<Record<string, V>>, name: string): V | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined

/** The known name that was probably meant, if one is near enough to be worth asking about. */
export function closest(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase()
  let best: { name: string; distance: number } | undefined
  for (const each of known) {
    const limit = Math.min(best?.distance ?? Number.POSITIVE_INFINITY, Math.ceil(Math.max(each.length, 3) / 3) + 1)
    const distance = editDistance(wanted, each.toLowerCase(), limit)
    if (distance < limit) best = { name: each, distance }
  }
  return best?.name
}

// Optimal string alignment: insertions, deletions, changes and swaps of neighbours; stops counting at `limit`.
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const next = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      next[column] = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    if (Math.min(...next) >= limit) return limit
    before = last
    last = next
  }
  return last[b.length] ?? limit
}
