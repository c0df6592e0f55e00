import { constants } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import type { z } from "zod"
import { Problems, wrongInput } from "../problem.ts"
import { type Fleet, fleetSchema } from "./fleet.ts"
import { pathsThatLeave } from "./paths.ts"
import { rules } from "./rules/all.ts"
import { draftOf } from "./rules/draft.ts"
import type { Complaint, Draft } from "./rules/rule.ts"
import { knownKeys, sentence, unknownKey } from "./sentence.ts"
import { maxBytes, placed, readYaml, type YamlData } from "./yaml.ts"

// Whoever has this many things to mend runs it again anyway.
const enough = 100

/** Reads a fleet from the text of fleet.yaml. Throws Problems (exit code 2) that list all that is wrong with it. */
export function parseFleet(text: string, fileName = "fleet.yaml"): Fleet {
  return fleetFrom(readYaml(text, fileName), fileName)
}

/**
 * Reads `fleet.yaml` of a folder, and refuses paths in it that lead out of the folder, also by symbolic links. Throws as
 * parseFleet does.
 */
export async function loadFleet(folder: string): Promise<Fleet> {
  const fileName = "fleet.yaml"
  const file = readYaml(await readText(folder, fileName), fileName)
  const fleet = fleetFrom(file, fileName)
  refuse(await pathsThatLeave(folder, fleet), file, fileName)
  return fleet
}

/** The fleet in YAML that has been read already. Throws as parseFleet does. */
export function fleetFrom(file: YamlData, fileName: string): Fleet {
  const whole = fleetSchema.safeParse(file.data, { error: sentence })
  const complaints: Complaint[] = []
  for (const complaint of all(whole.error?.issues ?? [], draftOf(file.data, whole.data))) {
    complaints.push(complaint)
    if (complaints.length > enough) break
  }
  refuse(complaints, file, fileName)
  if (!whole.success) throw wrongInput("cannot be read", { where: fileName })
  return whole.data
}

/** Throws what is wrong, in the order of the file. */
function refuse(complaints: readonly Complaint[], file: YamlData, fileName: string): void {
  if (complaints.length === 0) return
  const problems = complaints
    .slice(0, enough)
    .map((complaint) => ({ ...complaint, line: file.line(complaint.path) }))
    .sort((a, b) => a.line - b.line)
    .map(({ path, what, line }) => wrongInput(`${what} (line ${line})`, { where: placed(fileName, path) }))
  if (complaints.length > enough)
    problems.push(wrongInput("has more wrong with it; mend these first", { where: fileName }))
  throw new Problems(problems)
}

function* all(issues: readonly z.core.$ZodIssue[], draft: Draft): Iterable<Complaint> {
  for (const issue of issues) {
    const path = issue.path.map((step) => (typeof step === "symbol" ? String(step) : step))
    if (issue.code === "unrecognized_keys") {
      const known = knownKeys(fleetSchema, path)
      for (const key of issue.keys) yield { path: [...path, key], what: unknownKey(key, known) }
    } else {
      yield { path, what: issue.message }
    }
  }
  for (const rule of rules) yield* rule(draft)
}

async function readText(folder: string, fileName: string): Promise<string> {
  const bytes = await readSome(join(folder, fileName))
  if (!bytes) {
    const fix = "run this in the folder of a fleet, or start one as docs/fleet-yaml.md says"
    throw wrongInput(`there is no ${fileName} in ${folder}`, { fix })
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    throw wrongInput("is not UTF-8 text", { where: fileName, fix: "save it as UTF-8" })
  }
}

/** At most one byte more than is allowed, so that a file that never ends is refused for its size. */
async function readSome(path: string): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw wrongInput(`cannot be read: ${error.code ?? error.message}`, { where: path })
  })
  if (!file) return undefined
  try {
    if (!(await file.stat()).isFile()) throw wrongInput("is not a file", { where: path })
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.length) return buffer.subarray(0, length)
    }
  } finally {
    await file.close()
  }
}
