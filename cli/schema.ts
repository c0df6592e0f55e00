import { readFileSync, writeFileSync } from "node:fs"
import { fleetJsonSchema } from "../dagger/lib/fleet/json-schema.ts"

// Writes schema/fleet.schema.json, which editors use for fleet.yaml. With --check it only tells whether it is up to date.

const file = new URL("../schema/fleet.schema.json", import.meta.url)
const wanted = `${JSON.stringify(fleetJsonSchema(), null, 2)}\n`

if (!process.argv.includes("--check")) {
  writeFileSync(file, wanted)
} else if (written() !== wanted) {
  console.error(
    "schema/fleet.schema.json: is not what dagger/lib/fleet says\n  fix: run `npm run schema` and commit the file",
  )
  process.exitCode = 1
}

function written(): string | undefined {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}
