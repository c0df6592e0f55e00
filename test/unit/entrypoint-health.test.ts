import { execFile, spawnSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer as createHttpServer, type RequestListener } from "node:http"
import { type AddressInfo, createServer, type Server } from "node:net"
import { afterAll, describe, expect, it } from "vitest"

const asked = spawnSync("python3", ["-c", "import sys; sys.version_info >= (3, 9) and print(sys.executable)"])
const python = asked.stdout?.toString().trim()

const servers: Server[] = []
afterAll(() => {
  for (const server of servers) server.close()
})

async function listening(server: Server): Promise<number> {
  servers.push(server.listen(0, "127.0.0.1"))
  await once(server, "listening")
  return (server.address() as AddressInfo).port
}

const answers = (listener: RequestListener) => listening(createHttpServer(listener))

const says = (status: number, body: string) =>
  answers((request, response) => response.writeHead(request.url === "/health" ? status : 404).end(body))

const sends = (bytes: string) => listening(createServer((socket) => socket.on("error", () => {}).end(bytes)))

async function free(): Promise<number> {
  const server = createServer()
  const port = await listening(server)
  server.close()
  return port
}

const script = readFileSync("dockerfiles/entrypoint/fairlead-health", "utf8")

/** The probe as Docker runs it in a container, with another limit: this machine may be busy, and need not wait for 1.8 s. */
const probe = (port: number | string | undefined, seconds = 60) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    const env = {
      PATH: process.env.PATH,
      http_proxy: "http://127.0.0.1:9",
      ...(port === undefined ? {} : { HEALTH_PORT: String(port) }),
    }
    const limited = script.replace(/^SECONDS = 1\.8 /m, `SECONDS = ${seconds} `)
    execFile(python!, ["-ISB", "-c", limited], { env }, (error, stdout, stderr) => {
      done({ code: error ? Number(error.code) : 0, stdout, stderr })
    })
  })

describe.skipIf(!python).concurrent("the health probe", { timeout: 20_000 }, () => {
  it.each<[string, () => Promise<number>]>([
    ["the blueprint's answer", () => says(200, '{"status":"ok"}')],
    ["the same with spaces and more in it", () => says(200, ' { "uptime": 3, "status" : "ok" }\n')],
    ["an answer in parts", () => answers((_, response) => response.write('{"status":') && response.end('"ok"}'))],
  ])("is content with %s, and silent", async (_, port) => {
    expect(await probe(await port())).toEqual({ code: 0, stdout: "", stderr: "" })
  })

  it.each<[string, () => Promise<number | string | undefined>, string]>([
    ["an error", () => says(500, '{"status":"ok"}'), "answered 500, not 200"],
    ["a redirect", () => says(302, ""), "answered 302, not 200"],
    [
      "another status",
      () => says(200, '{"status":"starting"}'),
      'answered 200 with {"status":"starting"}, not {"status":"ok"}',
    ],
    ["no JSON", () => says(200, "<html>"), 'answered 200 with <html>, not {"status":"ok"}'],
    ["no object", () => says(200, '"ok"'), 'answered 200 with "ok", not {"status":"ok"}'],
    ["nothing in the answer", () => says(200, ""), 'answered 200 with nothing, not {"status":"ok"}'],
    [
      "terminal escapes",
      () => says(200, "\x1b[2J\x1b]0;x\x07\n"),
      'answered 200 with ?[2J?]0;x??, not {"status":"ok"}',
    ],
    ["another protocol", () => sends("SSH-2.0-OpenSSH\r\n"), "answered SSH-2.0-OpenSSH??, which is not HTTP"],
    ["a closed port", free, "Connection refused"],
    ["no port", async () => undefined, "HEALTH_PORT is not set to a port"],
    ["a port that is none", async () => "80 -x", "HEALTH_PORT is not set to a port"],
  ])("says in one line why %s is not well", async (_, port, why) => {
    const at = await port()
    expect(await probe(at)).toEqual({
      code: 1,
      stdout: "",
      stderr: `fairlead-health: GET http://127.0.0.1:${at ?? "HEALTH_PORT"}/health: ${why}\n`,
    })
  })

  it.each<[string, RequestListener]>([
    ["silence", () => {}],
    ["an answer that never ends", (_, response) => setInterval(() => response.write(" "), 20).unref()],
  ])("does not wait for %s", async (_, listener) => {
    const { code, stderr } = await probe(await answers(listener), 0.3)
    expect(code).toBe(1)
    expect(stderr).toMatch(/: no answer within 0\.3 s\n$/)
  })

  it("says why before a time-out of 2 s is over", () => {
    expect(script).toMatch(/^SECONDS = 1\.8 /m)
  })
})
