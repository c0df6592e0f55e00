import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A temporary folder for one run of the unit tests, so that none of them has to clean up; gone at the end. */
export default async function ownFolder() {
  const folder = await mkdtemp(join(tmpdir(), "unit-"))
  process.env.TMPDIR = folder
  return () => rm(folder, { recursive: true, force: true })
}
