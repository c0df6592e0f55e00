import { z } from "zod"
import type { HostHistory, Run } from "../rollout/history/history.ts"
import { shortImage } from "../rollout/host/names.ts"
import { pc } from "./colours.ts"
import { line, table } from "./text.ts"

const verdict = z.enum(["PASS", "FAIL", "ERROR"])
const verb = z.enum(["deploy", "rollback", "pin", "unpin", "prune"])

/** What `history --json` prints. */
export const historySchema = z.object({
  schema: z.literal(1).describe("The version of this document's format."),
  yard: z.string(),
  sound: z.boolean().describe("Every host was asked, and nobody wrote in any of their histories."),
  hosts: z.array(
    z.object({
      host: z.string(),
      reachable: z.boolean(),
      problem: z.string().optional().describe("Why it could not be asked."),
      lines: z.number(),
      wrong: z.array(z.string()).describe("Which line was changed, or that lines are missing."),
    }),
  ),
  runs: z
    .array(
      z.object({
        run: z.string(),
        verb,
        by: z.string(),
        tag: z.string(),
        reason: z.string().optional(),
        at: z.string().describe("When it began, in UTC, by the clock of whoever deployed."),
        verdict: verdict.optional().describe("The worst of its hosts: FAIL was taken back, ERROR could not be."),
        unfinished: z.boolean().describe("On one host at least, nobody wrote down that it ended."),
        rolledBack: z.boolean(),
        hosts: z.array(
          z.object({
            host: z.string(),
            began: z.string().optional(),
            ended: z.string().optional(),
            verdict: verdict.optional(),
            changed: z.array(z.object({ service: z.string(), from: z.string().optional(), to: z.string() })),
            rolledBack: z.boolean(),
            notes: z.array(z.string()),
          }),
        ),
      }),
    )
    .describe("The newest first."),
})

/** The document; `z.infer` of its schema. */
export type HistoryDocument = z.infer<typeof historySchema>

/** A host's history, or why it could not be asked for. */
export type AskedHistory = HostHistory | { host: string; problem: string }

export function historyDocument(yard: string, hosts: readonly AskedHistory[], runs: readonly Run[]): HistoryDocument {
  const told = hosts.map((each) =>
    "problem" in each
      ? { host: each.host, reachable: false, problem: each.problem, lines: 0, wrong: [] }
      : { host: each.host, reachable: true, lines: each.lines, wrong: each.wrong },
  )
  const sound = told.every(({ reachable, wrong }) => reachable && wrong.length === 0)
  return { schema: 1, yard, sound, hosts: told, runs: [...runs] }
}

/** 1 where somebody wrote in a history, 3 where a host could not be asked, else 0. */
export function exitCodeOfHistory({ hosts }: HistoryDocument): 0 | 1 | 3 {
  if (hosts.some(({ wrong }) => wrong.length > 0)) return 1
  return hosts.some(({ reachable }) => !reachable) ? 3 : 0
}

const mostRuns = 20

/** The same for people: a line for each run, the newest first; what is wrong last, where it is seen. */
export function historyText(document: HistoryDocument, { all = false }: { all?: boolean } = {}): string {
  const { runs, hosts, yard } = document
  const told = all ? runs : runs.slice(0, mostRuns)
  const more = runs.length - told.length
  const rows = told.map((run) => [
    run.at.slice(0, 16).replace("T", " "),
    run.run,
    run.verb,
    run.tag,
    run.by,
    onHosts(run),
    howItEnded(run),
  ])
  const notes = told.flatMap(({ run, hosts, verdict }) =>
    (all || verdict !== "PASS" ? hosts : []).flatMap(({ host, notes }) =>
      notes.map((note) => line(run, `${host}: ${note}`)),
    ),
  )
  return [
    line("yard", yard),
    ...(rows.length > 0 ? [table(["when (UTC)", "run", "what", "tag", "who", "where", "how it ended"], rows)] : []),
    ...(notes.length > 0 ? [notes.join("\n")] : []),
    [
      ...(more > 0 ? [line("", `and ${more} older runs (--all shows them, with what changed)`)] : []),
      ...hosts.flatMap(({ host, problem }) => (problem ? [line(host, `${pc.red("not asked")}: ${problem}`)] : [])),
      ...hosts.flatMap(({ host, wrong }) =>
        wrong.map((each) => line(host, `${pc.red("somebody wrote in its history")}: ${each}`)),
      ),
      line("history", ending(document)),
    ].join("\n"),
    ...(all ? [changes(told)] : []),
  ].join("\n\n")
}

const onHosts = ({ hosts }: HistoryDocument["runs"][number]): string =>
  hosts.map(({ host, changed }) => (changed.length > 0 ? `${host} ${changed.length}` : host)).join(", ")

function howItEnded({ verdict, unfinished, rolledBack, reason, verb }: HistoryDocument["runs"][number]): string {
  const because = reason === undefined ? "" : `: ${reason}`
  if (unfinished) return pc.yellow(`not ended${verdict ? ` everywhere (${words[verdict]})` : ""}`)
  if (verdict === undefined) return "not known"
  const back = rolledBack && verdict === "FAIL" ? ", taken back" : ""
  const told = verdict === "PASS" ? words.PASS : pc.red(`${words[verdict]}${back}`)
  return verb === "pin" || verb === "unpin" || verb === "rollback" ? `${told}${because}` : told
}

const words = { PASS: "ok", FAIL: "failed", ERROR: "FAILED" }

function changes(runs: readonly HistoryDocument["runs"][number][]): string {
  const rows = runs.flatMap(({ run, hosts }) =>
    hosts.flatMap(({ host, changed }) =>
      changed.map(({ service, from, to }) => [run, host, service, from ? shortImage(from) : "nothing", shortImage(to)]),
    ),
  )
  return rows.length > 0 ? table(["run", "host", "service", "from", "to"], rows) : line("changed", "nothing")
}

function ending({ runs, hosts }: HistoryDocument): string {
  const lines = hosts.reduce((sum, each) => sum + each.lines, 0)
  const bad = hosts.filter(({ wrong }) => wrong.length > 0).map(({ host }) => host)
  if (bad.length > 0) return pc.red(`not to be trusted on ${bad.join(", ")}`)
  return runs.length === 0
    ? "nothing was deployed yet"
    : `${runs.length} runs, ${lines} lines, each follows from the one before`
}
