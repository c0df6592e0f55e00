import { createColors } from "picocolors"

/**
 * Colours go to terminals. In a pipe text is plain, also where a CI is around (picocolors alone colours then), so that
 * `fairlead families | grep` finds what it looks for; FORCE_COLOR colours there too. Source: no-color.org, force-color.org.
 */
export function coloured(env: NodeJS.ProcessEnv, terminal: boolean): boolean {
  if (env.NO_COLOR) return false
  return Boolean(env.FORCE_COLOR) || (terminal && env.TERM !== "dumb")
}

export const pc = createColors(coloured(process.env, process.stdout.isTTY === true))
