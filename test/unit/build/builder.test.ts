import { chmod, mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { describe, expect, it } from "vitest"
import { chooseBuilder } from "../../../cli/builder.ts"
import { parseBuilder, reaching, sameVersion } from "../../../dagger/lib/build/builder.ts"

describe("the address of a builder", () => {
  it.each([
    ["tcp://build.example.org:1234", { host: "build.example.org", port: 1234 }],
    ["tcp://127.0.0.1:33001", { host: "127.0.0.1", port: 33_001 }],
    ["tcp://[::1]:1234", { host: "[::1]", port: 1234 }],
  ])("%s is one", (text, read) => {
    expect(parseBuilder(text, "--builder")).toEqual(read)
  })

  it.each([
    "build.example.org",
    "tcp://a",
    "tcp://a:0",
    "tcp://a:70000",
    "unix:///x",
    "tcp://a b:1",
    "tcp://a:1/x",
    'tcp://a":1',
  ])("%s is none", (text) => {
    expect(() => parseBuilder(text, "--builder")).toThrow(/--builder: .* is no address of a BuildKit/)
  })

  it("comes from the command line, then from the environment", () => {
    const env = { FAIRLEAD_BUILDER: "tcp://there:1" }
    expect(chooseBuilder({}, {})).toBeUndefined()
    expect(chooseBuilder({}, env)).toEqual({ host: "there", port: 1 })
    expect(chooseBuilder({ builder: "tcp://here:2" }, env)).toEqual({ host: "here", port: 2 })
  })
})

describe("the way to a builder", () => {
  const secret = (name: string) => ({ name, handle: Promise.resolve(name) })

  it("is its name, or the caller's own port under a name that its certificate is not for", () => {
    expect(reaching({ host: "there", port: 1 })).toMatchObject({
      services: {},
      env: { BUILDER: "tcp://there:1", BUILDER_OPTIONS: "" },
    })
    const tls = { ca: secret("ca"), cert: secret("cert"), key: secret("key") }
    const { services, env, secrets } = reaching({ host: "127.0.0.1", port: 9, tls })
    expect([services, env.BUILDER]).toEqual([{ builder: { callerPort: 9 } }, "tcp://builder:9"])
    expect(env.BUILDER_OPTIONS).toMatch(/,servername=127\.0\.0\.1$/)
    expect(Object.keys(secrets)).toEqual(["ca", "cert", "key"].map((each) => `/run/secrets/builder/${each}.pem`))
  })
})

describe("the version of a builder", () => {
  async function compared(theirs: string) {
    const folder = await mkdtemp(join(tmpdir(), "versions-"))
    const program = async (name: string, says: string) => {
      await writeFile(join(folder, name), `#!/bin/sh\necho '${says}'\n`)
      await chmod(join(folder, name), 0o755)
    }
    await program("buildx", theirs)
    await program("buildkitd", "buildkitd github.com/moby/buildkit v0.26.3 abc")
    return execa("sh", ["-euc", sameVersion], { env: { PATH: `${folder}:${process.env.PATH}` }, reject: false })
  }

  it("is the toolbox's", async () => {
    expect((await compared("BuildKit version:      v0.26.3")).exitCode).toBe(0)
  })

  it.each(["BuildKit version:      v0.27.0", "Status: running"])(
    "is told where it is another one: %s",
    async (theirs) => {
      const { exitCode, stderr } = await compared(theirs)
      expect(exitCode).toBe(1)
      expect(stderr).toMatch(/the builder runs BuildKit .*, images are built with 0\.26\.3/)
    },
  )
})
