import { createHash, randomBytes } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { z } from "zod"
import { harmless, lastLines } from "../../engine/engine.ts"
import { Problem } from "../../problem.ts"
import { type Answer, readAnswer, shaped, unreadable } from "./answer.ts"
import { bundleText } from "./bundle.ts"
import type { Bundle, History, Hold, Job, JobEnd, Prunable, Pruned } from "./job.ts"
import type { JournalLine } from "./journal.ts"
import type { HostLook, Pin, Snapshot } from "./look.ts"
import { holderOf, json, patterns, readJournalLine, readLook, readSnapshot } from "./protocol.ts"
import { Fenced, LockHeld } from "./refused.ts"
import { missing, runIt, scriptSha, scriptText, takeIt } from "./script.ts"
import { type HostAnswer, type HostShell, HostUnreachable, type OnHost } from "./shell.ts"

export { Fenced, LockHeld } from "./refused.ts"

export interface RunnerOptions {
  /** For how long a host that cannot be reached is asked again. Default: 60. */
  patienceSeconds?: number
  /** Told once when a host that is asked again and again does not answer: a minute without a word looks like a hang. */
  onSilence?: (host: string, why: string, seconds: number) => void
}

/** Who wants the lock, and what for. */
export interface Claim {
  run: string
  /** "anna@laptop". */
  owner: string
  /** "deploy", "rollback", "prune", "pin". */
  verb: string
  /** A run of the same owner whose process is known to be gone: where it holds the lock, nobody waits until it is stale. */
  insteadOf?: string
}

/** What is new in a run's journal. */
export interface Waited {
  lines: JournalLine[]
  job: "running" | "none" | "died" | { exitCode: number }
}

// Of the runner: see base.sh.
const fenced = 74
const taken = 75
/** A host waits this long for news, then says that there is none: below it connections are not cut for being idle. */
const pollSeconds = 15
const waitedSchema = z.strictObject({
  line: z.array(z.string().max(1200)).max(1000).default([]),
  job: z.tuple([z.string().regex(/^(?:running|none|died|ended:\d{1,3})$/)]),
})

/** The hosts' own runners (sh/*.sh), spoken to: sends it where it is missing, reads what it answers. */
export class HostRunner {
  private readonly script = scriptText()
  private readonly sha = scriptSha(this.script)
  /** Hosts that were asked in vain for as long as patience lasted. */
  private readonly away = new Set<string>()
  /** Hosts of which it was told that they do not answer. */
  private readonly silent = new Set<string>()

  constructor(
    readonly shell: HostShell,
    readonly fleet: string,
    readonly options: RunnerOptions = {},
  ) {}

  /** Changes nothing, wants no lock. */
  async look(host: string): Promise<HostLook> {
    return readLook(host, (await this.said(host, ["look"])).stdout)
  }

  /** Throws a `LockHeld` (exit code 3) that says who holds it, since when, and for what. */
  async lock(host: string, { run, owner, verb, insteadOf }: Claim): Promise<Hold> {
    const answer = await this.told(host, ["lock", run, word(owner), verb, ...(insteadOf ? [insteadOf] : [])])
    const { token } = shaped(host, "lock", answer, z.strictObject({ token: z.tuple([z.string().regex(/^\d{1,9}$/)]) }))
    return { host, run, token: Number(token[0]) }
  }

  /** To be called at least every 20 s while nothing else is asked of a host: after 60 s of silence others may take over. */
  async beat(hold: Hold): Promise<void> {
    await this.changed(hold, "beat")
  }

  /** The run is over: also marks it so. */
  async unlock(hold: Hold): Promise<void> {
    await this.changed(hold, "unlock")
  }

  async put(hold: Hold, bundle: Bundle): Promise<void> {
    await this.changed(hold, "put", [hold.run], { input: bundleText(bundle), timeoutSeconds: 120 })
  }

  /** `from`: the number of the job's first line. The same `id` (6 hex digits) is never begun twice. */
  async start(hold: Hold, job: Job, id: string): Promise<{ from: number }> {
    const answer = await this.changed(hold, "start", [hold.run, id, ...words(job)])
    const schema = z.strictObject({ from: z.tuple([z.string().regex(/^\d{1,7}$/)]) })
    return { from: Number(shaped(hold.host, "start", answer, schema).from[0]) }
  }

