import { rmSync } from "node:fs"
import { access, chmod, constants, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { build } from "esbuild"

const day = 24 * 60 * 60 * 1000

/**
 * Makes one file of cli/main.ts and the packages it needs, and a second one of what is needed for Dagger alone.
 * @param {string} root Fairlead's own folder.
 * @param {string} kept The folder to keep them in. Where nobody may write there, they are made for this run alone.
 * @returns {Promise<string>} The folder in which they are.
 */
export async function bundle(root, kept) {
  const home = dirname(kept)
  const mayKeep = await mkdir(home, { recursive: true })
    .then(() => access(home, constants.W_OK))
    .then(
      () => true,
      () => false,
    )
  const draft = await mkdtemp(mayKeep ? join(home, ".draft-") : join(tmpdir(), "fairlead-"))
  try {
    await build(optionsFor(root, draft))
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
  if (!mayKeep) {
    process.on("exit", () => rmSync(draft, { recursive: true, force: true }))
    return draft
  }
  await chmod(draft, 0o755)
  // Whoever is first wins: both made the same.
  await rename(draft, kept).catch(() => rm(draft, { recursive: true, force: true }))
  await removeOld(home, basename(kept))
  return kept
}

/** @type {(root: string, outdir: string) => import("esbuild").BuildOptions} */
export const optionsFor = (root, outdir) => ({
  entryPoints: [join(root, "cli/main.ts")],
  tsconfig: join(root, "tsconfig.json"),
  absWorkingDir: root,
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  // What is imported on demand stays apart.
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  logLevel: "silent",
  // Packages that are CommonJS ask for Node's own modules by it.
  banner: {
    js: 'import { createRequire as fairleadRequire } from "node:module"; const require = fairleadRequire(import.meta.url)',
  },
  plugins: [placesOf(root), apart(root, "@dagger.io/dagger")],
})

/** A file that reads what lies beside it does so where it lies itself, not where the one file does. */
const placesOf = (root) => ({
  name: "places",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/](cli|dagger[\\/]lib)[\\/].*\.ts$/ }, async ({ path }) => {
      if (!path.startsWith(root)) return undefined
      const text = await readFile(path, "utf8")
      return { contents: text.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)), loader: "ts" }
    }),
})

/** A package that is loaded as it is, from where it is now: nine megabytes that only runs on Dagger need. */
const apart = (root, name) => ({
  name: "apart",
  setup: ({ onResolve }) =>
    onResolve({ filter: new RegExp(`^${name}$`) }, () => ({
      path: pathToFileURL(createRequire(join(root, "cli/main.ts")).resolve(name)).href,
      external: true,
    })),
})

/** Those of older sources, but for what a run that is still going on may load. */
async function removeOld(home, own) {
  for (const name of await readdir(home)) {
    const path = join(home, name)
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    )
    if (name !== own && age > day) await rm(path, { recursive: true, force: true })
  }
}
