import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { buffer } from "node:stream/consumers"
import { gunzipSync } from "node:zlib"
import { describe, expect, it, vi } from "vitest"
import { mirrorsOf, mmdebstrap, readSources, snapshotMirrors } from "../../cli/setup/debian.ts"
import { layoutText, writeLayout } from "../../cli/setup/layout.ts"
import { settledTar } from "../../cli/setup/tar.ts"
import { baseSchema } from "../../dagger/lib/fleet/base.ts"

const epoch = 1_763_769_600
const sha256 = (content: string | Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`

describe("an OCI layout of one layer", () => {
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: sha256("packed"), size: 6 }
  const { digest, files } = layoutText(layer, sha256("tar"), epoch)

  it("names its manifest by the digest of the manifest's own bytes", () => {
    expect(sha256(files[`blobs/${digest.replace(":", "/")}`]!)).toBe(digest)
    expect(JSON.parse(files["index.json"]!).manifests).toMatchObject([{ digest, platform: { os: "linux" } }])
  })

  it("carries the epoch as its time, and nothing of today", () => {
    const config = JSON.parse(
      files[`blobs/${JSON.parse(files[`blobs/${digest.replace(":", "/")}`]!).config.digest.replace(":", "/")}`]!,
    )
    expect(config).toMatchObject({
      created: "2025-11-22T00:00:00Z",
      architecture: "amd64",
      config: { Cmd: ["bash"] },
      rootfs: { diff_ids: [sha256("tar")] },
    })
  })

  it("can be loaded by a Docker that keeps images in its own store", () => {
    const [image] = JSON.parse(files["manifest.json"]!)
    expect(image).toMatchObject({ RepoTags: null, Layers: [`blobs/${layer.digest.replace(":", "/")}`] })
    expect(files[image.Config]).toContain(sha256("tar"))
  })

  it("is the same each time", () => {
    expect(layoutText(layer, sha256("tar"), epoch)).toEqual({ digest, files })
  })

  it("is written with every blob under its own digest, and the tar's files inside", async () => {
    const folder = mkdtempSync(join(tmpdir(), "layout-"))
    mkdirSync(join(folder, "root/etc"), { recursive: true })
    writeFileSync(join(folder, "root/etc/hello"), "hello\n")
    execFileSync("tar", ["-cf", join(folder, "root.tar"), "--numeric-owner", "-C", join(folder, "root"), "."])
    const written = await writeLayout(join(folder, "root.tar"), join(folder, "layout"), epoch)
    const blobs = join(folder, "layout/blobs/sha256")
    for (const each of readdirSync(blobs)) expect(sha256(readFileSync(join(blobs, each)))).toBe(`sha256:${each}`)
    const manifest = JSON.parse(readFileSync(join(blobs, written.digest.slice(7)), "utf8"))
    const packed = readFileSync(join(blobs, manifest.layers[0].digest.slice(7)))
    expect(packed.length).toBe(written.bytes)
    expect(execFileSync("tar", ["-xO", "./etc/hello"], { input: gunzipSync(packed) }).toString()).toBe("hello\n")
    expect(await writeLayout(join(folder, "root.tar"), join(folder, "again"), epoch)).toEqual(written)
  })
})

describe("a tar archive for a layer", () => {
  const folder = mkdtempSync(join(tmpdir(), "tar-"))
  writeFileSync(join(folder, "big"), Buffer.alloc(100_001, "x"))
  writeFileSync(join(folder, "empty"), "")
  const packed = (...options: string[]) =>
    execFileSync("tar", ["-c", "--sort=name", "--format=ustar", "--mtime=@1", ...options, "-C", folder, "."])
  const settled = async (tar: Buffer, pieces: number) => {
    const parts = Array.from({ length: pieces }, (_, at) =>
      tar.subarray(Math.floor((at * tar.length) / pieces), Math.floor(((at + 1) * tar.length) / pieces)),
    )
    return buffer(Readable.from(parts).pipe(settledTar()))
  }

  it("is the same whatever names of owners the tool wrote beside their numbers", async () => {
    const [one, other] = [packed("--owner=somebody:0", "--group=some:0"), packed("--owner=else:0", "--group=or:0")]
    expect(await settled(one, 1)).toEqual(await settled(other, 1))
  })

  it("comes out whole, however it comes in", async () => {
    const tar = packed()
    const [once, often] = [await settled(tar, 1), await settled(tar, 997)]
    expect(often).toEqual(once)
    expect(once.length).toBe(tar.length)
    expect(execFileSync("tar", ["-xO", "./big"], { input: once }).length).toBe(100_001)
  })

  it("is refused when it is cut short", async () => {
    await expect(settled(packed().subarray(0, 60_000), 1)).rejects.toThrow("ends in the middle")
  })
})

describe("the mirrors of a machine", () => {
  const archive = "http://mirror.example/debian"
  const deb822 = `# as installed
Types: deb
URIs: ${archive}/
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Types: deb deb-src
Enabled: no
URIs: http://off.example/debian
Suites: bookworm bookworm-updates
Components: main
`

  it("are read from deb822 sources", () => {
    expect(mirrorsOf(readSources(deb822), "bookworm")).toEqual({
      archive,
      security: "http://security.example/debian-security",
    })
  })

  it("are read from one-line sources, with the security archive beside the main one where none is named", () => {
    const lines = `# deb http://off.example/debian bookworm main
deb [signed-by=/a.gpg arch=amd64] ${archive} bookworm main non-free
deb ${archive} bookworm-updates main
deb-src http://src.example/debian bookworm main`
    expect(mirrorsOf(readSources(lines), "bookworm")).toEqual({ archive, security: `${archive}-security` })
  })

  it("are not those of others who name their suites after Debian's", () => {
    const others =
      "deb https://packages.example/debian/12/prod bookworm main\ndeb https://get.example/linux bookworm stable\n"
    expect(mirrorsOf(readSources(others + deb822), "bookworm")?.archive).toBe(archive)
    expect(mirrorsOf(readSources(others), "bookworm")).toBeUndefined()
  })
})

