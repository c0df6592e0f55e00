import { homedir } from "node:os"
import { join } from "node:path"

/**
 * The one folder that holds everything Fairlead keeps on this machine: FAIRLEAD_HOME, else the XDG state folder.
 * `fairlead clean` removes it.
 */
export const home = (): string =>
  process.env.FAIRLEAD_HOME ?? join(process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state"), "fairlead")

/** A path inside the state folder. */
export const inHome = (...parts: string[]): string => join(home(), ...parts)

/** Containers, networks and volumes that Fairlead makes carry this label, so that `clean` and Ctrl-C find them again. */
export const label = "dev.fairlead"
