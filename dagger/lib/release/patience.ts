import type { Step } from "../engine/engine.ts"

// A minute is what registries that count requests ask for at most, as a rule.
const pauses = [10, 30, 60]

// skopeo waits for as long as Retry-After tells, five times, for every request without a body. One with a body (a layer, a
// manifest) it gives up at once, and does not tell for how long to wait. So it is begun anew from the bytes on disk: what
// is there by then it does not send again, and its first requests wait as told.
const script = `\
said=$(mktemp)
for pause in ${pauses.join(" ")} none; do
  "$@" 2>"$said"
  rc=$?
  cat "$said" >&2
  [ $rc -ne 0 ] && [ $pause != none ] && grep -Eqi 'StatusCode: 429|too ?many ?requests' "$said" || exit $rc
  echo "the registry asks to wait: again in $pause s" >&2
  sleep $pause
done
`

/** The same step, which waits where a registry says that it is asked too much (429), and does it again a few times. */
export const patient = (step: Step): Step => ({ ...step, argv: ["sh", "-c", script, "sh", ...step.argv] })