  /** Journal lines from `from` on, as soon as there are any, or the job ended. */
  async wait(hold: Hold, from: number, seconds: number): Promise<Waited> {
    const options = { timeoutSeconds: seconds + 30 }
    const answer = await this.changed(hold, "wait", [hold.run, String(from), String(seconds)], options)
    const { line, job } = shaped(hold.host, "wait", answer, waitedSchema)
    const ended = /^ended:(\d+)$/.exec(job[0])?.[1]
    return {
      lines: line.map((each) => readJournalLine(hold.host, each)),
      job: ended === undefined ? (job[0] as "running") : { exitCode: Number(ended) },
    }
  }

  /** Starts a job and waits for its end, over cut connections; `onLine` is told each line once. */
  async runJob(hold: Hold, job: Job, onLine: (line: JournalLine) => void = () => {}): Promise<JobEnd> {
    let { from } = await this.start(hold, job, randomBytes(3).toString("hex"))
    const lines: JournalLine[] = []
    for (;;) {
      const told = await this.wait(hold, from, pollSeconds)
      for (const line of told.lines) {
        lines.push(line)
        onLine(line)
        from = line.number + 1
      }
      // The host tells 1000 lines at most: as long as there are some, there may be more.
      if (told.job === "running" || told.lines.length >= 1000) continue
      if (typeof told.job !== "object") return { exitCode: 3, died: true, lines }
      if (told.job.exitCode === fenced) throw new Fenced(hold.host, hold.run)
      return { exitCode: told.job.exitCode, died: false, lines }
    }
  }

  /** Calls everything that is current and running good, and keeps that as a snapshot. */
  async commit(hold: Hold, tag: string): Promise<void> {
    await this.changed(hold, "commit", [hold.run, tag], { timeoutSeconds: 180 })
  }

  /** One line of JSON (at most 64 KB) for the history. */
  async record(hold: Hold, record: unknown): Promise<void> {
    await this.changed(hold, "record", [], { input: JSON.stringify(record) })
  }

  /** What there is of it up to some 900 KB, oldest first. */
  async history(host: string): Promise<History> {
    const hash = /^[0-9a-f]{64}$/
    const schema = z.strictObject({
      before: z.tuple([z.string().regex(hash)]).optional(),
      history: z
        .array(
          z
            .string()
            .max(66_000)
            .regex(/^\S{1,64} ?/),
        )
        .default([]),
    })
    const { before, history } = shaped(host, "history", await this.told(host, ["history"]), schema)
    const records = history.map((line) => ({ hash: line.slice(0, 64), json: line.slice(65) }))
    const brokenAt = records.findIndex(({ hash, json }, index) => {
      const previous = records[index - 1]?.hash ?? before?.[0] ?? ""
      return createHash("sha256").update(`${previous} ${json}`).digest("hex") !== hash
    })
    return { records, ...(brokenAt >= 0 && { brokenAt: brokenAt + 1 }) }
  }

  /** undefined where there is none. */
  async snapshot(host: string, seq: number): Promise<Snapshot | undefined> {
    return readSnapshot(host, await this.told(host, ["snapshot", String(seq).padStart(6, "0")]))
  }

  /** The compose service as it was written down; undefined where there is none. */
  async definition(host: string, svc: string, hash: string): Promise<Record<string, unknown> | undefined> {
    const schema = z.strictObject({ definition: z.tuple([z.string().max(200_000)]).optional() })
    const answer = await this.told(host, ["definition", `${svc}.${hash}`])
    const { definition } = shaped(host, "definition", answer, schema)
    if (!definition) return undefined
    const parsed = z.record(z.string(), z.unknown()).safeParse(json(host, "definition", definition[0]))
    if (!parsed.success) throw unreadable(host, "definition", "it is no object")
    return parsed.data
  }

  async pin(hold: Hold, pin: Pin): Promise<void> {
    await this.changed(hold, "pin", [], { input: JSON.stringify(pin) })
  }

  async unpin(hold: Hold): Promise<void> {
    await this.changed(hold, "unpin")
  }

  async prune(hold: Hold, what: readonly Prunable[]): Promise<Pruned[]> {
    const input = what.map(({ kind, name }) => `${kind} ${name}\n`).join("")
    const answer = await this.changed(hold, "prune", [], { input, timeoutSeconds: 600 })
    const schema = z.strictObject({ removed: z.array(z.string()).default([]), kept: z.array(z.string()).default([]) })
    const { removed, kept } = shaped(hold.host, "prune", answer, schema)
    const why = new Map(kept.map((line) => [line.split(" ", 2).join(" "), line.split(" ").slice(2).join(" ")]))
    return what.map((each) => {
      const key = `${each.kind} ${each.name}`
      return { ...each, removed: removed.includes(key), ...(why.has(key) && { why: why.get(key)! }) }
    })
  }

