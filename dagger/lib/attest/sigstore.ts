import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { SigningConfig } from "@sigstore/protobuf-specs"
import type { Verifier } from "@sigstore/verify"
import type { Fleet } from "../fleet/fleet.ts"
import type { Repository } from "../fleet/repository.ts"
import { once } from "../once.ts"
import { Problem } from "../problem.ts"
import { loadSpecs, loadTuf, loadVerify } from "./packages.ts"

/** The Sigstore that certifies identities: the public one, or what the files in policy.signing.sigstore describe. */
export interface Sigstore {
  /** Whether it is the public one that certificates come from. */
  isPublic: boolean
  /** What leads a certificate, a log entry and a time to the root of trust. */
  verifier: () => Promise<Verifier>
  /** Where certificates, log entries and times come from. */
  signingConfig: () => Promise<SigningConfig>
}

const known = new WeakMap<Fleet, Sigstore>()

/** The fleet's Sigstore. Files and network are asked at the first signature, and once. */
export function sigstoreOf({ fleet, root }: Pick<Repository, "fleet" | "root">): Sigstore {
  const before = known.get(fleet)
  if (before) return before
  const { trustedRoot, signingConfig } = fleet.policy.signing?.sigstore ?? {}
  const made: Sigstore = {
    isPublic: signingConfig === undefined,
    verifier: once(async () => verifierOf(await told(root, "trustedRoot", trustedRoot))),
    signingConfig: once(async () => servicesOf(await told(root, "signingConfig", signingConfig))),
  }
  known.set(fleet, made)
  return made
}

const targets = { trustedRoot: "trusted_root.json", signingConfig: "signing_config.v0.2.json" } as const

type Told = { where: string; json: unknown }

/** One of Sigstore's two files: the repository's own, else the public instance's, which TUF vouches for. */
async function told(root: string, what: keyof typeof targets, path: string | undefined): Promise<Told> {
  const where = path ?? `${publicRoot} ${targets[what]}`
  const text = path === undefined ? await fetched(targets[what]) : await read(root, what, path)
  try {
    return { where, json: JSON.parse(text) }
  } catch {
    throw new Problem("is not JSON", { where, fix: `put Sigstore's ${targets[what]} there`, exitCode: 2 })
  }
}

async function read(root: string, what: string, path: string): Promise<string> {
  try {
    return await readFile(join(root, path), "utf8")
  } catch (error) {
    throw new Problem("cannot be read", {
      where: path,
      why: `policy.signing.sigstore.${what} in fleet.yaml names it: ${(error as Error).message}`,
      fix: "put the file there and commit it, or correct the path",
      exitCode: 2,
    })
  }
}

const publicRoot = "https://tuf-repo-cdn.sigstore.dev"

/** One for the process, since two would write into one folder: that of every tool that uses Sigstore's library. */
const publicFiles = once(async () => (await loadTuf()).initTUF({ mirrorURL: publicRoot }))

async function fetched(target: string): Promise<string> {
  try {
    return await (await publicFiles()).getTarget(target)
  } catch (error) {
    throw new Problem(`Sigstore's ${target} could not be fetched`, {
      where: publicRoot,
      why: withCause(error),
      fix: "see that this machine reaches it, or keep Sigstore's files in the repository and name them in policy.signing.sigstore",
    })
  }
}

async function verifierOf({ where, json }: Told): Promise<Verifier> {
  const { TrustedRoot } = await loadSpecs()
  const { toTrustMaterial, Verifier: Checks } = await loadVerify()
  try {
    const trusted = TrustedRoot.fromJSON(json)
    if (trusted.certificateAuthorities.length === 0) throw new Error("it names no certificate authority")
    // An instance that keeps logs has to have been asked. One without them proves its times by a timestamp authority.
    const needed = { tlogThreshold: min1(trusted.tlogs), ctlogThreshold: min1(trusted.ctlogs), timestampThreshold: 1 }
    return new Checks(toTrustMaterial(trusted), needed)
  } catch (error) {
    throw new Problem("is no root of trust", {
      where,
      why: withCause(error),
      fix: "put Sigstore's trusted_root.json there",
      exitCode: 2,
    })
  }
}

const min1 = (logs: readonly unknown[]): number => Math.min(1, logs.length)

async function servicesOf({ where, json }: Told): Promise<SigningConfig> {
  const { SigningConfig: Config } = await loadSpecs()
  const wrong = (why: string) =>
    new Problem("does not say where to sign", {
      where,
      why,
      fix: "put Sigstore's signing_config.json (v0.2) there, with https URLs",
      exitCode: 2,
    })
  let config: SigningConfig
  try {
    config = Config.fromJSON(json)
  } catch (error) {
    throw wrong(withCause(error))
  }
  const services = [...config.caUrls, ...config.rekorTlogUrls, ...config.tsaUrls]
  if (config.caUrls.length === 0) throw wrong("it names no certificate authority")
  // The token that is sent there is as good as a password for its minutes.
  const open = services.find(({ url }) => !/^https:\/\/|^http:\/\/(?:127\.0\.0\.1|localhost)[:/]/.test(url))
  if (open) throw wrong(`${open.url} is no https URL`)
  return config
}

/** What went wrong, and what was beneath it, on one line: these libraries put the reason into the cause. */
export function withCause(error: unknown): string {
  const { message, cause } = error as Error & { cause?: unknown }
  const beneath = cause instanceof Error ? cause.message : ""
  return [message, beneath]
    .filter((each, index) => each && (index === 0 || each !== message))
    .join(": ")
    .replace(/\s+/g, " ")
}
