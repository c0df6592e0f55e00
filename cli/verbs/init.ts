import { chmod, mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname, join, relative, resolve } from "node:path"
import { Command } from "commander"
import { fleetTemplate, type NewFile, nameFor, toWrite } from "../../dagger/lib/init/template.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { commitOf } from "../git.ts"

interface InitFlags {
  name?: string
  json?: boolean
}

export const initVerb = (): Command =>
  new Command("init")
    .description("write a fleet to start from: one family, one service, one host; it ships as it is")
    .argument("[folder]", "where it goes; made if missing", ".")
    .option("--name <name>", "the fleet's name (default: the folder's)")
    .option("--json", "one JSON document on stdout, nothing else there")
    .action(initAction)

async function initAction(folder: string, flags: InitFlags): Promise<void> {
  const root = resolve(folder)
  const name = flags.name ?? nameFor(root)
  const files = await fleetTemplate(name)
  const wanted = toWrite(files, await thereAlready(root, files), root)
  for (const file of wanted) await write(root, file)
  const written = wanted.map(({ path }) => path)
  if (flags.json) console.log(JSON.stringify({ schema: 1, folder: root, name, written }))
  else console.log([...writtenLines(written), ...(await nextLines(root))].join("\n"))
}

async function thereAlready(root: string, files: readonly NewFile[]): Promise<Record<string, string>> {
  const read = files.map(async ({ path }) => {
    try {
      return [[path, await readFile(join(root, path), "utf8")]]
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return []
      // A folder of that name, or nothing that this user may read: there is something, and it is not the template's.
      return [[path, ""]]
    }
  })
  return Object.fromEntries((await Promise.all(read)).flat())
}

/** Written only where nothing is, also if something came there since it was looked at. */
async function write(root: string, { path, text, executable }: NewFile): Promise<void> {
  const full = join(root, path)
  try {
    await mkdir(dirname(full), { recursive: true })
    await writeFile(full, text, { flag: "wx" })
    if (executable) await chmod(full, 0o755)
  } catch (error) {
    throw new Problem("could not be written", { where: full, why: (error as Error).message })
  }
}

function writtenLines(written: readonly string[]): string[] {
  if (written.length === 0) return [line("kept", "everything is there already")]
  const parts = new Map<string, number>()
  for (const path of written) {
    const part = path.includes("/") ? `${path.split("/")[0]}/` : path
    parts.set(part, (parts.get(part) ?? 0) + 1)
  }
  const told = [...parts].map(([part, count]) => (part.endsWith("/") ? `${part} (${count})` : part))
  return [line("wrote", `${told.join(", ")}: family base-python, service Hello, host main`)]
}

async function nextLines(root: string): Promise<string[]> {
  const { sha } = await commitOf(root, [])
  const here = relative(process.cwd(), root)
  const steps = [
    ...(here ? [`cd ${/^[\w./-]+$/.test(here) ? here : JSON.stringify(here)}`] : []),
    ...(sha === undefined ? ["git init"] : []),
    'git add --all && git commit -m "a fleet"',
    "fairlead ship --all",
  ]
  return steps.map((step, index) => line(index === 0 ? "next" : "", step))
}
