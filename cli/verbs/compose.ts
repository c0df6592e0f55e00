import { mkdir, writeFile } from "node:fs/promises"
import { join, relative, resolve } from "node:path"
import { Command, Option } from "commander"
import { hostNamed } from "../../dagger/lib/fleet/named.ts"
import { wrongInput } from "../../dagger/lib/problem.ts"
import { line } from "../../dagger/lib/report/text.ts"
import type { Audio } from "../../dagger/lib/rollout/audio.ts"
import { composeFiles } from "../../dagger/lib/rollout/compose.ts"
import { composeFolder, requireRendered } from "../../dagger/lib/rollout/drift.ts"
import { notes } from "../../dagger/lib/rollout/header.ts"
import { type Shared, withShared } from "../options.ts"
import { openRepository } from "../repository.ts"
import { type OrchestratorFlags, renderFor } from "./compose-for.ts"

interface ComposeFlags extends Shared, Partial<OrchestratorFlags> {
  check?: boolean
  audio?: Audio
}

export const composeVerb = (): Command =>
  withShared(new Command("compose").description("render what each host runs as compose files that work by hand"))
    .option("--host <name>", "only this host (default: every host)")
    .option("--output <folder>", "where the files go (default: compose/ of the repository; with --for: stdout)")
    .addOption(
      new Option("--audio <kind>", "give services that need it the host's audio").choices(["none", "snd", "pulse"]),
    )
    .option("--check", "write nothing; fail when the files there are not what fleet.yaml says")
    .addOption(
      new Option("--for <orchestrator>", "render the fleet for an orchestrator instead").choices([
        "swarm",
        "kubernetes",
      ]),
    )
    .option("--tag <tag>", "with --for: the release that everything runs (default: current)")
    .option("--digests", "with --for: name images by the digests that this machine released, too")
    .option(
      "--registry <host[:port][/org]>",
      "with --for: where images are (default: FAIRLEAD_REGISTRY, then fleet.yaml)",
    )
    .option("--observability <ip>", "with --for: where the receiver is (default: as fleet.yaml says)")
    .action(composeAction)

async function composeAction(flags: ComposeFlags): Promise<void> {
  const { host, output, check, audio, source, json } = flags
  requireFitting(flags)
  if (flags.for) return renderFor({ ...flags, for: flags.for })
  const { root, fleet } = await openRepository(source)
  const hosts = host === undefined ? Object.keys(fleet.hosts) : [hostNamed(fleet, host).name]
  const folder = output === undefined ? join(root, composeFolder) : resolve(output)
  const rendered = hosts.map((each) => ({ host: each, files: composeFiles(fleet, each, { audio }) }))
  if (check) {
    await requireRendered(folder, Object.assign({}, ...rendered.map(({ files }) => files)), { only: host })
  } else {
    await mkdir(folder, { recursive: true })
    for (const { files } of rendered)
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  }
  const told = rendered.map(({ host, files }) => ({
    host,
    files: Object.keys(files).map((name) => join(folder, name)),
    notes: notes(fleet, host),
  }))
  if (json) console.log(JSON.stringify({ schema: 1, hosts: told }))
  else
    for (const { host, files, notes } of told)
      console.log([line(host, shown(files, check)), ...notes.map((note) => line("note", note))].join("\n"))
}

/** Flags of one way to render mean nothing in the other, and none is left unsaid. */
function requireFitting(flags: ComposeFlags): void {
  const wrong = flags.for
    ? (["check", "audio"] as const).filter((name) => flags[name] !== undefined)
    : (["tag", "digests", "registry", "observability"] as const).filter((name) => flags[name] !== undefined)
  if (wrong.length === 0) return
  const what = flags.for ? "is about compose files" : "is about orchestrators"
  throw wrongInput(what, { where: `--${wrong[0]}`, fix: flags.for ? "leave it or --for out" : "give --for as well" })
}

const shown = (files: readonly string[], check = false): string =>
  `${files.map((path) => relative(process.cwd(), path) || path).join(", ")}${check ? ": up to date" : ""}`
