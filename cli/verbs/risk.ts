import { readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Command, InvalidArgumentError } from "commander"
import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import { Problem, wrongInput } from "../../dagger/lib/problem.ts"
import { acceptedText, risksText } from "../../dagger/lib/report/risks.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { loadRisks, parseRisks } from "../../dagger/lib/risks/load.ts"
import { type AcceptRequest, proposeAcceptance, remainingFindings } from "../../dagger/lib/risks/propose.ts"
import { risksFileName } from "../../dagger/lib/risks/risk.ts"
import { unseen } from "../../dagger/lib/risks/shown.ts"
import { riskNotes, standingRisks } from "../../dagger/lib/risks/standing.ts"
import { withProposal } from "../../dagger/lib/risks/write.ts"
import { clock, movedNote } from "../clock.ts"
import { authorOf } from "../git.ts"
import { newestRecords } from "../newest.ts"
import { family, registry, type Shared, withShared } from "../options.ts"
import { openRepository } from "../repository.ts"

interface AcceptFlags extends Shared {
  reason: string
  package?: string
  family?: string[]
  days?: number
  reviewBy?: string
  by?: string
  renew?: boolean
  registry?: string
}

/** The verb `risk` with what can be done: `accept` and `list`. */
export const riskVerb = (): Command =>
  new Command("risk")
    .description("dated risk acceptances, kept in risks.yaml")
    .addCommand(acceptVerb().exitOverride())
    .addCommand(listVerb().exitOverride())

const acceptVerb = (): Command =>
  withShared(new Command("accept").description("let a finding pass until a day; writes risks.yaml, which you commit"))
    .argument("<id>", 'a CVE or any other name of the weakness, as a gate told it; "*" for everything')
    .requiredOption("--reason <text>", "why it may pass, in one line")
    .option("--package <name>", 'only in this package (default: one entry for each that has it); "*" for all in one')
    .addOption(family())
    .option("--days <n>", "how long it holds (default: as long as policy.risks.maxDays allows)", wholeNumber)
    .option("--review-by <date>", "the last day on which it holds")
    .option("--by <who>", "who answers for it (default: git's user.name and user.email)")
    .option("--renew", "replace an acceptance that is in force")
    .addOption(registry())
    .action(accept)

async function accept(id: string, flags: AcceptFlags): Promise<void> {
  const repository = await openRepository(flags.source)
  // Never by a moved clock: an acceptance begins today.
  const now = new Date()
  const path = join(repository.root, risksFileName)
  const before = await textAt(path)
  const risks = await loadRisks(repository.root, repository.fleet, now)
  const { records } = await newestRecords(repository, flags.registry)
  const on = { fleet: repository.fleet, risks, records, now }
  const request: AcceptRequest = { ...flags, id, by: flags.by ?? (await author(repository)), families: flags.family }
  const proposal = proposeAcceptance(request, on)
  const text = withProposal(before, risks, proposal)
  // What is written is read before it counts: a file that could not be read would stop every verb.
  const after = parseRisks(text, repository.fleet, now)
  if ((await textAt(path)) !== before) throw changedMeanwhile()
  await writeWhole(path, text)
  const families = [...new Set(proposal.added.flatMap((each) => Object.keys(each.families)))]
  const remaining = remainingFindings(families, { risks: after, records, now })
  const blind = families.flatMap((name) => {
    const why = unseen(records[name]!)
    return why ? [`${name} (${why})`] : []
  })
  if (!flags.json) return console.log(acceptedText(proposal, remaining, blind))
  const replaced = proposal.replaced.map(({ risk, families }) => ({ ...risk, families }))
  console.log(JSON.stringify({ schema: 1, accepted: proposal.added, replaced, failing: remaining, unchecked: blind }))
}

const listVerb = (): Command =>
  withShared(new Command("list").description("every acceptance: who, until when, and whether it is in force"))
    .addOption(registry())
    .action(async (flags: Shared & { registry?: string }) => {
      const repository = await openRepository(flags.source)
      const time = clock()
      const risks = await loadRisks(repository.root, repository.fleet)
      const { records } = await newestRecords(repository, flags.registry)
      const standing = standingRisks(risks, records, time.now)
      if (flags.json) return console.log(JSON.stringify({ schema: 1, at: time.now.toISOString(), risks: standing }))
      const notes = [movedNote(time), ...riskNotes(risks, records, time.now)].filter((note) => note !== undefined)
      console.log(
        [risksText(standing), ...(notes.length > 0 ? [""] : []), ...notes.map((note) => line("note", note))].join("\n"),
      )
    })

async function author({ root }: Repository): Promise<string> {
  const author = await authorOf(root)
  if (author) return author
  throw wrongInput("nobody is named who answers for it", {
    where: "risk accept",
    why: "git knows no user.name and user.email here",
    fix: 'pass --by "name <mail>", or set git config user.name and user.email',
  })
}

const textAt = (path: string): Promise<string | undefined> =>
  readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw wrongInput(`cannot be read: ${error.code ?? error.message}`, { where: path })
  })

/** Whole or not at all. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.draft`
  try {
    await writeFile(draft, text, { flag: "wx" })
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    const why = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new Problem(`${risksFileName} cannot be written`, {
      where: path,
      why,
      fix: "nothing was changed; mend that and run it again",
    })
  }
}

const changedMeanwhile = () =>
  new Problem(`${risksFileName} was changed while this ran`, { fix: "nothing was written; run the same command again" })

function wholeNumber(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text)) throw new InvalidArgumentError("it is no whole number.")
  return Number(text)
}
