import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { type ModuleApi, moduleApi, undescribed } from "../../../cli/module-api.ts"

const api = await moduleApi()
const kept = JSON.parse(readFileSync(new URL("../../../dagger/api.json", import.meta.url), "utf8")) as ModuleApi

describe("the module's API", () => {
  it("is what dagger/api.json says; `npm run schema` writes it anew", () => {
    expect(JSON.parse(JSON.stringify(api))).toEqual(kept)
  })

  it("has a description of every object, function, field and argument", () => {
    expect(undescribed(api)).toEqual([])
  })

  it("asks for nothing but what a function is about", () => {
    const { Fairlead } = api.objects
    expect(Object.values(Fairlead!.arguments!).filter(({ optional }) => !optional)).toEqual([])
    expect(Fairlead!.functions.ship!.arguments.family).toMatchObject({ optional: true, default: [], type: "[String]" })
    expect(Fairlead!.functions.build!.arguments.family).toMatchObject({ optional: false, type: "String" })
  })

  it("has checks that need no argument", () => {
    const checks = Object.values(api.objects.Fairlead!.functions).filter(({ check }) => check)
    expect(checks.length).toBeGreaterThan(1)
    for (const each of checks) expect(each).toMatchObject({ arguments: {}, returns: "Void" })
  })

  it("looks at the world anew in whatever builds, looks or publishes", () => {
    const { functions } = api.objects.Fairlead!
    // These follow from the source and the module alone, or from the day as well.
    const reused = Object.keys(functions).filter((name) => functions[name]!.cache !== "never")
    expect(reused.sort()).toEqual([
      "ciIsUpToDate",
      "compose",
      "composeIsUpToDate",
      "dockerfilesAreClean",
      "families",
      "fleetIsSound",
      "init",
      "locksMatch",
      "plan",
      "risks",
    ])
  })
})

describe("undescribed", () => {
  it("names a function and an argument without a word about them", () => {
    const broken = structuredClone(kept)
    broken.objects.Fairlead!.functions.ship!.arguments.dryRun!.description = " "
    broken.objects.Build!.functions.container!.description = ""
    broken.objects.Build!.fields.digest!.description = ""
    broken.objects.Fairlead!.arguments!.ca!.description = ""
    expect(undescribed(broken)).toEqual(["Fairlead(ca)", "Fairlead.ship(dryRun)", "Build.digest", "Build.container"])
  })
})
