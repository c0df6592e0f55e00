import { readFileSync } from "node:fs"
import type { z } from "zod"
import { type Artifact, type Engine, lastLines, type Ran } from "../engine/engine.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { takesGigabytes } from "../fleet/gigabytes.ts"
import { CouldNotLook } from "./verdict.ts"

/** A script that looks at an image and prints one JSON document. */
export type Probe =
  | "archive_probe.py"
  | "audit_probe.py"
  | "contract_probe.py"
  | "cuda_call.py"
  | "differ_probe.py"
  | "gpu_code.py"
  | "linked.py"
  | "osv_source.py"
  | "sbom_probe.py"
  | "scan_probe.py"
  | "smoke_probe.py"
  | "start.sh"

/** Where `unpacked` of the toolbox keeps images, for every step of a run that looks at one. */
export const imagesFolder = (fleet: Fleet, family: string): Record<string, string> => ({
  "/images": takesGigabytes(fleet, family) ? bigImage : "images",
})

/** Where one of gigabytes is unpacked: whoever knows that it was looked at discards it before the next one. */
export const bigImage = "big-image"

/** A probe's text as a step's input: it is mounted, so that nothing is left in the image. */
export const probe = (engine: Engine, name: Probe): Artifact => engine.file(name, probeText(name))

export const probeText = (name: Probe): string => readFileSync(new URL(`./probes/${name}`, import.meta.url), "utf8")

const mostCharacters = 16_000_000

/** What a probe answered. Half an answer, or one of another shape, is none: CouldNotLook. */
export function answered<T>(name: string, ran: Ran, schema: z.ZodType<T>): T {
  if (ran.exitCode !== 0) {
    throw new CouldNotLook(
      `${name}: the probe exited ${ran.exitCode}; last lines:\n${lastLines(ran.stderr || ran.stdout)}`,
    )
  }
  if (ran.stdout.length > mostCharacters) {
    throw new CouldNotLook(
      `${name}: the answer has ${ran.stdout.length} characters, at most ${mostCharacters} are read`,
    )
  }
  return shaped(name, parsed(name, ran.stdout), schema)
}

/** A value in the shape that is known here. Unknown and missing fields are refused alike. */
export function shaped<T>(name: string, value: unknown, schema: z.ZodType<T>): T {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const said = error.issues.slice(0, 3).map(({ path, message }) => `${path.join(".") || "the answer"}: ${message}`)
  throw new CouldNotLook(`${name}: the answer is not of the known shape: ${said.join("; ")}`)
}

export function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CouldNotLook(text.trim() ? `${name}: the answer is not JSON` : `${name}: nothing was answered`)
  }
}
