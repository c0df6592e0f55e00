import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process"
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { optionsFor } from "../../cli/bundle.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))

let box: string
let clone: string
beforeEach(() => {
  box = mkdtempSync(join(tmpdir(), "fairlead-launch-"))
  // Spaces and what a URL would take for its own.
  clone = join(box, "a clone #1 100%")
  for (const path of ["fairlead", "cli/setup/npm-matches.mjs", "cli/start.mjs", "cli/bundle.mjs", "tsconfig.json"]) {
    cpSync(join(root, path), join(clone, path), { recursive: true })
  }
  mkdirSync(join(clone, "dagger/lib"), { recursive: true })
  write(join(clone, "package-lock.json"), lockFor("1.0.0"))
  write(
    join(clone, "cli/main.ts"),
    "const words: string[] = process.argv.slice(2)\nconsole.log(JSON.stringify({ words, cwd: process.cwd(), root: process.env.FAIRLEAD_ROOT }))\n",
  )
})
afterEach(() => rmSync(box, { recursive: true, force: true }))

const lockFor = (version: string): string =>
  JSON.stringify({ packages: { "": {}, "node_modules/left": { version, integrity: `sha512-${version}` } } })

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
}

/** An npm that makes the clone's node_modules with the real esbuild in it, and counts its calls. */
const goodNpm = `#!/bin/sh
echo "$PWD $*" >>"${"$"}BOX/calls"
rm -rf node_modules
mkdir node_modules
sleep 0.05
cp package-lock.json node_modules/.package-lock.json
ln -s "$ESBUILD" node_modules/esbuild
`

function launch(
  words: string[],
  { npm = goodNpm, node, cwd = box }: { npm?: string; node?: string; cwd?: string } = {},
): SpawnSyncReturns<string> {
  return spawnSync(join(clone, "fairlead"), words, { encoding: "utf8", cwd, env: environment(npm, node) })
}

