import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { home, inHome, stateFolder } from "../state.ts"
import type { Life } from "./process.ts"

/** What set-up changed on this machine outside of Docker and the state folder; written down before it is done. */
export interface Made {
  /** Packages that were not installed before. */
  packages: string[]
  /** Files of the system that did not exist before. */
  files: string[]
  /** The daemon that set-up started itself, where no service manager does. */
  daemon?: Life
  /** Docker's data folder, if it did not exist before. */
  dataRoot?: string
  /** File systems that set-up mounted; gone at the next boot. */
  mounts: string[]
}

const path = (): string => inHome("made.json")

export async function made(): Promise<Made> {
  const text = await readFile(path(), "utf8").catch(() => "{}")
  return { packages: [], files: [], mounts: [], ...(JSON.parse(text) as Partial<Made>) }
}

/** Adds to it. Called under the lock of set-up, so that nothing written in between is lost. */
export async function remember(more: Partial<Made>): Promise<void> {
  await stateFolder()
  const known = await made()
  const union = (key: "packages" | "files" | "mounts") => [...new Set([...known[key], ...(more[key] ?? [])])]
  const all: Made = { ...known, ...more, packages: union("packages"), files: union("files"), mounts: union("mounts") }
  await mkdir(home(), { recursive: true })
  await writeFile(`${path()}.new`, `${JSON.stringify(all, undefined, 2)}\n`)
  await rename(`${path()}.new`, path())
}
