import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync, gzipSync } from "node:zlib"
import { afterEach, beforeEach, describe, expect, it } from "vitest"

const asked = spawnSync("python3", ["-c", "import sys; sys.version_info >= (3, 9) and print(sys.executable)"])
const python = asked.stdout?.toString().trim()
const programs = "dagger/toolbox/host"

let folder: string
let running: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-host-"))
})
afterEach(() => {
  for (const each of running) each.kill("SIGKILL")
  running = []
  rmSync(folder, { recursive: true })
})

describe.skipIf(!python)("the receiver", () => {
  const receiver = `${programs}/fairlead-demo-receiver`

  /** The receiver on a free port: its URL. */
  async function up(): Promise<string> {
    const env = { FAIRLEAD_RECEIVER_FOLDER: folder, FAIRLEAD_RECEIVER_PORT: "0", FAIRLEAD_HOSTS: "127.0.0.1=mainpc" }
    const child = spawn(python!, ["-ISB", receiver], { env, stdio: ["ignore", "pipe", "inherit"] })
    running.push(child)
    const [line] = await once(child.stdout!, "data")
    return `http://127.0.0.1:${/port (\d+)/.exec(String(line))![1]}`
  }

  const mode = (...words: string[]) =>
    spawnSync(python!, ["-ISB", receiver, "mode", ...words], { env: { FAIRLEAD_RECEIVER_FOLDER: folder } })

  const sbom = (packages: number): string =>
    gzipSync(JSON.stringify({ spdxVersion: "SPDX-2.3", packages: Array(packages).fill({ name: "x" }) })).toString(
      "base64",
    )

  const report = { service: "TieredResponder", image: "127.0.0.1:5000/x/y@sha256:0", git_sha: "abc1234", sbom: sbom(3) }

  const post = (url: string, body: unknown) =>
    fetch(`${url}/ingest/image`, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) })

  const reports = async (url: string) =>
    (await (await fetch(url)).text())
      .split("\n")
      .filter(Boolean)
      .map((each) => JSON.parse(each))

  it("keeps what a service says, names the host it came from, and has it still after a restart", async () => {
    const first = await up()
    expect((await post(first, report)).status).toBe(204)
    const [kept] = await reports(first)
    expect(kept).toMatchObject({
      service: "TieredResponder",
      host: "mainpc",
      git_sha: "abc1234",
      sbom: { packages: 3 },
    })
    running[0]!.kill("SIGKILL")
    const second = await up()
    expect(await reports(second)).toEqual([kept])
    expect((await post(second, report)).status).toBe(204)
    expect((await reports(second)).map(({ number }) => number)).toEqual([1, 2])
  })

  it("keeps an SBOM once, as it came, and gives it back", async () => {
    const url = await up()
    await post(url, report)
    await post(url, { ...report, service: "Other" })
    expect(readdirSync(join(folder, "sboms"))).toHaveLength(1)
    const [{ sbom }] = await reports(url)
    const answer = await fetch(`${url}/sboms/${sbom.sha256}`)
    expect(await answer.json()).toEqual(JSON.parse(gunzipSync(Buffer.from(report.sbom, "base64")).toString()))
    expect((await fetch(`${url}/sboms/..%2fmode`)).status).toBe(404)
  })

  it("takes a service that knows nothing of itself", async () => {
    const url = await up()
    expect((await post(url, { service: null, image: null, git_sha: null, sbom: null })).status).toBe(204)
    expect(await reports(url)).toMatchObject([{ service: null, sbom: null }])
  })

  it.each([
    ["no JSON", "{", 400],
    ["another shape", { hello: 1 }, 400],
    ["a service that is no line of text", { ...report, service: "a\nb" }, 400],
    ["a service that steers terminals", { ...report, service: "\u001b[2J" }, 400],
    ["a name without end", { ...report, image: "x".repeat(600) }, 400],
    ["an SBOM that is no gzip", { ...report, sbom: Buffer.from("hello").toString("base64") }, 400],
    ["an SBOM that is no base64", { ...report, sbom: "*" }, 400],
    ["an SBOM that is no SPDX", { ...report, sbom: gzipSync("[]").toString("base64") }, 400],
    [
      "an SBOM that is small only as long as it is packed",
      { ...report, sbom: gzipSync(Buffer.alloc(70e6)).toString("base64") },
      413,
    ],
  ])("refuses %s, and keeps nothing of it", async (_, body, status) => {
    const url = await up()
    expect((await post(url, body)).status).toBe(status)
    expect(await reports(url)).toEqual([])
    expect(readdirSync(join(folder, "sboms"))).toEqual([])
  })

  it("refuses a big body by what it says of itself, without reading it", async () => {
    const url = await up()
    const started = performance.now()
    // The receiver closes while the body is still on its way: some clients see only that.
    const status = await post(url, "x".repeat(9e6)).then(
      (answer) => answer.status,
      () => 413,
    )
    expect(status).toBe(413)
    expect(performance.now() - started).toBeLessThan(5000)
    expect(await reports(url)).toEqual([])
  })

  it("is slow, fails, and is well again as it is told", async () => {
    const url = await up()
    mode("error", "503")
    expect((await post(url, report)).status).toBe(503)
    mode("slow", "1")
    const started = performance.now()
    expect((await post(url, report)).status).toBe(204)
    expect(performance.now() - started).toBeGreaterThan(1000)
    expect((await fetch(`${url}/health`)).status).toBe(200)
    mode("ok")
    expect((await post(url, report)).status).toBe(204)
    expect(mode("asleep").status).toBe(1)
    expect(await reports(url)).toHaveLength(2)
  })

  it("shows a browser a page on which what services said is text and nothing else", async () => {
    const url = await up()
    await post(url, { ...report, service: "<script>alert(1)</script>" })
    const page = await (await fetch(url, { headers: { accept: "text/html" } })).text()
    expect(page).toContain("&lt;script&gt;")
    expect(page).not.toContain("<script")
    expect(page).toContain("3 packages")
  })
})

