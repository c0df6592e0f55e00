import { page } from "./html/page.ts"
import { junit } from "./junit.ts"
import { markdown } from "./markdown.ts"
import { reproducibilityPage } from "./reproducibilityPage.ts"
import { sarif } from "./sarif.ts"
import { sizesPage } from "./sizesPage.ts"
import type { FleetState } from "./state.ts"

/** Every form in which a fleet's state is told; each a pure function over it. */
export const formats: Record<string, (state: FleetState, version: string) => string> = {
  html: (state) => page(state),
  markdown: (state) => markdown(state),
  sarif: (state, version) => `${JSON.stringify(sarif(state, version), null, 1)}\n`,
  junit: (state) => junit(state),
  reproducibility: (state) => `${reproducibilityPage(state)}\n`,
  sizes: (state) => `${sizesPage(state)}\n`,
}
