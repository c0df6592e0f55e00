import { z } from "zod"
import { closest } from "./names.ts"
import { shown } from "./shown.ts"

/** What zod found, as the second half of a sentence that begins with a path: never zod's own wording. */
export const sentence: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined ? missing(issue.inst) : wrongType(issue.input, issue.expected)
    case "invalid_value":
      return notOneOf(issue.input, issue.values)
    case "too_small":
      return issue.origin === "array"
        ? "is empty; name at least one"
        : `${shown(issue.input)} is less than ${issue.minimum}`
    case "too_big":
      return `${shown(issue.input)} is more than ${issue.maximum}`
    case "invalid_key":
      return issue.issues[0]?.message ?? "is not a name"
    default:
      return `${shown(issue.input)} is not what belongs here`
  }
}

/** Why a key cannot stand where it does. */
export function unknownKey(key: string, known: readonly string[]): string {
  const meant = closest(key, known)
  return meant ? `is not known here; did you mean ${meant}?` : `is not known here; known are ${known.join(", ")}`
}

/** The keys that a schema knows for the map at a path. */
export function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  let at = bare(schema)
  for (const step of path) {
    if (at instanceof z.ZodObject) at = bare(at.shape[step as string])
    else if (at instanceof z.ZodRecord) at = bare(at.valueType)
    else if (at instanceof z.ZodArray) at = bare(at.element)
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

function bare(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return bare(schema.unwrap())
  return schema instanceof z.ZodPipe ? bare(schema.in) : schema
}

function missing(schema: unknown): string {
  const description = schema instanceof z.ZodType ? schema.description : undefined
  return description ? `is missing: ${description}` : "is missing"
}

function wrongType(input: unknown, expected: string): string {
  const what = {
    string: "text",
    int: "a whole number",
    number: "a whole number",
    boolean: "true or false",
    array: "a list",
  }[expected]
  const wanted = what ?? "a map"
  if (expected === "string" && typeof input === "number") return `${input} is a number; put it in quotes`
  if (wanted === "a whole number" && typeof input === "string" && /^[0-9]+$/.test(input)) {
    return `${shown(input)} is text; take it out of its quotes`
  }
  return `${shown(input)} is not ${wanted}`
}

function notOneOf(input: unknown, values: readonly unknown[]): string {
  if (input === undefined) return `is missing: one of ${values.join(", ")}`
  const meant = typeof input === "string" ? closest(input, values.map(String)) : undefined
  const choice = values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`
  return `${shown(input)} is not ${choice}${meant && values.length > 1 ? `; did you mean ${meant}?` : ""}`
}
