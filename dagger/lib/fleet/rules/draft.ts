import type { z } from "zod"
import { appSchema } from "../app.ts"
import { baseSchema, builderSchema } from "../base.ts"
import { familySchema } from "../family.ts"
import type { Fleet } from "../fleet.ts"
import { hostSchema } from "../host.ts"
import { policySchema } from "../policy.ts"
import { serviceSchema } from "../service.ts"
import { type Draft, Entries } from "./rule.ts"

/**
 * What can be read of a file, so that rules across entries are told together with what is wrong inside them. `whole` is
 * the fleet where all of it could be read.
 */
export function draftOf(data: unknown, whole?: Fleet): Draft {
  const file = isMap(data) ? data : {}
  const entries = <V>(section: keyof Fleet, schema: z.ZodType<V>, read?: Record<string, V>): Entries<V> => {
    const written = isMap(file[section]) ? file[section] : {}
    const readable = read
      ? Object.entries(read)
      : Object.entries(written).flatMap(([name, entry]) => parsed(name, entry, schema))
    return new Entries(readable, new Set(Object.keys(written)))
  }
  return {
    bases: entries("bases", baseSchema, whole?.bases),
    builders: entries("builders", builderSchema, whole?.builders),
    families: entries("families", familySchema, whole?.families),
    hosts: entries("hosts", hostSchema, whole?.hosts),
    apps: entries("apps", appSchema, whole?.apps),
    services: entries("services", serviceSchema, whole?.services),
    policy: whole?.policy ?? policySchema.safeParse(file.policy).data,
  }
}

function parsed<V>(name: string, entry: unknown, schema: z.ZodType<V>): [string, V][] {
  const { success, data } = schema.safeParse(entry)
  return success ? [[name, data]] : []
}

const isMap = (data: unknown): data is Record<string, unknown> =>
  typeof data === "object" && data !== null && !Array.isArray(data)
