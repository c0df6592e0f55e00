import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"

// In the order in which the parts use each other; the last one begins, so that a file that was cut off does nothing.
const parts = ["base", "lock", "look", "run", "switch", "jobs", "keep", "main"] as const

/** The runner that a host gets: one file. */
export const scriptText = (): string =>
  parts.map((part) => readFileSync(new URL(`./sh/${part}.sh`, import.meta.url), "utf8")).join("\n")

/** The first 12 hex digits of its SHA-256: which runner it is, and its file's name on a host. */
export const scriptSha = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 12)

/** Runs the runner with the words that follow, or says by exit code 73 that it is not there: `sh -c` of this, "sh", fleet, sha, … */
export const runIt = `f=$HOME/.fairlead/$1/host-$2.sh
[ -r "$f" ] || exit 73
fleet=$1
shift 2
exec sh "$f" "$fleet" "$@"`

export const missing = 73

/** Takes the runner on stdin; what a cut connection left of it never gets the name. */
export const takeIt = `umask 077
d=$HOME/.fairlead/$1
mkdir -p "$d" && cat >"$d/host-$2.$$" && case $(sha256sum <"$d/host-$2.$$") in
"$2"*) mv -f "$d/host-$2.$$" "$d/host-$2.sh" ;;
*) rm -f "$d/host-$2.$$"; echo "the file did not arrive whole" >&2; exit 1 ;;
esac`
