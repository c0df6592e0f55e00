import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** Fairlead's own version, from package.json. */
export const version: string = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version

/** The folder that Fairlead itself stands in. */
export const fairleadRoot: string = fileURLToPath(new URL("..", import.meta.url))
