import type { Secret, Step } from "../engine/engine.ts"
import { wrongInput } from "../problem.ts"
import { isLoopback } from "../release/registry.ts"

/** A BuildKit that somebody else runs, on a bigger machine or in a cluster. */
export interface RemoteBuilder {
  host: string
  port: number
  /** Its CA, and what this side shows it: all three, or none where the network alone decides who may build. */
  tls?: Record<"ca" | "cert" | "key", Secret>
}

/** Reads "tcp://host:port". Throws a Problem (exit code 2). */
export function parseBuilder(text: string, where: string): Pick<RemoteBuilder, "host" | "port"> {
  const [, host, port] = /^tcp:\/\/([A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(text) ?? []
  if (host && Number(port) > 0 && Number(port) < 65_536) return { host, port: Number(port) }
  throw wrongInput(`"${text.slice(0, 100)}" is no address of a BuildKit`, {
    where,
    fix: "write tcp://HOST:PORT, as its --addr has it",
  })
}

/** The name of a builder on the caller's loopback inside a step. */
const aliasInside = "builder"

const tlsFolder = "/run/secrets/builder"

/** What a step has to have to reach it. BUILDER and BUILDER_OPTIONS are for `buildx create`. */
export function reaching({
  host,
  port,
  tls,
}: RemoteBuilder): Required<Pick<Step, "services" | "secrets" | "env" | "outside">> {
  const near = isLoopback({ host })
  const files = Object.entries(tls ?? {}).map(([name, secret]) => [`${tlsFolder}/${name}.pem`, secret] as const)
  const options = [
    ...[`cacert=${tlsFolder}/ca.pem`, `cert=${tlsFolder}/cert.pem`, `key=${tlsFolder}/key.pem`],
    // Its certificate is for the name that the caller knows it by.
    `servername=${host.replace(/^\[|\]$/g, "")}`,
  ]
  return {
    services: near ? { [aliasInside]: { callerPort: port } } : {},
    secrets: Object.fromEntries(files),
    env: { BUILDER: `tcp://${near ? aliasInside : host}:${port}`, BUILDER_OPTIONS: tls ? options.join(",") : "" },
    outside: true,
  }
}

/**
 * For the step's shell, once the builder is known to buildx: another version of BuildKit would make other bytes of the same
 * inputs, and their digest would be no use to anybody.
 */
export const sameVersion = `\
told=$(buildx inspect --bootstrap fairlead) || exit
theirs=$(printf '%s\\n' "$told" | grep -i '^ *buildkit' | grep -Eo '[0-9]+\\.[0-9]+\\.[0-9]+' | head -n 1)
ours=$(buildkitd --version | grep -Eo '[0-9]+\\.[0-9]+\\.[0-9]+' | head -n 1)
if [ "$theirs" != "$ours" ]; then
  echo "the builder runs BuildKit \${theirs:-of a version that it does not tell}, images are built with $ours" >&2
  exit 1
fi
`
