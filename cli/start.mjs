// Starts cli/main.ts. Loaded file by file, compiled one by one, it takes over a second of a processor's time before the
// first word; as one file a fifth of that. Plain JavaScript, since it comes before everything that compiles.
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
/** Where the packages are: in a clone its own, else the folder that Fairlead was installed into. */
const modules = existsSync(join(root, "node_modules/esbuild")) ? join(root, "node_modules") : dirname(root)

/** All that the one file is made of, by content, and where it was made: paths of this folder are in it. */
function key() {
  const hash = createHash("sha256").update(JSON.stringify([root, modules, process.version]))
  for (const folder of ["cli", "dagger/lib"]) {
    const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile() && /\.(ts|mjs|json)$/.test(each.name))
      .map((each) => join(each.parentPath, each.name))
    for (const file of files.sort()) hash.update(JSON.stringify(file)).update(readFileSync(file)).update("\0")
  }
  // What npm says is installed.
  for (const file of [join(root, "tsconfig.json"), join(modules, ".package-lock.json")])
    if (existsSync(file)) hash.update(readFileSync(file)).update("\0")
  return hash.digest("hex").slice(0, 32)
}

const kept = join(modules, ".cache/fairlead", key())
const found = existsSync(join(kept, "main.mjs"))
const at = found ? kept : await made()
if (at) await import(pathToFileURL(join(at, "main.mjs")).href)

async function made() {
  try {
    const { bundle } = await import("./bundle.mjs")
    return await bundle(root, kept)
  } catch (error) {
    process.stderr.write(`fairlead: it could not be readied to run: ${error.message}\n`)
    process.stderr.write(`  fix: see that there is room below ${modules}; else remove that folder and run this again\n`)
    process.exitCode = 3
  }
}
