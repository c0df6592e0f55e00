import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fleetJsonSchema } from "../dagger/lib/fleet/json-schema.ts"
import { documentSchema, documents } from "../dagger/lib/report/documents.ts"
import { risksJsonSchema } from "../dagger/lib/risks/risk.ts"
import { moduleApi } from "./module-api.ts"
import { fairleadRoot } from "./version.ts"

// Writes what is told twice: JSON Schemas of fleet.yaml, for editors, and of what verbs print with --json; the Dagger
// module's API. With --check it only tells whether they are up to date.

const wanted: Record<string, object> = {
  "schema/fleet.schema.json": fleetJsonSchema(),
  "schema/risks.schema.json": risksJsonSchema(),
  "dagger/api.json": await moduleApi(),
}
for (const name of Object.keys(documents) as (keyof typeof documents)[]) {
  wanted[`docs/schema/${name}.schema.json`] = documentSchema(name)
}

for (const [file, schema] of Object.entries(wanted)) {
  const path = join(fairleadRoot, file)
  const text = `${JSON.stringify(schema, null, 2)}\n`
  if (!process.argv.includes("--check")) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  } else if (written(path) !== text) {
    console.error(`${file}: is not what dagger/ says\n  fix: run \`npm run schema\` and commit the file`)
    process.exitCode = 1
  }
}

function written(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}
