import { readFile } from "node:fs/promises"
import { type DemoYard, readYard } from "../../dagger/lib/fleet/demo.ts"
import { wrongInput } from "../../dagger/lib/problem.ts"
import { inHome } from "../state.ts"

export { type DemoHost, type DemoYard, hostOf, onDemo } from "../../dagger/lib/fleet/demo.ts"

/** The yard's name: "demo", or "demo-NAME" where FAIRLEAD_DEMO is NAME, so that tests leave the owner's alone. */
export function yardName(): string {
  const more = process.env.FAIRLEAD_DEMO
  if (!more) return "demo"
  if (/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(more)) return `demo-${more}`
  throw wrongInput("it is no name for a demo yard", {
    where: "FAIRLEAD_DEMO",
    fix: "give lower-case letters, digits and inner hyphens, at most 32",
  })
}

/** A path in the yard's part of the state folder. */
export const inYard = (...parts: string[]): string => inHome(yardName(), ...parts)

/** Where the yard is written down while it is up. */
export const yardFile = (): string => inYard("hosts.yaml")

/** The demo yard, if one is up. Whether its containers run at this moment is not asked: `demo status` does. */
export async function demoYard(): Promise<DemoYard | undefined> {
  const text = await readFile(yardFile(), "utf8").catch(() => undefined)
  return text === undefined ? undefined : readYard(text, yardFile())
}
