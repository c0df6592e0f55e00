import { mkdir, writeFile } from "node:fs/promises"
import { join, relative, resolve } from "node:path"
import { Command, Option } from "commander"
import { hostNamed } from "../../dagger/lib/fleet/named.ts"
import { line } from "../../dagger/lib/report/text.ts"
import type { Audio } from "../../dagger/lib/rollout/audio.ts"
import { composeFiles } from "../../dagger/lib/rollout/compose.ts"
import { composeFolder, requireRendered } from "../../dagger/lib/rollout/drift.ts"
import { notes } from "../../dagger/lib/rollout/header.ts"
import { type Shared, withShared } from "../options.ts"
import { openRepository } from "../repository.ts"

interface ComposeFlags extends Shared {
  host?: string
  output?: string
  check?: boolean
  audio?: Audio
}

export const composeVerb = (): Command =>
  withShared(new Command("compose").description("render what each host runs as compose files that work by hand"))
    .option("--host <name>", "only this host (default: every host)")
    .option("--output <folder>", "where the files go (default: compose/ of the repository)")
    .addOption(
      new Option("--audio <kind>", "give services that need it the host's audio").choices(["none", "snd", "pulse"]),
    )
    .option("--check", "write nothing; fail when the files there are not what fleet.yaml says")
    .action(composeAction)

async function composeAction({ host, output, check, audio, source, json }: ComposeFlags): Promise<void> {
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

const shown = (files: readonly string[], check = false): string =>
  `${files.map((path) => relative(process.cwd(), path) || path).join(", ")}${check ? ": up to date" : ""}`
