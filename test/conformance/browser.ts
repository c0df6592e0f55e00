import { type ChildProcess, spawn } from "node:child_process"
import type { Readable, Writable } from "node:stream"

/** What a page did that it should not have, or that a test wants to know. */
export interface Seen {
  /** Errors and warnings of the console, uncaught exceptions, refusals by the page's own policy. */
  complaints: string[]
  /** Every URL that was asked for. */
  requests: string[]
}

/**
 * A real Chromium, driven by its DevTools protocol over a pair of pipes: no port is opened, and its container needs no
 * network at all. Source: chromedevtools.github.io/devtools-protocol.
 */
export class Browser {
  private last = 0
  private readonly waiting = new Map<number, { done: (value: unknown) => void; failed: (error: Error) => void }>()
  private readonly listeners: ((method: string, params: Params, session?: string) => void)[] = []

  private constructor(
    private readonly child: ChildProcess,
    private readonly to: Writable,
    from: Readable,
  ) {
    let rest = ""
    from.setEncoding("utf8")
    from.on("data", (text: string) => {
      const parts = (rest + text).split("\0")
      rest = parts.pop() ?? ""
      for (const part of parts) this.receive(JSON.parse(part))
    })
    child.on("close", (code) => {
      for (const { failed } of this.waiting.values()) failed(new Error(`the browser ended with ${code}: ${this.log}`))
    })
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.log = (this.log + text).slice(-4000)
    })
  }

  private log = ""

  /** In a container without a network, with `folder` at /page. */
  static inContainer(image: string, folder: string): Browser {
    // The protocol's two pipes are stdin and stdout of the container.
    const pipes = `exec chromium-headless-shell ${flags.join(" ")} 3<&0 4>&1 </dev/null >&2`
    const child = spawn(
      "docker",
      ["run", "--rm", "--interactive", "--network=none", "--shm-size=256m", `--volume=${folder}:/page:ro`, "--entrypoint=/bin/sh", image, "-c", pipes], // biome-ignore format: one argument per line would hide the shape of the command
      { stdio: ["pipe", "pipe", "pipe"] },
    )
    return new Browser(child, child.stdin!, child.stdout!)
  }

  /** By a program of this machine, for a look by hand. */
  static onMachine(program: string): Browser {
    const child = spawn(program, flags, { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] })
    return new Browser(child, child.stdio[3] as Writable, child.stdio[4] as Readable)
  }

  /** A page of this size in this colour scheme. */
  async open(url: string, { width, height, scheme }: Look): Promise<Page> {
    const { targetId } = await this.send<{ targetId: string }>("Target.createTarget", { url: "about:blank" })
    const { sessionId } = await this.send<{ sessionId: string }>("Target.attachToTarget", { targetId, flatten: true })
    const page = new Page(this, sessionId)
    this.listeners.push((method, params, session) => session === sessionId && page.see(method, params))
    for (const domain of ["Page", "Runtime", "Network", "Log", "Audits"]) await page.send(`${domain}.enable`)
    const device = { width, height, deviceScaleFactor: 1, mobile: width < 600 }
    await page.send("Emulation.setDeviceMetricsOverride", device)
    await page.send("Emulation.setEmulatedMedia", {
      features: [
        { name: "prefers-color-scheme", value: scheme },
        { name: "prefers-reduced-motion", value: "reduce" },
      ],
    })
    const loaded = page.until("Page.loadEventFired")
    await page.send("Page.navigate", { url })
    await loaded
    return page
  }

  send<T = unknown>(method: string, params: Params = {}, sessionId?: string): Promise<T> {
    const id = ++this.last
    const answer = new Promise<unknown>((done, failed) => this.waiting.set(id, { done, failed }))
    this.to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    return answer as Promise<T>
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.child.once("close", done))
    this.send("Browser.close").catch(() => {})
    await ended
  }

  private receive(message: Message): void {
    const { id, result, error, method, params = {}, sessionId } = message
    if (method) for (const listener of this.listeners) listener(method, params, sessionId)
    const asked = id === undefined ? undefined : this.waiting.get(id)
    if (!asked) return
    this.waiting.delete(id!)
    if (error) asked.failed(new Error(error.message))
    else asked.done(result)
  }
}

/** One open page. */
export class Page {
  readonly seen: Seen = { complaints: [], requests: [] }
  private readonly awaited = new Map<string, () => void>()

  constructor(
    private readonly browser: Browser,
    private readonly session: string,
  ) {}

  send<T = unknown>(method: string, params: Params = {}): Promise<T> {
    return this.browser.send<T>(method, params, this.session)
  }

  until(method: string): Promise<void> {
    return new Promise((done) => this.awaited.set(method, done))
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send<Evaluated>("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value as T
  }

  /** Presses keys one after another, as a person types. */
  async type(text: string): Promise<void> {
    for (const key of text) {
      await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, text: key })
      await this.send("Input.dispatchKeyEvent", { type: "keyUp", key })
    }
  }

  async press(key: string): Promise<void> {
    const windowsVirtualKeyCode = { Tab: 9, Escape: 27, ArrowRight: 39, ArrowDown: 40 }[key]
    for (const type of ["rawKeyDown", "keyUp"])
      await this.send("Input.dispatchKeyEvent", { type, key, windowsVirtualKeyCode })
  }

  /** What can be seen, as a PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.send<{ data: string }>("Page.captureScreenshot", { format: "png" })
    return Buffer.from(data, "base64")
  }

  /** Lets the page draw what changed. */
  async settle(): Promise<void> {
    await this.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
  }

  close(): Promise<unknown> {
    return this.send("Page.close")
  }

  see(method: string, params: Params): void {
    this.awaited.get(method)?.()
    if (method === "Network.requestWillBeSent") this.seen.requests.push((params as Requested).request.url)
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded" || method === "Audits.issueAdded")
      this.seen.complaints.push(JSON.stringify(params))
    if (method === "Runtime.consoleAPICalled" && /error|warning|assert/.test((params as { type: string }).type))
      this.seen.complaints.push(JSON.stringify(params))
  }
}

export interface Look {
  width: number
  height: number
  scheme: "light" | "dark"
}

type Params = Record<string, unknown>

interface Message {
  id?: number
  result?: unknown
  error?: { message: string }
  method?: string
  params?: Params
  sessionId?: string
}

interface Evaluated {
  result: { value?: unknown }
  exceptionDetails?: { text: string; exception?: { description?: string } }
}

interface Requested extends Params {
  request: { url: string }
}

const flags = ["--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
