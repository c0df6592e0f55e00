import { type Command, InvalidArgumentError, Option } from "commander"

/** Options that several verbs share; written once, so that they mean the same everywhere. */
export interface Shared {
  source?: string
  json?: boolean
  verbose?: boolean
}

export const withShared = (command: Command): Command =>
  command
    .option("--source <folder>", "the fleet's repository (default: the nearest folder with a fleet.yaml)")
    .option("--json", "one JSON document on stdout, nothing else there")
    .option("-v, --verbose", "show the tools' own output")

export const family = (): Option =>
  new Option("--family <name>", "a family or its alias; may be given several times").argParser(
    (value: string, all: string[] | undefined) => [...(all ?? []), ...value.split(",").map(named("family"))],
  )

export const app = (): Option =>
  new Option("--app <name>", "an app: its images on every family; may be given several times").argParser(
    (value: string, all: string[] | undefined) => [...(all ?? []), ...value.split(",").map(named("app"))],
  )

export const service = (): Option =>
  new Option("--service <name>", "a service: the image that it runs; may be given several times").argParser(
    (value: string, all: string[] | undefined) => [...(all ?? []), ...value.split(",").map(named("service"))],
  )

/** What a verb on images is asked for. */
export interface AskedFlags {
  family?: string[]
  app?: string[]
  service?: string[]
}

export const askedBy = ({ family, app, service }: AskedFlags) => ({ families: family, apps: app, services: service })

export const registry = (): Option =>
  new Option("--registry <host[:port][/org]>", "where images go (default: FAIRLEAD_REGISTRY, then fleet.yaml)")

export const advisories = (): Option =>
  new Option(
    "--advisories <source>",
    '"online", "none" or a folder of OSV records (default: FAIRLEAD_ADVISORIES, then fleet.yaml, then online)',
  )

export const host = (): Option =>
  new Option("--host <name>", "only this host; may be given several times (default: every host)").argParser(
    (value: string, all: string[] | undefined) => [...(all ?? []), ...value.split(",").map(named("host"))],
  )

export const yard = (): Option =>
  new Option(
    "--yard <name>",
    "whose hosts: fleet, or demo (default: FAIRLEAD_YARD, then fleet; demo where fleet.yaml has no host keys yet)",
  )

export const machine = (): Option => new Option("--machine <host>", "build a host's machine profile in")

/** Who builds, for verbs that do. */
export const withBuilder = (command: Command): Command =>
  command
    .option(
      "--builder <tcp://host:port>",
      "a BuildKit elsewhere builds (default: FAIRLEAD_BUILDER, then one of Fairlead's own)",
    )
    .option(
      "--builder-tls <folder>",
      "ca.pem, cert.pem and key.pem to show it (default: FAIRLEAD_BUILDER_TLS, then none)",
    )

export const noCache = (): Option => new Option("--no-cache", "build everything anew")

export const allowDirty = (): Option =>
  new Option("--allow-dirty", "ship uncommitted changes; the tag then ends in -dirty")

const named =
  (kind: string) =>
  (value: string): string => {
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(value)) throw new InvalidArgumentError(`it is no ${kind}'s name.`)
    return value
  }
