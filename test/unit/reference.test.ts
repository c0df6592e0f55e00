import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import { afterAll, describe, expect, it } from "vitest"

const asked = spawnSync("python3", ["-c", "import sys; sys.version_info >= (3, 9) and print(sys.executable)"])
const python = asked.stdout?.toString().trim()

const started: ChildProcess[] = []
afterAll(() => {
  for (const child of started) child.kill("SIGKILL")
})

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(async (server) => {
      await once(server.listen(0, "127.0.0.1"), "listening")
      return (server.address() as AddressInfo).port
    }),
  )
  for (const server of servers) server.close()
  return ports as [number, number]
}

function run(env: Record<string, string | undefined>) {
  const child = spawn(python!, ["-B", "apps/reference/main.py"], { env, stdio: ["ignore", "pipe", "pipe"] })
  started.push(child)
  const said = { stdout: "", stderr: "" }
  child.stdout.on("data", (data) => (said.stdout += data))
  child.stderr.on("data", (data) => (said.stderr += data))
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...said }))
  return { child, ended, said }
}

type Started = ReturnType<typeof run> & { port: number; healthPort: number }

/** The service, listening: on other ports where somebody took the free ones before it could. */
async function listening(env: Record<string, string>): Promise<Started> {
  const [port, healthPort] = await freePorts()
  const service = run({ PORT: String(port), HEALTH_PORT: String(healthPort), ...env })
  const first = once(service.child.stdout, "data").then(() => "listens" as const)
  const ended = await Promise.race([first, service.ended])
  if (ended === "listens" || env.FAIRLEAD_FAIL === "crash") return { ...service, port, healthPort }
  if (!ended.stderr.includes("Address already in use")) throw new Error(`ended: ${JSON.stringify(ended)}`)
  return listening(env)
}

async function up(env: Record<string, string> = {}) {
  const service = await listening(env)
  const { port, healthPort } = service
  const get = async (url: string, milliseconds = 15_000) => {
    const response = await fetch(url, { signal: AbortSignal.timeout(milliseconds) })
    return { status: response.status, body: await response.text() }
  }
  return {
    ...service,
    root: () => get(`http://127.0.0.1:${port}/`),
    health: (milliseconds?: number) => get(`http://127.0.0.1:${healthPort}/health`, milliseconds),
    get: (path: string) => get(`http://127.0.0.1:${healthPort}${path}`),
  }
}

const well = { status: 200, body: '{"status":"ok"}' }

describe.skipIf(!python).concurrent("the reference service", { timeout: 20_000 }, () => {
  it("is well, and says who it is", async () => {
    const service = await up({
      FAIRLEAD_SERVICE: "TieredResponder",
      FAIRLEAD_IMAGE: "host/org/family:tag",
      FAIRLEAD_GIT_SHA: "abc1234",
    })
    expect(await service.health()).toEqual(well)
    const { status, body } = await service.root()
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({
      name: "TieredResponder",
      version: "abc1234",
      image: "host/org/family:tag",
      host: expect.any(String),
    })
    expect((await service.get("/elsewhere")).status).toBe(404)
  })

  it("serves both on one port when they are the same", async () => {
    const [port] = await freePorts()
    const service = await up({ PORT: String(port), HEALTH_PORT: String(port) })
    const answers = await Promise.all(
      ["/", "/health"].map(async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).status),
    )
    expect(answers).toEqual([200, 200])
    service.child.kill()
  })

  it("ends cleanly on SIGTERM, even while somebody waits for an answer", async () => {
    const service = await up({ FAIRLEAD_FAIL: "silent" })
    const waiting = service.health().catch((error: Error) => error.name)
    await new Promise((resolve) => setTimeout(resolve, 50))
    service.child.kill("SIGTERM")
    expect(await service.ended).toMatchObject({ code: 0, stderr: "" })
    await waiting
  })

  it.each<[string, { status: number; body: string }[]]>([
    ["health500", [{ status: 500, body: '{"status":"error"}' }]],
    ["wrongbody", [{ status: 200, body: '{"status":"starting"}' }]],
    ["spew,wrongbody", [{ status: 200, body: '{"status":"starting","token":"not-a-real-secret"}' }]],
    ["notjson", [{ status: 200, body: "<html>It works!</html>" }]],
    ["flap", [well, { status: 500, body: '{"status":"error"}' }, well]],
  ])("with FAIRLEAD_FAIL=%s answers so, and goes on serving", async (failure, answers) => {
    const service = await up({ FAIRLEAD_FAIL: failure })
    for (const answer of answers) expect(await service.health()).toEqual(answer)
    expect((await service.root()).status).toBe(200)
  })

  it.each(["slow", "silent"])("with FAIRLEAD_FAIL=%s does not answer in time", async (failure) => {
    const service = await up({ FAIRLEAD_FAIL: failure })
    await expect(service.health(400)).rejects.toThrow(/timeout/)
    expect((await service.root()).status).toBe(200)
  })

  it("with FAIRLEAD_FAIL=refuse has nobody on the health port", async () => {
    const service = await up({ FAIRLEAD_FAIL: "refuse" })
    await expect(service.health()).rejects.toThrow("fetch failed")
    expect((await service.root()).status).toBe(200)
  })

  it("with FAIRLEAD_FAIL=crash ends with exit code 1", async () => {
    const service = await up({ FAIRLEAD_FAIL: "crash" })
    expect(await service.ended).toMatchObject({ code: 1, stderr: "reference: FAIRLEAD_FAIL=crash\n" })
  })

  it("with FAIRLEAD_FAIL=hang has to be killed", async () => {
    const service = await up({ FAIRLEAD_FAIL: "hang" })
    service.child.kill("SIGTERM")
    expect(await service.health()).toEqual(well)
    service.child.kill("SIGKILL")
    expect(await service.ended).toMatchObject({ signal: "SIGKILL" })
  })

  it("falls ill and recovers when it is told to", async () => {
    const later = await up({ FAIRLEAD_FAIL: "health500", FAIRLEAD_FAIL_AFTER: "3600" })
    expect(await later.health()).toEqual(well)
    const before = await up({ FAIRLEAD_FAIL: "health500", FAIRLEAD_FAIL_UNTIL: "0" })
    expect(await before.health()).toEqual(well)
  })

  it.each([
    [
      { FAIRLEAD_FAIL: "x" },
      "reference: FAIRLEAD_FAIL='x': one of health500, wrongbody, notjson, slow, silent, flap, refuse, crash, hang, spew\n",
    ],
    [{ PORT: undefined }, "reference: PORT is '': give it a port from 1 to 65535\n"],
    [{ HEALTH_PORT: "0" }, "reference: HEALTH_PORT is '0': give it a port from 1 to 65535\n"],
    [{ FAIRLEAD_FAIL_AFTER: "soon" }, "reference: FAIRLEAD_FAIL_AFTER is 'soon': give it a number of seconds\n"],
  ])("refuses %o in a sentence", async (env, sentence) => {
    expect(await run({ PORT: "1", HEALTH_PORT: "1", ...env }).ended).toMatchObject({
      code: 1,
      stdout: "",
      stderr: sentence,
    })
  })
})
