import type { News } from "../../phases/operations.ts"
import type { HistoryEntry } from "./entry.ts"
import type { HostHistory } from "./history.ts"

/** What a host's history shows of going back and of pins. One that somebody wrote in shows nothing. */
export function shownBy({
  host,
  entries,
  wrong,
  lines,
  head,
}: HostHistory): Required<Pick<News, "rolledBack" | "pinned" | "heads">> {
  if (wrong.length > 0) return { rolledBack: [], pinned: [], heads: {} }
  const ended = entries.filter(({ phase }) => phase === "ended")
  const rolledBack = ended.filter(wentBack).map(({ run, at }) => ({ host, run, at }))
  return { rolledBack, pinned: heldAt(host, ended), heads: head === undefined ? {} : { [host]: { lines, hash: head } } }
}

/** By hand, or because a deploy failed: taken back, and healthy afterwards. A first deploy has nothing to go back to. */
const wentBack = ({ verb, verdict, rolledBack, changed }: HistoryEntry): boolean =>
  (verb === "rollback" && verdict === "PASS" && changed.length > 0) ||
  (verb === "deploy" && verdict === "FAIL" && rolledBack && changed.some(({ from }) => from !== undefined))

/** A pin alone starts nothing: the deploy after it, at its tag, holds the host there. */
function heldAt(host: string, ended: readonly HistoryEntry[]): Required<News>["pinned"] {
  let pin: string | undefined
  return ended.flatMap(({ verb, verdict, tag, run, at }) => {
    if (verdict === "PASS" && verb === "pin") pin = tag
    if (verdict === "PASS" && verb === "unpin") pin = undefined
    return verb === "deploy" && verdict === "PASS" && tag === pin ? [{ host, tag, run, at }] : []
  })
}