function environment(npm: string, node?: string): NodeJS.ProcessEnv {
  write(join(box, "bin/npm"), npm, 0o755)
  if (node) write(join(box, "bin/node"), node, 0o755)
  const path = [join(box, "bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(":")
  return { PATH: path, HOME: box, BOX: box, ESBUILD: join(root, "node_modules/esbuild") }
}

const calls = (): number =>
  existsSync(join(box, "calls")) ? readFileSync(join(box, "calls"), "utf8").trim().split("\n").length : 0

describe("the launcher", () => {
  it("readies npm packages once, keeps the caller's folder, and hands every word over", () => {
    const first = launch(["plan", "two words", "--x=$(id)"])
    expect(first.stderr).toBe("readying npm packages …\n")
    expect(JSON.parse(first.stdout)).toEqual({ words: ["plan", "two words", "--x=$(id)"], cwd: box, root: clone })
    symlinkSync(join(clone, "fairlead"), join(box, "link"))
    const second = spawnSync(join(box, "link"), { encoding: "utf8", cwd: "/", env: environment(goodNpm) })
    expect(second.stderr).toBe("")
    expect(JSON.parse(second.stdout)).toEqual({ words: ["--help"], cwd: "/", root: clone })
    expect(calls()).toBe(1)
  })

  it("readies them again when the lock changed", () => {
    launch([], { node: fakeNode })
    write(join(clone, "package-lock.json"), lockFor("1.0.1"))
    launch([], { node: fakeNode })
    expect(calls()).toBe(2)
  })

  it("takes a node_modules that npm made by itself, if it is what the lock says", () => {
    write(join(clone, "node_modules/.package-lock.json"), lockFor("1.0.0"))
    expect(launch([], { node: fakeNode }).status).toBe(0)
    expect(calls()).toBe(0)
    rmSync(join(clone, "node_modules/.fairlead-stamp"))
    write(join(clone, "node_modules/.package-lock.json"), lockFor("0.9.0"))
    launch([], { node: fakeNode })
    expect(calls()).toBe(1)
  })

  it("starts over after an npm that was cut off, and shows what npm said first", () => {
    const cut = launch([], {
      node: fakeNode,
      npm: "#!/bin/sh\nmkdir -p node_modules\necho 'npm error code ECONNREFUSED'\nexit 1\n",
    })
    expect(cut.status).toBe(3)
    expect(cut.stderr).toContain("npm ci failed")
    expect(cut.stderr).toContain("    npm error code ECONNREFUSED\n  fix: see docs/set-up.md")
    expect(launch([], { node: fakeNode }).status).toBe(0)
    expect(calls()).toBe(1)
  })

  it("lets one of two at once ready them, and the other wait", async () => {
    const env = environment(goodNpm, fakeNode)
    const one = () =>
      new Promise<string>((ended) => {
        const child = spawn(join(clone, "fairlead"), [], { cwd: box, env })
        let said = ""
        child.stderr.on("data", (text) => (said += text))
        child.once("close", (status) => ended(`${status} ${said}`))
      })
    const both = await Promise.all([one(), one()])
    expect(both.every((each) => each.startsWith("0 "))).toBe(true)
    expect(calls()).toBe(1)
  })

  it.each([
    ["v18.20.4", "is v18.20.4"],
    ["v20.11.1", "is v20.11.1"],
  ])("refuses Node %s in a sentence with the fix", (version, words) => {
    const refused = launch([], { node: `#!/bin/sh\necho ${version}\n` })
    expect(refused.status).toBe(3)
    expect(refused.stderr).toContain("it runs on Node 20.12 or newer")
    expect(refused.stderr).toContain(words)
    expect(refused.stderr).toContain("fix: install Node 22")
  })
})

/** A Node that runs everything but Fairlead itself, so that a launch costs next to nothing. */
const fakeNode = `#!/bin/sh
case $1 in
  --version) echo v22.1.0 ;;
  */cli/start.mjs) echo "$@" ;;
  *) exec "${process.execPath}" "$@" ;;
esac
`

describe("what the launcher starts", () => {
  const cache = () => join(clone, "node_modules/.cache/fairlead")
  const beside = `import { readFileSync } from "node:fs"
export const text = (): string => readFileSync(new URL("./beside.txt", import.meta.url), "utf8")
`
  beforeEach(() => {
    launch([], { node: fakeNode })
    rmSync(join(box, "bin/node"))
    write(join(clone, "dagger/lib/part/beside.ts"), beside)
    write(join(clone, "dagger/lib/part/beside.txt"), "one")
    write(join(clone, "cli/main.ts"), 'import { text } from "../dagger/lib/part/beside.ts"\nconsole.log(text())\n')
  })

  it("is made one file once, and reads what lies beside its sources where they lie", () => {
    expect(launch([]).stdout).toBe("one\n")
    const [made, ...others] = readdirSync(cache())
    expect(others).toEqual([])
    write(join(clone, "dagger/lib/part/beside.txt"), "two")
    expect(launch([]).stdout).toBe("two\n")
    expect(readdirSync(cache())).toEqual([made])
  })

  it("is made again when a source changed, or the folder was moved", () => {
    launch([])
    write(join(clone, "dagger/lib/part/beside.ts"), `${beside.replace("utf8", "hex")}`)
    expect(launch([]).stdout).toBe("6f6e65\n")
    renameSync(clone, join(box, "elsewhere"))
    write(join(box, "elsewhere/dagger/lib/part/beside.txt"), "two")
    clone = join(box, "elsewhere")
    expect(launch([]).stdout).toBe("74776f\n")
  })

  it("runs where nothing may be kept, and leaves nothing behind", () => {
    write(join(clone, "node_modules/.cache"), "no folder")
    mkdirSync(join(box, "tmp"))
    const env = { ...environment(goodNpm), TMPDIR: join(box, "tmp") }
    expect(spawnSync(join(clone, "fairlead"), { encoding: "utf8", env }).stdout).toBe("one\n")
    expect(readdirSync(join(box, "tmp"))).toEqual([])
  })

  it("says in a sentence what cannot be made", () => {
    write(join(clone, "cli/main.ts"), 'import { text } from "./gone.ts"\nconsole.log(text())\n')
    const ran = launch([])
    expect([ran.status, ran.stdout]).toEqual([3, ""])
    expect(ran.stderr).toMatch(/^fairlead: it could not be readied to run: .*\n[\s\S]*gone\.ts[\s\S]*\n {2}fix: /)
  })

  it("is of the sources that are looked at for changes, and of packages, alone", async () => {
    const { metafile } = await build({ ...optionsFor(root, box), write: false, metafile: true })
    const sources = Object.keys(metafile.inputs).filter((path) => !/(^|\/)node_modules\//.test(path))
    expect(sources.filter((path) => !/^(cli|dagger\/lib)\/.*\.ts$/.test(path))).toEqual([])
    expect(sources).toContain("cli/main.ts")
  })
})

describe("what CI runs", () => {
  function ci(script: string): SpawnSyncReturns<string> {
    cpSync(join(root, ".ci/run"), join(clone, ".ci/run"))
    write(join(clone, "fairlead"), `#!/bin/sh\n${script}\n`, 0o755)
    return spawnSync(join(clone, ".ci/run"), { encoding: "utf8", cwd: "/" })
  }
  const last = (text: string): string | undefined => text.trimEnd().split("\n").at(-1)

  it("calls the README's command, where an engine is a must, and closes with the sum", () => {
    const ran = ci('echo "words: $*"; echo "12 passed, 0 failed, 3 skipped"')
    expect(ran.stdout).toContain("words: test --require-engine --heavy\n")
    expect([ran.status, last(ran.stdout)]).toEqual([0, "12 passed, 0 failed"])
  })

  it("fails with the tests, and counts what could not run as failed", () => {
    const failed = ci('echo "11 passed, 1 failed"; exit 1')
    expect([failed.status, last(failed.stdout)]).toEqual([1, "11 passed, 1 failed"])
    const skipped = ci('echo "12 passed, 0 failed"; exit 3')
    expect([skipped.status, last(skipped.stdout)]).toEqual([3, "12 passed, 1 failed"])
  })

  it("fails when nothing was counted, whatever the exit code", () => {
    const silent = ci("exit 0")
    expect([silent.status, last(silent.stdout)]).toEqual([1, "0 passed, 1 failed"])
  })
})
