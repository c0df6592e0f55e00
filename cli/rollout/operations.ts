import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import {
  learnt,
  type News,
  nothingLearnt,
  operationsSchema,
  type RecordedOperations,
} from "../../dagger/lib/phases/operations.ts"
import { locked } from "../setup/lock.ts"
import { inHome } from "../state.ts"

/** Whose hosts: "fleet.yaml", or the name of a demo yard. The demo's operations never count for a real host. */
type Yard = string

const folder = (fleet: string): string => inHome("rollouts", fleet)
const pathOf = (fleet: string, yard: Yard): string =>
  `${folder(fleet)}/${yard === "fleet.yaml" ? "fleet" : yard}.operations.json`

/** What was learnt of a yard so far. A file that is missing, cut off or of another format tells nothing. */
export async function operationsOf({ name }: Pick<Fleet, "name">, yard: Yard): Promise<RecordedOperations> {
  const text = await readFile(pathOf(name, yard), "utf8").catch(() => "")
  const known = read(text)
  return known?.yard === yard ? known : nothingLearnt(name, yard)
}

/** What was learnt of every yard that this machine ever deployed the fleet to. */
export async function everyYard({ name }: Pick<Fleet, "name">): Promise<RecordedOperations[]> {
  const files = (await readdir(folder(name)).catch(() => [])).filter((file) => file.endsWith(".operations.json"))
  const texts = await Promise.all(files.map((file) => readFile(`${folder(name)}/${file}`, "utf8").catch(() => "")))
  return texts.flatMap((text) => read(text) ?? [])
}

/** Keeps what a verb learnt of a yard, beside what was known: whole or not at all, and by one process at a time. */
export async function recordOperations({ name }: Pick<Fleet, "name">, yard: Yard, news: News): Promise<void> {
  await locked("operations", { say: () => {} }, async () => {
    const path = pathOf(name, yard)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const known = learnt(await operationsOf({ name }, yard), news)
    const draft = `${path}.${process.pid}.draft`
    await writeFile(draft, `${JSON.stringify(known, null, 1)}\n`)
    await rename(draft, path)
  })
}

/** For a demo yard that was taken down: its hosts are gone, and what they showed with them. */
export const forgetOperations = ({ name }: Pick<Fleet, "name">, yard: Yard): Promise<void> =>
  rm(pathOf(name, yard), { force: true })

function read(text: string): RecordedOperations | undefined {
  try {
    return operationsSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
