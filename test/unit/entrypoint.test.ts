import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, describe, expect, it } from "vitest"

const source = "dockerfiles/entrypoint"

// The interpreter itself: version managers put a slow shell script before it. os.pidfd_open came with 3.9.
const asked = spawnSync("python3", ["-c", "import sys; sys.version_info >= (3, 9) and print(sys.executable)"])
const python = asked.stdout?.toString().trim()

const undo: (() => unknown)[] = []
afterAll(async () => {
  for (const each of undo.splice(0).reverse()) await each()
})

interface Installed {
  entrypoint: string
  share: string
}

interface Patience {
  pauses?: string
  secondsPerTry?: number
}

/**
 * The very scripts of the image, with their fixed paths pointed at a folder. The image has no such override: who could set
 * one could choose PID 1.
 */
async function install({ pauses = "(0.02, 0.02, 0.02, 0.02)", secondsPerTry = 5 }: Patience = {}): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), "entrypoint-"))
  undo.push(() => rm(folder, { recursive: true, force: true }))
  const [init, announce, entrypoint] = [join(folder, "tini"), join(folder, "announce.py"), join(folder, "entrypoint")]
  await writeFile(init, '#!/bin/sh\n[ "$1" = "--" ] || exit 99\nshift\nexec "$@"\n')
  const lines = { init, python: python!, announce }
  await writeFile(entrypoint, pointed(await readFile(join(source, "fairlead-entrypoint"), "utf8"), "=", lines))
  const constants = { SHARE: JSON.stringify(folder), PAUSES: pauses, SECONDS_PER_TRY: String(secondsPerTry) }
  await writeFile(announce, pointed(await readFile(join(source, "announce.py"), "utf8"), " = ", constants))
  await Promise.all([init, entrypoint].map((path) => chmod(path, 0o755)))
  return { entrypoint, share: folder }
}

function pointed(text: string, sign: string, values: Record<string, string>): string {
  return Object.entries(values).reduce((changed, [name, value]) => {
    const line = new RegExp(`^${name}${sign}.*$`, "m")
    if (!line.test(changed)) throw new Error(`there is no line ${name}${sign}… any more`)
    return changed.replace(line, () => `${name}${sign}${value}`)
  }, text)
}

interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Starts the entrypoint; `ended` waits for the command alone, `quiet` for the sender too (it holds stderr open). */
function start({ entrypoint }: Installed, command: string[], env: Record<string, string> = {}) {
  const child = spawn(entrypoint, command, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  undo.push(() => child.kill("SIGKILL"))
  const said = { stdout: "", stderr: "" }
  child.stdout.on("data", (data) => (said.stdout += data))
  child.stderr.on("data", (data) => (said.stderr += data))
  const ended = once(child, "exit").then(([code, signal]): Ended => ({ code, signal, ...said }))
  const quiet = once(child, "close").then(([code, signal]): Ended => ({ code, signal, ...said }))
  return { child, ended, quiet, said }
}

/** What the sender says in the end, with the service still up: one line. */
async function dropped({ child, said, quiet }: ReturnType<typeof start>): Promise<string> {
  while (!said.stderr.endsWith("dropped)\n")) await once(child.stderr, "data")
  child.kill("SIGTERM")
  const { stderr } = await quiet
  expect(stderr).toMatch(/^fairlead-entrypoint: image record not delivered to [^\n]*\n$/)
  return stderr
}

interface Post {
  headers: IncomingMessage["headers"]
  url: string
  body: string
}

/** A receiver that answers as told, one after the other; the last answer stands for all that follow. */
async function receiver(...answers: ("hang" | number)[]) {
  const posts: Post[] = []
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = ""
    for await (const part of request) body += part
    const answer = answers[Math.min(posts.length, answers.length - 1)]!
    posts.push({ headers: request.headers, url: `${request.method} ${request.url}`, body })
    if (answer !== "hang") response.writeHead(answer).end("some text")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  undo.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { posts, url: `http://127.0.0.1:${port}/ingest/image`, posted: posted(posts) }
}

const posted =
  (posts: Post[]) =>
  async (count: number): Promise<void> => {
    while (posts.length < count) await new Promise((resolve) => setTimeout(resolve, 10))
  }

async function nobody(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  return `http://127.0.0.1:${port}/ingest/image`
}

// The command of a service that is up for as long as the test looks.
const service = ["sh", "-c", "echo up; exec sleep 30"]

describe.skipIf(!python).concurrent("the entrypoint", { timeout: 20_000 }, () => {
  it.each<[string, () => Promise<string>]>([
    ["takes the record", async () => (await receiver(200)).url],
    ["answers 500", async () => (await receiver(500)).url],
    ["never answers", async () => (await receiver("hang")).url],
    ["is down", nobody],
    ["has no address", async () => "http://no-such-host.invalid/"],
    ["has no URL that makes sense", async () => "nonsense"],
  ])("starts the command at once and hands on its exit code when the receiver %s", async (_, at) => {
    const begin = performance.now()
    const installed = await install({ pauses: "(60, 60, 60, 60)", secondsPerTry: 60 })
    const running = start(installed, ["sh", "-c", "echo started; exit 7"], { FAIRLEAD_INGEST_URL: await at() })
    const { code, stdout } = await running.quiet
    expect({ code, stdout }).toEqual({ code: 7, stdout: "started\n" })
    // Whoever waited for a try or a pause would be seen here, on a busy machine too.
    expect(performance.now() - begin).toBeLessThan(15_000)
  })

  it("hands arguments on as they are", async () => {
    const hostile = ["$(id)", "a b", "", "-x", "line\nline", "'\"`", "ü"]
    const { stdout } = await start(
      await install(),
      [process.execPath, "-p", "JSON.stringify(process.argv.slice(1))", "--", ...hostile],
      {
        FAIRLEAD_INGEST_URL: "off",
      },
    ).ended
    expect(JSON.parse(stdout)).toEqual(hostile)
  })

  it("becomes the command's init, so that SIGTERM gets there and the sender is not the command's child", async () => {
    const { url } = await receiver("hang")
    const running = start(await install(), ["sh", "-c", "cat /proc/$$/task/$$/children; echo .; exec sleep 30"], {
      FAIRLEAD_INGEST_URL: url,
    })
    while (!running.said.stdout.includes(".")) await once(running.child.stdout, "data")
    running.child.kill("SIGTERM")
    // `cat` itself is the only child that the shell ever has.
    expect(await running.ended).toMatchObject({ signal: "SIGTERM", stdout: expect.stringMatching(/^\d+ \.\n$/) })
  })

  it("refuses to run nothing, with exit code 64", async () => {
    const { code, stderr } = await start(await install(), []).quiet
    expect(code).toBe(64)
    expect(stderr).toBe(
      "fairlead-entrypoint: no command to run: name one after the image, or set CMD in its Dockerfile\n",
    )
  })
})

describe.skipIf(!python).concurrent("the image record", { timeout: 20_000 }, () => {
  it("is {service, image, git_sha, sbom}, whatever the values hold, and nothing else of the environment", async () => {
    const installed = await install()
    const sbom = gzipSync('{"spdxVersion":"SPDX-2.3"}')
    await writeFile(join(installed.share, "sbom.spdx.json.gz"), sbom)
    const { url, posts, posted } = await receiver(200)
    const closed = await nobody()
    const service = 'a "quoted"\n\\ ü ${x}'
    const running = start(installed, ["sleep", "30"], {
      FAIRLEAD_INGEST_URL: url,
      FAIRLEAD_SERVICE: service,
      FAIRLEAD_IMAGE: "ghcr.io/my-fleet/family-web:20261122-abc1234",
      FAIRLEAD_GIT_SHA: "abc1234",
      HTTP_PASSWORD: "not-to-be-sent",
      http_proxy: closed,
      HTTP_PROXY: closed,
      ALL_PROXY: closed,
    })
    await posted(1)
    running.child.kill("SIGTERM")
    const { stderr } = await running.quiet
    expect(posts.map((post) => post.url)).toEqual(["POST /ingest/image"])
    expect(JSON.parse(posts[0]!.body)).toEqual({
      service,
      image: "ghcr.io/my-fleet/family-web:20261122-abc1234",
      git_sha: "abc1234",
      sbom: sbom.toString("base64"),
    })
    expect(posts[0]!.headers["content-type"]).toBe("application/json")
    expect(JSON.stringify(posts)).not.toContain("not-to-be-sent")
    expect(stderr).toBe("")
  })

  it("takes the revision from the image where the environment has none, and says null for what is not known", async () => {
    const installed = await install()
    await writeFile(join(installed.share, "revision"), "0123abc\n")
    const { url, posts, posted } = await receiver(200)
    start(installed, service, { FAIRLEAD_INGEST_URL: url, FAIRLEAD_SERVICE: "" })
    await posted(1)
    expect(JSON.parse(posts[0]!.body)).toEqual({ service: null, image: null, git_sha: "0123abc", sbom: null })
  })

  it("is sent again after a 500, and a record that was taken is not worth a line", async () => {
    const { url, posts, posted } = await receiver(500, 500, 200)
    const running = start(await install(), service, { FAIRLEAD_INGEST_URL: url })
    await posted(3)
    running.child.kill("SIGTERM")
    expect((await running.quiet).stderr).toBe("")
    expect(posts).toHaveLength(3)
    expect(new Set(posts.map(({ body }) => body)).size).toBe(1)
  })

  it.each<[string, () => Promise<{ url: string; posts?: Post[] }>, string]>([
    ["answers 500 for ever", () => receiver(500), "answered 500"],
    ["wants to send it elsewhere", () => receiver(302), "answered 302"],
    ["is down", async () => ({ url: await nobody() }), "Connection refused"],
    ["is no web server", async () => ({ url: "ftp://host/path" }), "its URL is not http://host/path"],
  ])("is dropped after five tries with one line when the receiver %s", async (_, at, why) => {
    const { url, posts } = await at()
    const running = start(await install({ secondsPerTry: 60 }), service, { FAIRLEAD_INGEST_URL: url })
    expect(await dropped(running)).toContain(`${url}: ${why} (5 tries in `)
    expect([undefined, 5]).toContain(posts?.length)
  })

  it("is dropped after five short tries with one line when the receiver never answers", async () => {
    const { url, posts } = await receiver("hang")
    const running = start(await install({ secondsPerTry: 0.2 }), service, { FAIRLEAD_INGEST_URL: url })
    expect(await dropped(running)).toContain(`${url}: no answer within 0.2 s (5 tries in `)
    // On a busy machine a try can end before it got as far as the receiver.
    expect(posts.length).toBeLessThanOrEqual(5)
  })

  it("is given up without a word when the service ends first", async () => {
    const { url, posted, posts } = await receiver("hang")
    const running = start(await install({ pauses: "(30, 30, 30, 30)", secondsPerTry: 30 }), service, {
      FAIRLEAD_INGEST_URL: url,
    })
    await posted(1)
    running.child.kill("SIGTERM")
    expect((await running.quiet).stderr).toBe("")
    expect(posts).toHaveLength(1)
  })

  it("goes nowhere when FAIRLEAD_INGEST_URL is off", async () => {
    const running = start(await install(), service, { FAIRLEAD_INGEST_URL: "off" })
    await once(running.child.stdout, "data")
    running.child.kill("SIGTERM")
    expect((await running.quiet).stderr).toBe("")
  })

  it("keeps credentials and terminal escapes of its URL out of the log", async () => {
    const { port } = new URL(await nobody())
    const running = start(await install(), service, {
      FAIRLEAD_INGEST_URL: `http://user:secret@127.0.0.1:${port}/a\x1b[2Jb?token=secret`,
    })
    const line = await dropped(running)
    expect(line).toContain(`http://127.0.0.1:${port}/a?[2Jb: InvalidURL (`)
    expect(line).not.toMatch(/secret|\x1b/)
  })

  it("takes less than a minute in all, by the numbers that the image has", async () => {
    const text = await readFile(join(source, "announce.py"), "utf8")
    const pauses = JSON.parse(/^PAUSES = \((.*?)\)/m.exec(text)![1]!.replace(/^/, "[").replace(/$/, "]")) as number[]
    const secondsPerTry = Number(/^SECONDS_PER_TRY = (\d+)/m.exec(text)![1])
    expect(secondsPerTry).toBeLessThanOrEqual(5)
    expect(pauses).toHaveLength(4)
    // A pause is up to a quarter longer, so that services of one host do not all come back at once.
    expect(pauses.reduce((sum, each) => sum + each * 1.25, secondsPerTry * 5)).toBeLessThanOrEqual(60)
  })
})
