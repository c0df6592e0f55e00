import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { loadFleet } from "../../../dagger/lib/fleet/load.ts"
import { locksOf } from "../../../dagger/lib/lock/locks.ts"
import { staleLocks } from "../../../dagger/lib/lock/stale.ts"

const fleet = await loadFleet(".")
const texts = Object.fromEntries(
  locksOf(fleet).flatMap(({ path, source }) => [path, source].map((each) => [each, readFileSync(each, "utf8")])),
)
const file = (name: string) => `dockerfiles/requirements/${name}`
const whats = (path: string, text: string | undefined) => staleLocks(fleet, { ...texts, [path]: text })

describe("locks that went stale", () => {
  it("are none here", () => expect(staleLocks(fleet, texts)).toEqual([]))

  it("lack what their source wants, and what its -r takes in", () => {
    const web = file("family-web")
    expect(whats(`${web}.in`, `${texts[`${web}.in`]}httpx[http2] >=0.27  # a client\n`)).toEqual([
      { path: `${web}.lock`, what: `httpx is not there, and ${web}.in wants it` },
    ])
    const cpu = file("base-cpu-pydeps")
    const told = whats(`${cpu}.in`, `${texts[`${cpu}.in`]}orjson\n`)
    expect(told.map(({ path }) => path)).toContain(`${file("family-torch-cu121")}.lock`)
    expect(told.every(({ what }) => what.startsWith("orjson is not there, and "))).toBe(true)
  })

  it("have another version than the one that is wanted", () => {
    const torch = file("family-torch-cu121")
    const text = texts[`${torch}.in`]!.replace("nvidia-nvjitlink-cu12==12.1.105", "nvidia_nvjitlink.cu12 == 12.2")
    expect(whats(`${torch}.in`, text)[0]).toEqual({
      path: `${torch}.lock`,
      what: `nvidia_nvjitlink.cu12 is 12.1.105, and ${torch}.in wants 12.2`,
    })
  })

  it("are not there at all, or have no hashes", () => {
    const path = `${file("family-web")}.lock`
    expect(whats(path, undefined)).toEqual([{ path, what: "is not there" }])
    expect(
      whats(
        path,
        texts[path]!.replace(/ +--hash=\S+ \\\n/, "").replace(/(gunicorn==\S+) \\\n( +--hash.*\n)+/, "$1\n"),
      )[0]!.what,
    ).toMatch(/gunicorn==\S+ has no hash that holds/)
  })

  it("may leave out what is wanted under a condition, and what another platform wants", () => {
    const web = file("family-web")
    expect(whats(`${web}.in`, `${texts[`${web}.in`]}pywin32 ; sys_platform == "win32"\n--no-binary x\n# y\n`)).toEqual(
      [],
    )
  })
})
