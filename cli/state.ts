import { mkdir, readdir, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join, resolve } from "node:path"

/**
 * The one folder that holds everything Fairlead keeps on this machine: FAIRLEAD_HOME, else the XDG state folder.
 * `fairlead clean` removes it.
 */
export const home = (): string =>
  resolve(
    process.env.FAIRLEAD_HOME || join(process.env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "fairlead"),
  )

/** A path inside the state folder. */
export const inHome = (...parts: string[]): string => join(home(), ...parts)

/** Containers, networks and volumes that Fairlead makes carry this label, so that `clean` and Ctrl-C find them again. */
export const label = "dev.fairlead"

/** In a folder that Fairlead made, so that `clean` never removes one that somebody only pointed FAIRLEAD_HOME at. */
export const marker = ".made-by-fairlead"

/** The state folder, made where it is missing. */
export async function stateFolder(): Promise<string> {
  const folder = home()
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length === 0)
    await writeFile(join(folder, marker), "`fairlead clean` removes this folder.\n")
  return folder
}
