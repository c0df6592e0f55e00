import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fleetJsonSchema } from "../dagger/lib/fleet/json-schema.ts"
import { documentSchema, documents } from "../dagger/lib/report/documents.ts"
import { risksJsonSchema } from "../dagger/lib/risks/risk.ts"
import { moduleApi } from "./module-api.ts"
import { fairleadRoot } from "./version.ts"

// Writes what is told twice: JSON Schemas of fleet.yaml, for editors, and of what verbs print with --json; the Dagger
// module's API; what the template of a fleet shares with this one. With --check it only tells whether they are up to date.

/** What `fairlead init` takes over as it stands here: the module and the npm package have no other way to it. */
const templateCopies = [
  ".hadolint.yaml",
  "base-python.Dockerfile",
  "entrypoint/announce.py",
  "entrypoint/fairlead-entrypoint",
  "entrypoint/fairlead-health",
  "python-builder.Dockerfile",
  "requirements/python-builder.in",
  "requirements/python-builder.lock",
  "service.Dockerfile",
  "steps/apt-get-install",
  "steps/compile-python",
  "steps/slim-python",
  "steps/uv-install",
]

const wanted: Record<string, object> = {
  "schema/fleet.schema.json": fleetJsonSchema(),
  "schema/risks.schema.json": risksJsonSchema(),
  "dagger/api.json": await moduleApi(),
}
for (const name of Object.keys(documents) as (keyof typeof documents)[]) {
  wanted[`docs/schema/${name}.schema.json`] = documentSchema(name)
}

const texts: Record<string, string> = {}
for (const [file, schema] of Object.entries(wanted)) texts[file] = `${JSON.stringify(schema, null, 2)}\n`
for (const file of templateCopies) {
  texts[`dagger/templates/fleet/dockerfiles/${file}`] = readFileSync(join(fairleadRoot, "dockerfiles", file), "utf8")
}

for (const [file, text] of Object.entries(texts)) {
  const path = join(fairleadRoot, file)
  if (!process.argv.includes("--check")) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  } else if (written(path) !== text) {
    console.error(`${file}: is not up to date\n  fix: run \`npm run schema\` and commit the file`)
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