describe("mmdebstrap", () => {
  const asked = { suite: "bookworm", epoch, target: "/t/root.tar", packages: "/t/packages" }

  it("is asked for this machine's mirrors, security updates included", () => {
    const { argv, env } = mmdebstrap({
      ...asked,
      mirrors: { archive: "http://m/debian", security: "http://m/debian-security" },
    })
    expect(argv.slice(-5)).toEqual([
      "bookworm",
      "/t/root.tar",
      "deb http://m/debian bookworm main",
      "deb http://m/debian bookworm-updates main",
      "deb http://m/debian-security bookworm-security main",
    ])
    expect(env.SOURCE_DATE_EPOCH).toBe("1763769600")
  })

  it("takes a pinned moment of the archive, from where snapshots are served, though its lists are out of date", () => {
    const sources = () => mmdebstrap({ ...asked, mirrors: snapshotMirrors("20261120T000000Z") }).argv.slice(-3)
    expect(sources()).toEqual([
      "deb [check-valid-until=no] http://snapshot.debian.org/archive/debian/20261120T000000Z bookworm main",
      "deb [check-valid-until=no] http://snapshot.debian.org/archive/debian/20261120T000000Z bookworm-updates main",
      "deb [check-valid-until=no] http://snapshot.debian.org/archive/debian-security/20261120T000000Z bookworm-security main",
    ])
    vi.stubEnv("FAIRLEAD_DEBIAN_SNAPSHOT_MIRROR", "https://snapshots.example.org/")
    expect(sources()[2]).toContain(" https://snapshots.example.org/debian-security/20261120T000000Z bookworm-security ")
    vi.unstubAllEnvs()
    const pinned = { image: "debian:bookworm-slim", bootstrap: { suite: "bookworm", snapshot: "20261120T000000Z" } }
    expect(baseSchema.parse(pinned)).toEqual(pinned)
    expect(baseSchema.safeParse({ ...pinned, bootstrap: { suite: "bookworm", snapshot: "2026-11-20" } }).success).toBe(
      false,
    )
  })

  it("is left its own default where no mirror is known", () => {
    expect(mmdebstrap(asked).argv.slice(-2)).toEqual(["bookworm", "/t/root.tar"])
  })

  it("gets hooks that a shell can read", () => {
    for (const hook of mmdebstrap(asked).argv.filter((each) => /-hook=/.test(each))) {
      execFileSync("sh", ["-n", "-c", hook.replace(/^--[a-z]+-hook=/, "")])
    }
  })
})
