import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { toolboxImage, toolboxPart } from "../../cli/setup/toolbox.ts"
import { page } from "../../dagger/lib/report/html/page.ts"
import { bigState, hostile } from "../fleets/big.ts"
import { Browser, type Look, type Page } from "./browser.ts"

// The fleet's page in a real Chromium, in a container that has no network: 64 services, 9 families, 10,000 packages.

let folder: string
let browser: Browser

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "page-"))
  await writeFile(join(folder, "report.html"), page(bigState()), { mode: 0o644 })
  const part = toolboxPart("browser")
  if ((await part.look()).state !== "ready") await part.ready(console.warn)
  browser = Browser.inContainer(await toolboxImage("browser"), folder)
})

afterAll(async () => {
  await browser?.close()
  await rm(folder, { recursive: true, force: true })
})

const url = "file:///page/report.html"
const looks: [string, Look][] = [
  ["light, on a desk", { width: 1280, height: 900, scheme: "light" }],
  ["dark, on a desk", { width: 1280, height: 900, scheme: "dark" }],
  ["light, on a telephone", { width: 360, height: 740, scheme: "light" }],
  ["dark, on a telephone", { width: 360, height: 740, scheme: "dark" }],
]

async function on<T>(look: Look, work: (page: Page) => Promise<T>): Promise<T> {
  const open = await browser.open(url, look)
  try {
    return await work(open)
  } finally {
    await open.close()
  }
}

const desk = looks[0]![1]

describe.each(looks)("the fleet's page, %s", (_name, look) => {
  it("opens without a complaint and asks for nothing but itself", async () => {
    const seen = await on(look, async (open) => {
      await open.settle()
      return open.seen
    })
    expect(seen.complaints).toEqual([])
    expect(seen.requests).toEqual([url])
  })

  it("needs no scrolling to the side, with everything opened and much found", async () => {
    const wide = await on(look, async (open) => {
      await open.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
      await open.type("/py")
      await open.settle()
      return open.evaluate<number[]>("[document.documentElement.scrollWidth, innerWidth]")
    })
    expect(wide[0]).toBeLessThanOrEqual(wide[1]!)
    expect(wide[1]).toBe(look.width)
  })

  it("has the colours of its scheme", async () => {
    const ground = await on(look, (open) => open.evaluate("getComputedStyle(document.body).backgroundColor"))
    expect(ground).toBe(look.scheme === "dark" ? "rgb(19, 23, 27)" : "rgb(250, 249, 246)")
  })

  it("draws a treemap that covers its area, each tile with a name and a size for those who do not see it", async () => {
    const { area, tiles, names } = await on(look, async (open) => {
      await open.settle()
      return open.evaluate<{ area: number; tiles: number; names: string[] }>(`(() => {
        const picture = document.querySelector("#treemap-area svg")
        const size = (each) => Number(each.getAttribute("width")) * Number(each.getAttribute("height"))
        const tiles = [...picture.querySelectorAll(".tile")]
        return {
          area: size(picture),
          tiles: tiles.reduce((sum, each) => sum + size(each.querySelector("rect")), 0),
          names: tiles.map((each) => each.getAttribute("role") + " " + each.getAttribute("aria-label")),
        }
      })()`)
    })
    expect(area).toBeGreaterThan(90_000)
    expect(Math.abs(tiles / area - 1)).toBeLessThan(0.001)
    expect(names.length).toBeGreaterThan(30)
    expect(names[0]).toMatch(/^listitem torch, 2\.2\.2: 2\.0 GB, \d+(\.\d)? %$/)
    for (const name of names) expect(name).toMatch(/: [\d.]+ (kB|MB|GB), [\d.]+ %$/)
  })
})

