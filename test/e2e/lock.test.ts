import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { Checkout, fairlead } from "./yard.ts"

const web = "dockerfiles/requirements/family-web.lock"

it("tells a lock that lacks what is wanted from those that are as uv would write them, and makes it whole", async () => {
  const checkout = await Checkout.make()
  try {
    const whole = await readFile(join(checkout.root, web), "utf8")
    await checkout.change(web, (text) => text.replace(/^gunicorn==.*(\n {4}.*)+\n/m, ""))
    const told = await fairlead(["lock", "--check", "--json"], { cwd: checkout.root })
    expect(JSON.parse(told.stdout), told.stderr).toMatchObject({ changed: [web], problems: [] })
    expect(told.exitCode).toBe(1)
    const made = await fairlead(["lock"], { cwd: checkout.root })
    expect(made.exitCode, made.stderr).toBe(0)
    // gunicorn may be a newer one than before; the others stay as they were.
    const others = (text: string) => text.replace(/^gunicorn==.*(\n {4}.*)+\n/m, "")
    const again = await readFile(join(checkout.root, web), "utf8")
    expect(again).toContain("gunicorn==")
    expect(others(again)).toBe(others(whole))
  } finally {
    await checkout.remove()
  }
})
