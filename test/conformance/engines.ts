import { type OpenEngine, openDagger, openDocker } from "../../cli/engines.ts"
import { findDagger } from "../../cli/setup/engine.ts"
import { fairleadRoot } from "../../cli/version.ts"

const found = await findDagger()
if (!found.answers)
  console.warn(`no Dagger engine is reachable (${found.detail}): the Dagger cases of this file did not run`)

export interface Candidate {
  name: "docker" | "dagger"
  /** No such engine answers here: its cases are listed as skipped, and never counted as passed. */
  skip: boolean
  open(): Promise<OpenEngine>
}

/** Every engine that the same cases run on. */
export const candidates: Candidate[] = [
  { name: "docker", skip: false, open: () => openDocker({ root: fairleadRoot }) },
  { name: "dagger", skip: !found.answers, open: () => openDagger({ root: fairleadRoot }) },
]