describe("the search", () => {
  const found = "[...document.querySelectorAll('#found .found')].map((each) => each.innerText)"

  it("is one key stroke away, and answers who runs torch 2.2 while it is typed", async () => {
    const answers: string[][] = []
    await on(desk, async (open) => {
      await open.type("/")
      expect(await open.evaluate("document.activeElement.id")).toBe("find")
      for (const key of "torch 2.2") {
        await open.type(key)
        answers.push(await open.evaluate<string[]>(found))
      }
      expect(await open.evaluate("document.getElementById('find').value")).toBe("torch 2.2")
    })
    expect(answers[0]!.length).toBeGreaterThan(10)
    const [first, second, ...others] = answers.at(-1)!
    expect(first).toContain("torch 2.2.2+cu121 python")
    expect(first).toContain("In family-torch-cu121 (FAIL), family-llm-cu121 (accepted).")
    expect(first).toMatch(/mainpc, \d+[\s\S]*ModelOpsCoordinator[\s\S]*pc2, \d+[\s\S]*SpeechRelayService/)
    expect(second).toContain("torchaudio")
    expect(others).toEqual([])
  })

  it("finds a service by its health port, and Escape takes the answer away", async () => {
    await on(desk, async (open) => {
      await open.type("/8212")
      expect((await open.evaluate<string[]>(found))[0]).toContain("ModelOpsCoordinator")
      await open.press("Escape")
      expect(await open.evaluate<string[]>(found)).toEqual([])
    })
  })

  it("says how much it found to those who listen", async () => {
    const said = await on(desk, async (open) => {
      await open.type("/numpy")
      return open.evaluate("document.querySelector('[role=status]').textContent")
    })
    expect(said).toMatch(/^1 package that 36 services run on\.$/)
  })
})

describe("a hostile name", () => {
  it("runs nowhere: not in the page, not in what is found, not in a tile", async () => {
    await on(desk, async (open) => {
      await open.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
      for (const query of ["onerror", "script", "svg", "owned"]) {
        await open.evaluate("document.getElementById('find').value = ''")
        await open.evaluate("document.getElementById('find').focus()")
        await open.type(query)
        await open.settle()
      }
      expect(await open.evaluate("document.getElementById('found').innerText")).toContain(hostile[0])
      expect(await open.evaluate("typeof globalThis.owned")).toBe("undefined")
      const made =
        "document.querySelectorAll('img, iframe, object, embed, script:not([type]), [onerror], [onload]').length"
      expect(await open.evaluate(made)).toBe(1)
      expect(open.seen).toMatchObject({ complaints: [], requests: [url] })
    })
  })

  it("would be stopped by the page's own policy, had one got through", async () => {
    await on(desk, async (open) => {
      await open.evaluate(
        `document.body.insertAdjacentHTML("beforeend", "<img src=https://example.org/x onerror=globalThis.owned=1>")`,
      )
      await open.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { textContent: 'globalThis.owned=2' }))",
      )
      await open.settle()
      expect(await open.evaluate("typeof globalThis.owned")).toBe("undefined")
      expect(open.seen.complaints.join()).toMatch(/content.?security.?policy/i)
    })
  })
})

describe("by keyboard", () => {
  it("walks through the tiles with the arrow keys and tells each", async () => {
    await on(desk, async (open) => {
      await open.evaluate("document.querySelector('.tile').focus()")
      await open.press("ArrowRight")
      expect(await open.evaluate("document.activeElement.getAttribute('aria-label')")).toMatch(/^nvidia-cudnn-cu12, /)
      expect(await open.evaluate("document.getElementById('treemap-told').textContent")).toMatch(/^nvidia-cudnn-cu12, /)
      expect(await open.evaluate("document.querySelectorAll('.tile[tabindex=\"0\"]').length")).toBe(1)
    })
  })

  it("reaches every link, field and summary by the Tab key, in the order of the page", async () => {
    const [reached, inOrder] = await on(desk, async (open) => {
      const stops: number[] = []
      const at = `[...document.querySelectorAll("a[href], input, select, summary, .tile[tabindex='0']")]
        .filter((each) => each.checkVisibility() && (each.type !== "radio" || each.checked)).indexOf(document.activeElement)`
      for (let presses = 0; presses < 60; presses++) {
        await open.press("Tab")
        stops.push(await open.evaluate<number>(at))
      }
      const all = await open.evaluate<number>(at.replace(/\.indexOf.*/, ".length"))
      return [Math.min(all, 60), stops.filter((stop) => stop >= 0).slice(0, Math.min(all, 60))]
    })
    expect(inOrder).toEqual(Array.from({ length: reached as number }, (_, index) => index))
  })
})
