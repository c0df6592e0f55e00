import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Engine, Secret } from "../../../dagger/lib/engine/engine.ts"
import { Registry } from "../../../dagger/lib/release/registry.ts"
import type { ImageTags } from "../../../dagger/lib/release/set-tags.ts"
import { sha256 } from "../../../dagger/lib/sha256.ts"

const [web, plain] = ['{"web":1}\n', '{"plain":1}']
let folder: string

/** A registry as files, a manifest for each tag and digest, and a stand-in for the skopeo that writes them. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tags-"))
  await mkdir(join(folder, "files"))
  for (const manifest of [web, plain]) await writeFile(join(folder, "files", `@${sha256(manifest)}`), manifest)
  await program("sleep", '[ "$1" = 5 ] && exec /bin/sleep 0.1')
  await skopeo("")
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function program(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`)
  await chmod(join(folder, name), 0o755)
}

/** `odd` runs before it does what it is asked; $verb, $from and $to are the names of files. */
const skopeo = (odd: string) =>
  program(
    "skopeo",
    `printf '%s\\n' "$*" >>${folder}/said
verb=$1
cd ${folder}/files
file() { echo "$1" | sed -E 's,^docker://[^/]+/small/[a-z]+([@:].*)$,\\1,; s,^:,,'; }
family() { echo "$1" | sed -E 's,^docker://[^/]+/small/([a-z]+).*,\\1,'; }
for word; do before=\${last:-}; last=$word; done
to=$(file "$last")
[ "$verb" = copy ] && from=$(file "$before")
case $to in @*) ;; *) to=$(family "$last"):$to ;; esac
${odd}
if [ "$verb" = copy ]; then cp "$from" "$to"; else cat "$to"; fi`,
  )

async function tag(images: ImageTags[], { host = "127.0.0.1:5000", auth }: { host?: string; auth?: Secret } = {}) {
  const engine = {
    run: async ({ argv: [command, ...words], env }: { argv: string[]; env?: Record<string, string> }) => {
      const all = { PATH: `${folder}:${process.env.PATH}`, ...env }
      return execa(command!, words, { env: all, extendEnv: false, reject: false })
    },
  } as unknown as Engine
  await new Registry(engine, { host, org: "small" }, auth).tag(...images)
}

const tags = async () => (await readdir(join(folder, "files"))).filter((name) => !name.startsWith("@")).sort()
const said = async () => (await readFile(join(folder, "said"), "utf8")).trimEnd().split("\n")

const images = (check: boolean): ImageTags[] => [
  {
    family: "web",
    tags: [
      { tag: "1", digest: sha256(web), check },
      { tag: "current", digest: sha256(web) },
    ],
  },
  { family: "plain", tags: [{ tag: "1", digest: sha256(plain), check }] },
]

describe("setting tags", () => {
  it("sets each tag of each image, and compares those that are to be", async () => {
    await tag(images(true))
    expect(await tags()).toEqual(["plain:1", "web:1", "web:current"])
    expect(await readFile(join(folder, "files", "web:current"), "utf8")).toBe(web)
    expect((await said()).filter((line) => line.startsWith("inspect"))).toHaveLength(2)
  })

  it("says which tag the registry answers with another image, and sets no further one of it", async () => {
    await skopeo(`[ "$verb $to" = "copy web:1" ] && from=@${sha256(plain)}`)
    await expect(tag(images(true))).rejects.toThrow(`web:1 is ${sha256(plain)}, not ${sha256(web)}`)
    expect(await tags()).toEqual(["plain:1", "web:1"])
  })

  it("takes an answer that was cut off once for what it is", async () => {
    await skopeo(`[ "$verb" = inspect ] && [ $(grep -c inspect ${folder}/said) -lt 3 ] && exit 0`)
    await tag(images(true).slice(0, 1))
    expect(await tags()).toEqual(["web:1", "web:current"])
  })

  it("ends an image's tags where one cannot be set, and says why", async () => {
    await skopeo(`[ "$verb $to" = "copy web:1" ] && { echo 'StatusCode: 500' >&2; exit 1; }`)
    await expect(tag(images(false))).rejects.toThrow(/tag 2 images in 127\.0\.0\.1:5000[\s\S]*StatusCode: 500/)
    expect(await tags()).toEqual(["plain:1"])
  })

  it("sends credentials, and trusts no certificate but where the registry is on loopback", async () => {
    const auth = { name: "registry-auth" } as unknown as Secret
    await tag(images(true), { host: "registry.example", auth })
    for (const line of await said()) {
      expect(line).toContain(" --authfile /")
      expect(line).not.toContain("tls-verify")
    }
    await rm(join(folder, "said"))
    await tag(images(true))
    for (const line of await said()) {
      expect(line).toContain("tls-verify=false")
      expect(line).not.toContain("--authfile")
    }
  })

  it("asks nothing where there is no tag to set", async () => {
    await tag([{ family: "web", tags: [] }])
    await expect(said()).rejects.toThrow("ENOENT")
  })
})
