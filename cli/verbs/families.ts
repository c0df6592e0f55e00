import { Command } from "commander"
import { appImageRows, familiesText, familyRows } from "../../dagger/lib/report/families.ts"
import { type Shared, withShared } from "../options.ts"
import { openRepository } from "../repository.ts"

export const familiesVerb = (): Command =>
  withShared(
    new Command("families").description(
      "the hierarchy: parent, alias, size budget, services; and the app images on it",
    ),
  ).action(async (options: Shared) => {
    const { fleet } = await openRepository(options.source)
    const document = { schema: 1, families: familyRows(fleet), apps: appImageRows(fleet) }
    console.log(options.json ? JSON.stringify(document) : familiesText(fleet))
  })
