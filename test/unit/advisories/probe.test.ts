import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { execa } from "execa"
import { afterEach, describe, expect, it } from "vitest"
import { probeSchema } from "../../../dagger/lib/advisories/answer.ts"

const probe = fileURLToPath(new URL("../../../dagger/lib/advisories/probe/sources_probe.py", import.meta.url))
const work = mkdtempSync(join(tmpdir(), "advisories-"))
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
  rmSync(join(work, "cache"), { recursive: true, force: true })
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const asked = async (ask: object) => {
  writeFileSync(join(work, "ask.json"), JSON.stringify(ask))
  const argv = ["-B", probe, "--ask", join(work, "ask.json"), "--cache", join(work, "cache")]
  const { stdout } = await execa("python3", argv, { env: { no_proxy: "127.0.0.1" } })
  return probeSchema.parse(JSON.parse(stdout))
}

const pypi = async (listener: RequestListener) =>
  (await asked({ python: { service: "pypi", inside: `${await serve(listener)}/pypi` } })).python!

const known = JSON.stringify({ info: {}, vulnerabilities: [{ id: "PYSEC-2018-28", aliases: ["CVE-2018-18074"] }] })

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const chunk of request) body += chunk
  return body
}

describe("the canary", () => {
  it("sees an advisory source in a service that knows what has been known since 2018", async () => {
    const paths: unknown[] = []
    const found = await pypi((request, answer) => {
      paths.push(request.url)
      answer.end(known)
    })
    expect(found.answers).toBe(true)
    expect(paths).toEqual(["/pypi/requests/2.19.0/json"])
  })

  it("asks OSV as pip-audit does", async () => {
    const bodies: unknown[] = []
    const url = await serve(async (request, answer) => {
      bodies.push(JSON.parse(await bodyOf(request)))
      answer.end(JSON.stringify({ vulns: [{ id: "GHSA-x84v-xcm2-53pg" }] }))
    })
    const { python } = await asked({ python: { service: "osv", inside: `${url}/v1/query` } })
    expect(python!.answers).toBe(true)
    expect(bodies).toEqual([{ package: { name: "requests", ecosystem: "PyPI" }, version: "2.19.0" }])
  })

  it.each([
    ["knows no vulnerability", JSON.stringify({ info: {}, vulnerabilities: [] }), /knows no vulnerability/],
    ["has no such key", JSON.stringify({ info: {} }), /knows no vulnerability/],
    ["answers a list", "[]", /knows no vulnerability/],
    ["answers a page", "<html>Welcome to the proxy</html>", /not JSON/],
    ["answers half", known.slice(0, 40), /not JSON/],
  ])("is not fooled by a service that %s", async (_, body, why) => {
    const found = await pypi((_, answer) => answer.end(body))
    expect(found).toMatchObject({ answers: false, absent: false, why: expect.stringMatching(why) })
  })

  it("takes an index without the interface for no source at all, and a failing one for one that fails", async () => {
    const status = (code: number) => pypi((_, answer) => answer.writeHead(code).end())
    expect(await status(404)).toMatchObject({ answers: false, absent: true })
    expect(await status(500)).toMatchObject({ answers: false, absent: false })
  })

  it("waits as Retry-After says, once, and then is answered", async () => {
    let requests = 0
    const started = performance.now()
    const found = await pypi((_, answer) => {
      requests += 1
      if (requests === 1) answer.writeHead(429, { "Retry-After": "1" }).end()
      else answer.end(known)
    })
    expect([found.answers, requests]).toEqual([true, 2])
    expect(performance.now() - started).toBeGreaterThan(1000)
  })

  it("does not wait for ever", async () => {
    const found = await pypi((_, answer) => answer.writeHead(429, { "Retry-After": "86400" }).end())
    expect(found).toMatchObject({ answers: false, absent: false, why: expect.stringContaining("429") })
  }, 60_000)
})

describe("a host that is not there", () => {
  it("is told within seconds, and is no error of the probe", async () => {
    const closed = await serve(() => {})
    servers.splice(0)[0]!.close()
    const port = Number(new URL(closed).port)
    const ref = {
      name: "127.0.0.1/x/trivy-db:2",
      inside: "127.0.0.1/x/trivy-db:2",
      host: "127.0.0.1",
      port,
      plain: true,
    }
    const nowhere = { ...ref, name: "nowhere.invalid/x:2", host: "nowhere.invalid" }
    const started = performance.now()
    const { database, python } = await asked({
      database: { refs: [ref, nowhere], seconds: 5 },
      python: { service: "pypi", inside: `${closed}/pypi` },
    })
    expect(performance.now() - started).toBeLessThan(15_000)
    expect(python).toMatchObject({ answers: false, absent: true })
    expect(database).toMatchObject({ found: null, kept: null })
    expect(database!.tried.map(({ ref, absent }) => [ref, absent])).toEqual([
      [ref.name, true],
      [nowhere.name, true],
    ])
  })
})
