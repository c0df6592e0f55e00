import type { Client, Directory } from "@dagger.io/dagger"
import { fleetTemplate, toWrite } from "../init/template.ts"

/** A fleet to start from, as far as the source has not got it yet. Throws where another file would be overwritten. */
export async function newFleet(dag: Client, source: Directory, name: string): Promise<Directory> {
  const files = await fleetTemplate(name)
  const named = source.filter({ include: files.map(({ path }) => path) })
  const found = new Set(await named.glob("**"))
  const there = files
    .filter(({ path }) => found.has(path))
    .map(async ({ path }) => [path, await named.file(path).contents()] as const)
  const wanted = toWrite(files, Object.fromEntries(await Promise.all(there)), "--source")
  return wanted.reduce(
    (folder, { path, text, executable }) => folder.withNewFile(path, text, { permissions: executable ? 0o755 : 0o644 }),
    dag.directory(),
  )
}
