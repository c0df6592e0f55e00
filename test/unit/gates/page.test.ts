import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { wantedOf } from "../../../dagger/lib/gates/blueprint/fact.ts"
import { factsOf } from "../../../dagger/lib/gates/blueprint/table.ts"
import { gates } from "../../../dagger/lib/gates/table.ts"
import { rulesFor } from "./facts.ts"

const page = readFileSync(new URL("../../../docs/gates.md", import.meta.url), "utf8")

it("docs/gates.md names every gate, and every fact of the contract and no other", () => {
  const rows = [...page.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell]) => cell!)
  const facts = ["family-web", "family-torch"].flatMap((family) => factsOf(wantedOf(rulesFor(family))))
  const ids = new Set(facts.map(({ id }) => id.replace(/^(lock|import|frozen) (?!elsewhere).*/, "$1 …")))
  const told = rows.slice(rows.indexOf("fact") + 1).flatMap((cell) => cell.split(", "))
  expect(told.sort()).toEqual([...ids].sort())
  expect(rows).toEqual(expect.arrayContaining(gates.map(({ name }) => name)))
})