describe.skipIf(!python)("the stand-in for nvidia-smi", () => {
  const gpu = { standIn: true, name: "NVIDIA GeForce RTX 4090", driver: "550.90", arch: "8.9", memoryMiB: 24_564 }
  // As on a host, but for where host.json is.
  const elsewhere =
    'import runpy, sys; main = runpy.run_path(sys.argv[1])["main"]; main.__globals__["HOST"] = sys.argv[2]; sys.exit(main(sys.argv[3:]))'

  function smi(told: object, ...argv: string[]) {
    writeFileSync(join(folder, "host.json"), JSON.stringify(told))
    const program = ["-ISB", "-c", elsewhere, `${programs}/nvidia-smi`, join(folder, "host.json")]
    const { status, stdout } = spawnSync(python!, [...program, ...argv], { encoding: "utf8" })
    return [status, stdout.trim()]
  }

  it.each([
    [
      ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
      "NVIDIA GeForce RTX 4090, 550.90, 24564 MiB",
    ],
    [["--query-gpu=memory.total", "--format=csv,noheader,nounits"], "24564"],
    [
      ["--query-gpu=driver_version,memory.free", "--format=csv"],
      "driver_version, memory.free [MiB]\n550.90, 24564 MiB",
    ],
    [["-L"], "GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-00000000-0000-0000-0000-000000000000)"],
  ])("answers %j", (argv, answer) => {
    expect(smi({ gpu }, ...argv)).toEqual([0, answer])
  })

  it("says to whoever looks that no GPU is there", () => {
    expect(smi({ gpu })).toEqual([0, expect.stringMatching(/stand-in.*no GPU is here/s)])
  })

  it("fails as the real one does on a field that there is not, and on a host without a GPU", () => {
    expect(smi({ gpu }, "--query-gpu=colour", "--format=csv")).toEqual([
      2,
      'Field "colour" is not a valid field to query.',
    ])
    expect(smi({}, "-L")).toEqual([9, expect.stringContaining("couldn't communicate with the NVIDIA driver")])
  })
})
