import { existsSync } from "node:fs"
import { cp, link, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import type { ToolboxPart } from "../../dagger/lib/engine/engine.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { signingKeyPath } from "../keys.ts"
import { inHome } from "../state.ts"
import { baseLayout } from "./bases.ts"
import { registryAddress } from "./registry.ts"
import { saveToolbox } from "./toolbox.ts"

/** What the module's functions run steps with. */
const parts: readonly ToolboxPart[] = ["build", "sbom", "run", "lint", "scan", "sign", "ssh"]

// A service is each session's own: as an argument of the constructor it would keep every function from being answered from
// the engine's cache, those among them that ask no registry.
const withRegistry = ["SHIP", "SHIPREPORT", "VERIFY", "PREFLIGHT", "DEPLOY", "ROLLBACK"] as const

/**
 * Keeps the toolbox and the bases as files and names them in `.env` beside dagger.json, where Dagger looks for defaults:
 * `dagger call build --family web` then needs no image registry. Lines of others in that file stay.
 */
export async function writeDaggerDefaults(root: string, fleet: Fleet, ca: string | undefined): Promise<string> {
  const toolbox = inHome("dagger", "toolbox")
  const bases = inHome("dagger", "bases")
  await rm(inHome("dagger"), { recursive: true, force: true })
  await Promise.all([toolbox, bases].map((folder) => mkdir(folder, { recursive: true })))
  for (const part of parts) {
    const archive = await saveToolbox(part)
    await link(archive, join(toolbox, basename(archive)))
  }
  for (const base of Object.values(fleet.bases)) {
    const { path } = await baseLayout(base, fleet.epoch)
    await cp(path, join(bases, basename(path)), { recursive: true })
  }
  const file = join(root, ".env")
  const own: Record<string, string> = {
    FAIRLEAD_TOOLBOX: toolbox,
    FAIRLEAD_BASES: bases,
    ...Object.fromEntries(
      withRegistry.map((name) => [`FAIRLEAD_${name}_REGISTRYSERVICE`, `tcp://${registryAddress()}`]),
    ),
    ...(existsSync(signingKeyPath()) ? { FAIRLEAD_SIGNINGKEY: `file://${signingKeyPath()}` } : {}),
    ...(ca ? { FAIRLEAD_CA: `file://${ca}` } : {}),
  }
  // A line that earlier versions wrote, and which no argument is named by.
  const left = "FAIRLEAD_REGISTRYSERVICE"
  const others = (await readFile(file, "utf8").catch(() => ""))
    .split("\n")
    .filter((line) => line && line.split("=")[0] !== left && !(line.split("=")[0]! in own))
  const lines = [...others, ...Object.entries(own).map(([name, value]) => `${name}=${value}`)]
  await writeFile(file, `${lines.join("\n")}\n`)
  return file
}
