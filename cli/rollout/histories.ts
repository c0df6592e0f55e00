import type { HostHistory } from "../../dagger/lib/rollout/history/history.ts"
import { readHistory } from "../../dagger/lib/rollout/history/history.ts"
import { shownBy } from "../../dagger/lib/rollout/history/shown.ts"
import type { OpenHosts } from "./hosts.ts"
import { operationsOf, recordOperations } from "./operations.ts"

/** Reads hosts' histories, keeps what they show, and answers them. */
export async function readHistories(
  { chosen, runner }: Pick<OpenHosts, "chosen" | "runner">,
  hosts: readonly string[],
): Promise<HostHistory[]> {
  const { fleet, yard } = chosen
  const { heads } = await operationsOf(fleet, yard)
  const histories = await Promise.all(
    hosts.map(async (host) =>
      readHistory(host, await runner.history(host), Object.hasOwn(heads, host) ? heads[host] : undefined),
    ),
  )
  const shown = histories.map(shownBy)
  await recordOperations(fleet, yard, {
    rolledBack: shown.flatMap(({ rolledBack }) => rolledBack),
    pinned: shown.flatMap(({ pinned }) => pinned),
    heads: Object.assign({}, ...shown.map(({ heads }) => heads)),
  })
  return histories
}
