import type { Step } from "../engine/engine.ts"

// A minute is what registries that count requests ask for at most, as a rule.
const pauses = [10, 30, 60]

// skopeo waits for as long as Retry-After tells, five times, for every request without a body. One with a body (a layer, a
// manifest) it gives up at once, and does not tell for how long to wait. So it is begun anew from the bytes on disk: what
// is there by then it does not send again, and its first requests wait as told.
const script = `\
quiet=$1
shift
said=$(mktemp)

# Bytes that came and went, but for what the machine says to itself, and those of files: gigabytes are unpacked at first.
moved() {
  awk 'FILENAME ~ /io$/ { if (/char/) sum += $2; next }
    FNR > 2 && !/ lo:/ { sub(/.*:/, ""); sum += $1 + $9 }
    END { printf "%.0f", sum }' "/proc/$1/io" /proc/net/dev 2>/dev/null
}

# A connection whose other end is gone without a word is waited for as long as somebody waits.
watch() {
  before=$(moved "$1") since=$(date +%s)
  while sleep 5; do
    now=$(moved "$1") at=$(date +%s)
    # Less than this is what keeps a connection open.
    if [ $((now - before)) -gt 2000 ]; then since=$at; fi
    before=$now
    if [ $((at - since)) -ge "$quiet" ]; then
      echo "nothing came from the registry or went there for $quiet s" >&2
      kill "$1"
      return
    fi
  done
}

for pause in ${pauses.join(" ")} none; do
  "$@" 2>"$said" &
  tool=$!
  watch $tool &
  watcher=$!
  wait $tool
  rc=$?
  kill $watcher 2>/dev/null
  wait $watcher 2>/dev/null
  cat "$said" >&2
  [ $rc -ne 0 ] && [ $pause != none ] && grep -Eqi 'StatusCode: 429|too ?many ?requests' "$said" || break
  echo "the registry asks to wait: again in $pause s" >&2
  sleep $pause
done
rm -f "$said"
# As timeout has it: a Dagger engine takes what a signal ended for a failure of its own, and runs it again.
[ $rc -ne 143 ] || rc=124
exit $rc
`

// A registry may take its time over a layer of gigabytes that it has just been given.
const quietSeconds = 180

/**
 * The same step, which waits where a registry says that it is asked too much (429), and does it again a few times; one
 * whose connections are dead is ended, after seconds in which nothing was sent or came.
 */
export const patient = (step: Step, quiet = quietSeconds): Step => ({
  ...step,
  argv: ["sh", "-c", script, "sh", String(quiet), ...step.argv],
})
