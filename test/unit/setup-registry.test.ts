import { createServer, type RequestListener } from "node:http"
import { type AddressInfo, createServer as createTcpServer } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { judged, ping, type RegistryContainer, registryAddress } from "../../cli/setup/registry.ts"

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
  delete process.env.FAIRLEAD_REGISTRY_PORT
})

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1")
  closing.push(() => server.close())
  await new Promise((up) => server.once("listening", up))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const api = { "docker-distribution-api-version": "registry/2.0" }

describe("what answers on the port", () => {
  it("is a registry by its header, or by its empty JSON object", async () => {
    expect(await ping(await serve((_, answer) => answer.writeHead(200, api).end("{}")))).toBe("registry")
    expect(await ping(await serve((_, answer) => answer.end("{}")))).toBe("registry")
  })

  it("is no registry when it answers 200 to anything", async () => {
    expect(await ping(await serve((_, answer) => answer.end("<html>my app</html>")))).toBe("other")
    expect(await ping(await serve((_, answer) => answer.writeHead(404).end()))).toBe("other")
  })

  it("is a registry that wants a login", async () => {
    expect(await ping(await serve((_, answer) => answer.writeHead(401, api).end()))).toBe("login")
  })

  it("is something else when it speaks no HTTP, and nothing when nobody listens", async () => {
    const server = createTcpServer((socket) => socket.end("SSH-2.0-x\r\n")).listen(0, "127.0.0.1")
    await new Promise((up) => server.once("listening", up))
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await ping(address)).toBe("other")
    server.close()
    expect(await ping(address)).toBe("nothing")
  })
})

describe("the embedded registry", () => {
  const ours: RegistryContainer = { running: true, image: "toolbox:1", published: "127.0.0.1:5000", ours: true }

  it("is ready when it answers with the image of today", () => {
    expect(judged("registry", ours, "toolbox:1")).toMatchObject({ state: "ready", short: "registry 127.0.0.1:5000" })
  })

  it("is renewed when the image changed, and started when it stopped", () => {
    expect(judged("registry", ours, "toolbox:2")).toMatchObject({
      state: "missing",
      detail: expect.stringContaining("older image"),
    })
    expect(judged("nothing", { ...ours, running: false }, "toolbox:1").state).toBe("missing")
  })

  it("gives way to a registry that somebody else runs there, and says so", () => {
    expect(judged("registry", undefined, "toolbox:1")).toMatchObject({
      state: "ready",
      detail: expect.stringContaining("not Fairlead's own"),
    })
  })

  it("refuses a port that something else has, and names the way out", () => {
    for (const answer of ["other", "login"] as const) {
      expect(judged(answer, undefined, "toolbox:1")).toMatchObject({
        state: "unsuitable",
        fix: expect.stringContaining("FAIRLEAD_REGISTRY_PORT"),
      })
    }
  })

  it("is on loopback, on another port where asked, and refuses what is no port", () => {
    expect(registryAddress()).toBe("127.0.0.1:5000")
    process.env.FAIRLEAD_REGISTRY_PORT = "5001"
    expect(registryAddress()).toBe("127.0.0.1:5001")
    process.env.FAIRLEAD_REGISTRY_PORT = "70000"
    expect(() => registryAddress()).toThrow("FAIRLEAD_REGISTRY_PORT: 70000 is not a port")
  })
})
