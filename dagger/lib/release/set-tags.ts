import { Problem } from "../problem.ts"
import { patient } from "./patience.ts"
import type { Registry } from "./registry.ts"

/** A tag, and the digest that it is to point to. */
export interface Tagging {
  tag: string
  digest: string
  /** What the registry answers for it is compared before another tag of the image is set. */
  check?: boolean
}

/** An image and its tags, in the order in which they are to show. */
export interface ImageTags {
  family: string
  tags: readonly Tagging[]
}

// One container for all images: started for each, a fleet in which nothing changed would take longer than its build from
// the cache. For each image a number of copies, and three words for each of them: from, to, and the digest to compare or
// "-". Its first that fails ends an image's. Four side by side, as many as are uploaded at once.
const script = `\
set -u
from=$1
to=$2
look=$3
shift 3
failed=$(mktemp -u)

# On a busy machine an answer was once cut off, with exit code 0: only what is told three times is believed.
compare() {
  for _ in 1 2 3; do
    text=$(skopeo inspect --raw $look \${AUTH:+--authfile "$AUTH"} "$1" && echo .) || return
    found=sha256:$(printf %s "\${text%.}" | sha256sum | cut -c 1-64)
    [ "$found" != "$2" ] || return 0
  done
  echo "other $1 $found"
  return 1
}

set_one() {
  skopeo copy --quiet --preserve-digests --retry-times 3 $from $to \${AUTH:+--authfile "$AUTH"} "$1" "$2" || return
  [ "$3" = - ] || compare "$2" "$3"
}

i=0
while [ $# -gt 0 ]; do
  left=$1
  shift
  (
    while [ "$left" -gt 0 ]; do
      set_one "$1" "$2" "$3" || { touch "$failed"; break; }
      shift 3
      left=$((left - 1))
    done
  ) &
  shift $((left * 3))
  i=$((i + 1))
  [ $((i % 4)) -ne 0 ] || wait
done
wait
[ ! -e "$failed" ] || { rm "$failed"; exit 1; }
`

/**
 * Lets tags point to digests that are there already: an image's one after the other, a manifest upload each. Throws a
 * Problem where the registry answers something else for a tag that is to be checked, and StepError where it fails.
 */
export async function setTags(registry: Registry, images: readonly ImageTags[]): Promise<void> {
  const asked = images.filter(({ tags }) => tags.length > 0)
  if (asked.length === 0) return
  const [one] = asked.length === 1 ? asked : []
  const about = one ? `${one.family}:${one.tags.map(({ tag }) => tag).join(", ")}` : `${asked.length} images`
  const step = registry.step(`tag ${about}`, ["copy"])
  const [auth] = Object.keys(step.secrets ?? {})
  const words = asked.flatMap(({ family, tags }) => [
    String(tags.length),
    ...tags.flatMap(({ tag, digest, check }) => [
      ...[registry.refByDigest(family, digest), registry.ref(family, tag), check ? digest : "-"],
    ]),
  ])
  const tls = (["src-", "dest-", ""] as const).map((side) => registry.tls(side).join(""))
  const asking = patient({
    ...step,
    argv: ["sh", "-c", script, "sh", ...tls, ...words],
    env: auth === undefined ? {} : { AUTH: auth },
  })
  const ran = await registry.engine.run(asking)
  if (ran.exitCode !== 0) throw otherImage(registry, asked, ran.stdout) ?? registry.failed(asking, ran)
}

/** What the step says where the registry answers another image than was pushed. */
function otherImage(registry: Registry, images: readonly ImageTags[], said: string): Problem | undefined {
  const [, ref, found] = /^other (\S+) (\S+)$/m.exec(said) ?? []
  const all = images.flatMap(({ family, tags }) => tags.map((each) => ({ family, ...each })))
  const asked = all.find(({ family, tag }) => ref === registry.ref(family, tag))
  if (!asked) return undefined
  return new Problem(`${asked.family}:${asked.tag} is ${found}, not ${asked.digest}`, {
    where: registry.address.host,
    why: "the registry answers another image than the one that was pushed",
    fix: "find out who else writes this tag, then run ship again",
  })
}