  /** The last lines of a container's log. Default: 200. */
  async logs(host: string, container: string, lines = 200): Promise<string> {
    return harmless((await this.said(host, ["logs", container, String(lines)])).stdout)
  }

  /** A change shows its token. */
  private async changed({ host, run, token }: Hold, command: string, argv: string[] = [], options: OnHost = {}) {
    return this.told(host, [command, String(token), ...argv], options, run)
  }

  private async told(host: string, argv: string[], options: OnHost = {}, run = ""): Promise<Answer> {
    return readAnswer(host, argv[0]!, (await this.said(host, argv, options, run)).stdout)
  }

  /** Answered with exit code 0, or one of the Problems that people understand. */
  private async said(host: string, argv: string[], options: OnHost = {}, run = ""): Promise<HostAnswer> {
    const answer = await this.patiently(host, argv, options)
    const [command = ""] = argv
    if (answer.exitCode === 0) return answer
    const rest = answer.stdout.includes("end=1") ? readAnswer(host, command, answer.stdout) : new Map()
    const holder = holderOf(host, command, rest)
    if (answer.exitCode === fenced) throw new Fenced(host, run, holder)
    if (answer.exitCode === taken && holder) throw new LockHeld(host, holder)
    throw new Problem(`its runner could not ${command}`, {
      where: host,
      why:
        answer.exitCode === taken
          ? "it still works on another job by itself"
          : lastLines(answer.stderr || answer.stdout, 5).trim() || `exit code ${answer.exitCode}`,
      fix: answer.exitCode === taken ? "wait until it is done" : `look at ~/.fairlead/${this.fleet} on ${host}`,
    })
  }

  /**
   * Every command may be asked again: the host knows what it did already. Of a host that was waited for in vain each
   * later command is asked once, or a run with a lost host would wait at every step of going back.
   */
  private async patiently(host: string, argv: string[], options: OnHost): Promise<HostAnswer> {
    const until = Date.now() + (this.options.patienceSeconds ?? 60) * 1000
    for (let pause = 250; ; pause = Math.min(pause * 2, 4000)) {
      try {
        const answer = await this.once(host, argv, options)
        this.away.delete(host)
        this.silent.delete(host)
        return answer
      } catch (error) {
        // Another key, or no right to log in, does not change by asking again.
        const final = !(error instanceof HostUnreachable) || error.reason === "key" || error.reason === "permission"
        if (final || this.away.has(host)) throw error
        if (Date.now() + pause > until) {
          this.away.add(host)
          throw error
        }
        // A connection that was cut is there again at the second or third try: nobody has to hear of that.
        if (pause >= 1000 && !this.silent.has(host)) {
          this.silent.add(host)
          this.options.onSilence?.(host, error.what, Math.ceil((until - Date.now()) / 1000))
        }
      }
      await sleep(pause)
    }
  }

  private async once(host: string, argv: string[], options: OnHost): Promise<HostAnswer> {
    const run = () => this.shell.run(host, ["sh", "-c", runIt, "sh", this.fleet, this.sha, ...argv], options)
    const answer = await run()
    if (answer.exitCode !== missing) return answer
    const sent = await this.shell.run(host, ["sh", "-c", takeIt, "sh", this.fleet, this.sha], { input: this.script })
    if (sent.exitCode === 0) return run()
    throw new Problem("its runner could not be sent there", {
      where: host,
      why: lastLines(sent.stderr, 3).trim() || `exit code ${sent.exitCode}`,
      fix: `see that the home of fairlead's user on ${host} can be written to and is not full`,
    })
  }
}

function words(job: Job): string[] {
  if (job.job === "wave") return ["wave", job.wave, String(job.parallel), job.keepGoing ? "1" : "0"]
  return job.job === "back" ? ["back", ...(job.services ?? [])] : [job.job]
}

/** Somebody's name as one word that the host takes. */
const word = (text: string): string => {
  const plain = text.replace(/[^A-Za-z0-9_.@+-]/g, "-").slice(0, 100)
  return patterns.word.test(plain) ? plain : `_${plain}`
}
