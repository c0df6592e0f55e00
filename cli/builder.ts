import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { parseBuilder, type RemoteBuilder } from "../dagger/lib/build/builder.ts"
import { wrongInput } from "../dagger/lib/problem.ts"
import type { OpenEngine } from "./engines.ts"

/** What the command line says of who builds. */
export interface BuilderFlags {
  builder?: string
  builderTls?: string
}

/** A builder and, where it wants TLS, the files for it. */
export interface ChosenBuilder extends Pick<RemoteBuilder, "host" | "port"> {
  files?: Record<"ca" | "cert" | "key", string>
}

/** The flags, then the environment; none means the toolbox's own. Throws a Problem (exit code 2). */
export function chooseBuilder(flags: BuilderFlags, env = process.env): ChosenBuilder | undefined {
  const address = flags.builder ?? env.FAIRLEAD_BUILDER
  if (!address) return undefined
  const where = flags.builder ? "--builder" : "FAIRLEAD_BUILDER"
  const chosen = parseBuilder(address, where)
  const folder = flags.builderTls ?? env.FAIRLEAD_BUILDER_TLS
  return folder
    ? { ...chosen, files: filesIn(folder, flags.builderTls ? "--builder-tls" : "FAIRLEAD_BUILDER_TLS") }
    : chosen
}

function filesIn(folder: string, where: string): Record<"ca" | "cert" | "key", string> {
  const file = (name: string) => {
    const path = join(resolve(folder), `${name}.pem`)
    if (existsSync(path)) return path
    throw wrongInput(`there is no ${path}`, {
      where,
      fix: "put ca.pem (who signed the builder's certificate), cert.pem and key.pem (this client's) there",
    })
  }
  return { ca: file("ca"), cert: file("cert"), key: file("key") }
}

/** The builder as the yard has it. */
export function builderOn({ secretFile }: OpenEngine, { host, port, files }: ChosenBuilder): RemoteBuilder {
  if (!files) return { host, port }
  const secret = (name: "ca" | "cert" | "key") => secretFile(`builder-${name}`, files[name])
  return { host, port, tls: { ca: secret("ca"), cert: secret("cert"), key: secret("key") } }
}
