import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { networkName } from "../../cli/setup/network.ts"
import { toolboxImage } from "../../cli/setup/toolbox.ts"
import { Checkout, fairlead } from "./yard.ts"

/** A BuildKit of its own, as on another machine: it asks whoever comes for a certificate, and knows nothing of Fairlead. */
describe("a builder elsewhere", () => {
  const name = `fairlead-test-builder-${process.pid}`
  let checkout: Checkout
  let folder: string
  let address: string

  beforeAll(async () => {
    checkout = await Checkout.init()
    folder = await mkdtemp(join(tmpdir(), "builder-"))
    await certificates(folder)
    const image = await toolboxImage("build")
    await execa("docker", [
      ...["run", "--detach", "--privileged", "--pull", "never", "--name", name, "--network", networkName],
      ...["--publish", "127.0.0.1::1234", "--mount", `type=bind,src=${folder}/server,dst=/tls,readonly`],
      ...["--entrypoint", "buildkitd", image, "--addr", "tcp://0.0.0.0:1234"],
      ...["--tlscacert", "/tls/ca.pem", "--tlscert", "/tls/cert.pem", "--tlskey", "/tls/key.pem"],
    ])
    const { stdout } = await execa("docker", ["port", name, "1234"])
    address = `tcp://${stdout.split("\n")[0]!.trim()}`
  })
  afterAll(async () => {
    await execa("docker", ["rm", "--force", "--volumes", name], { reject: false })
    await rm(folder, { recursive: true, force: true })
    await checkout.remove()
  })

  const build = (...flags: string[]) =>
    fairlead(["build", "--family", "base-python", "--json", ...flags], { cwd: checkout.root })
  const digestOf = (stdout: string): string => JSON.parse(stdout).families.at(-1).digest

  it("makes the very bytes that Fairlead's own makes", async () => {
    const there = await build("--builder", address, "--builder-tls", join(folder, "client"))
    expect(there.exitCode, there.stderr).toBe(0)
    const { stdout } = await execa("docker", ["exec", name, "buildctl", "--addr", "tcp://127.0.0.1:1234", ...own, "du"])
    expect(stdout).toMatch(/^Total:\s+[1-9]/m)
    const here = await build()
    expect(here.exitCode, here.stderr).toBe(0)
    expect(digestOf(there.stdout)).toBe(digestOf(here.stdout))
  })

  it("lets nobody build who shows no certificate", async () => {
    const { exitCode, stderr } = await build("--builder", address)
    expect(exitCode).toBe(3)
    expect(stderr).toContain("--builder-tls")
  })

  it("is told from the toolbox's own by its address alone", async () => {
    const wrong = await build("--builder", "build.example.org")
    expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining("tcp://HOST:PORT")])
    const empty = await build("--builder", address, "--builder-tls", folder)
    expect([empty.exitCode, empty.stderr]).toEqual([2, expect.stringContaining("there is no ")])
  })
})

/** How the builder's own client asks it, inside. */
const own = [
  "--tlscacert",
  "/tls/ca.pem",
  "--tlscert",
  "/tls/cert.pem",
  "--tlskey",
  "/tls/key.pem",
  "--tlsservername",
  "127.0.0.1",
]

/** One authority, and a certificate of it for each side. */
async function certificates(folder: string): Promise<void> {
  const openssl = (...argv: string[]) => execa("openssl", argv, { cwd: folder })
  const key = ["-newkey", "rsa:2048", "-nodes"]
  await openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test", "-days", "2")
  for (const side of ["server", "client"]) {
    await mkdir(join(folder, side))
    await openssl(
      "req",
      ...key,
      "-keyout",
      `${side}/key.pem`,
      "-out",
      `${side}.csr`,
      "-subj",
      `/CN=${side}`,
      "-addext",
      "subjectAltName=IP:127.0.0.1",
    )
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-copy_extensions", "copy"]
    await openssl("x509", "-req", "-in", `${side}.csr`, "-out", `${side}/cert.pem`, ...signed)
    await execa("cp", ["ca.pem", `${side}/ca.pem`], { cwd: folder })
  }
}
