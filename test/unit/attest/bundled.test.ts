import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build, type Metafile } from "esbuild"
import { describe, expect, it } from "vitest"
import { optionsFor } from "../../../cli/bundle.mjs"
import { startSigstore, subject, tokenOf, trusting } from "./sigstore.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** What comes along when an entry is loaded, without what is imported on demand. */
function loadedWith(entry: string, { outputs }: Metafile): string[] {
  const seen = new Set<string>()
  const walk = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    for (const { kind, path: next } of outputs[path]?.imports ?? []) if (kind === "import-statement") walk(next)
  }
  walk(Object.keys(outputs).find((path) => outputs[path]?.entryPoint === entry)!)
  return [...seen].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}))
}

describe("Sigstore's packages, made into the one file that the command line runs", () => {
  it("sign and open as they do unbundled, and are loaded when somebody signs or opens, not before", async () => {
    const outdir = join(process.env.TMPDIR!, "bundled")
    const entries = ["envelope", "keyless", "sign", "trust"].map((name) => `dagger/lib/attest/${name}.ts`)
    const { metafile } = await build({
      ...optionsFor(root, outdir),
      entryPoints: ["cli/main.ts", ...entries].map((path) => join(root, path)),
      metafile: true,
    })
    for (const entry of ["cli/main.ts", ...entries])
      expect(
        loadedWith(entry, metafile).filter((path) => /node_modules\/(@sigstore|tuf-js|make-fetch)/.test(path)),
      ).toEqual([])
    const load = (name: string) => import(pathToFileURL(join(outdir, `dagger/lib/attest/${name}.mjs`)).href)
    const [{ opened }, { keylessSigner }, { signed }, { trustOf }] = await Promise.all(
      ["envelope", "keyless", "sign", "trust"].map(load),
    )
    const sigstore = await startSigstore()
    try {
      const on = trusting(sigstore.root)
      const statement = JSON.stringify({
        _type: "https://in-toto.io/Statement/v1",
        subject: [{ name: "web", digest: { sha256: "a".repeat(64) } }],
        predicateType: "urn:any",
        predicate: {},
      })
      const bundle = await signed(
        {},
        keylessSigner(on, async () => tokenOf()),
        statement,
      )
      expect(await opened(bundle, trustOf(on, undefined))).toMatchObject({ text: statement, identity: { subject } })
    } finally {
      sigstore.close()
    }
  })
})
