import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { registryAddress } from "../../cli/setup/registry.ts"

/** A request as it came by. */
export interface Passed {
  method: string
  path: string
  /** Bytes that the client sent. */
  bytes: number
  /** 0 where the connection was cut instead of an answer. */
  status: number
  /** Milliseconds since the proxy began, when the request came. */
  at: number
}

/** What becomes of a request instead of being passed on: an answer, or "cut" for a connection that breaks. */
export type Fault = { status: number; headers?: Record<string, string> } | "cut"

/**
 * A registry of this machine's loopback with the embedded one behind it, which a test can disturb: what it does not touch
 * is passed on byte for byte, and written down.
 */
export class RegistryProxy {
  readonly passed: Passed[] = []
  /** Asked for every request once its body has been read. */
  disturb: (method: string, path: string) => Fault | undefined = () => undefined
  private readonly started = performance.now()

  private constructor(private readonly server: Server) {}

  static async open(): Promise<RegistryProxy> {
    const server = createServer()
    const proxy = new RegistryProxy(server)
    server.on("request", (from, to) => proxy.pass(from, to))
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready))
    return proxy
  }

  /** "127.0.0.1:43211". */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** From now on nothing is disturbed, and what came by is forgotten. */
  calm(): void {
    this.passed.length = 0
    this.disturb = () => undefined
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((done) => this.server.close(done))
  }

  private async pass(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const [method, path] = [from.method!, from.url!]
    const at = performance.now() - this.started
    const told = (status: number, bytes: number) => void this.passed.push({ method, path, bytes, status, at })
    const chunks: Buffer[] = []
    try {
      for await (const chunk of from) chunks.push(chunk)
    } catch {
      return
    }
    const body = Buffer.concat(chunks)
    const fault = this.disturb(method, path)
    if (fault === "cut") {
      told(0, body.length)
      from.socket.destroy()
      return
    }
    if (fault) {
      told(fault.status, body.length)
      to.writeHead(fault.status, fault.headers).end()
      return
    }
    const [host, port] = registryAddress().split(":")
    const { "transfer-encoding": _, ...headers } = from.headers
    const behind = request(
      { host, port, method, path, headers: { ...headers, "content-length": body.length } },
      (answer) => {
        told(answer.statusCode!, body.length)
        to.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(to)
      },
    )
    behind.on("error", () => from.socket.destroy())
    behind.end(body)
  }
}
