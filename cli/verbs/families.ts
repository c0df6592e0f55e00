import { Command } from "commander"
import { familiesText, familyRows } from "../../dagger/lib/report/families.ts"
import { type Shared, withShared } from "../options.ts"
import { openRepository } from "../repository.ts"

export const familiesVerb = (): Command =>
  withShared(new Command("families").description("the hierarchy: parent, alias, size budget, services")).action(
    async (options: Shared) => {
      const { fleet } = await openRepository(options.source)
      const families = familyRows(fleet)
      console.log(options.json ? JSON.stringify({ schema: 1, families }) : familiesText(families))
    },
  )
