import { Problem } from "../../problem.ts"
import {
  type AskedHistory,
  exitCodeOfHistory,
  type HistoryDocument,
  historyDocument,
} from "../../report/rollout-history.ts"
import { type HostHistory, runsOf } from "./history.ts"

/** Reads every host's history by `read`. A host that cannot be asked hides no other. */
export async function askHistory(
  yard: string,
  hosts: readonly string[],
  read: (host: string) => Promise<HostHistory>,
): Promise<{ document: HistoryDocument; exitCode: 0 | 1 | 3 }> {
  const asked = await Promise.all(hosts.map((host) => historyOf(host, read)))
  const found = asked.flatMap((each) => ("problem" in each ? [] : [each]))
  const document = historyDocument(yard, asked, runsOf(found))
  return { document, exitCode: exitCodeOfHistory(document) }
}

async function historyOf(host: string, read: (host: string) => Promise<HostHistory>): Promise<AskedHistory> {
  try {
    return await read(host)
  } catch (error) {
    if (error instanceof Problem) return { host, problem: error.message }
    throw error
  }
}
