import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import type { Fleet } from "../dagger/lib/fleet/fleet.ts"
import { parseRegistry } from "../dagger/lib/release/address.ts"
import { isLoopback, type RegistryAddress } from "../dagger/lib/release/registry.ts"
import { registryAddress } from "./setup/registry.ts"

export interface ChosenRegistry {
  address: RegistryAddress
  /** Set-up has to bring it up. */
  embedded: boolean
  /** A Docker config.json with this registry's credentials only. */
  auth?: string
  /** One line for people when it is not the one that fleet.yaml names. */
  note?: string
}

/**
 * Where images go: --registry, then FAIRLEAD_REGISTRY, then fleet.yaml. A registry that fleet.yaml only names by default
 * and that nobody has logged in to cannot take images: the embedded one serves then, and that is said.
 */
export async function chooseRegistry(fleet: Fleet, flag?: string): Promise<ChosenRegistry> {
  const { address, named } = namedRegistry(fleet, flag)
  if (isLoopback(address)) return { address, embedded: address.host === registryAddress() }
  const auth = await credentialsFor(address.host)
  if (named || auth) return { address, embedded: false, auth }
  return {
    address: { ...address, host: registryAddress() },
    embedded: true,
    note: `nobody is logged in to ${address.host}, so images go to the embedded registry ${registryAddress()}; docker login ${address.host}, or --registry, changes that`,
  }
}

/** The registry by its name alone: nobody asks whether images can go there. */
export function namedRegistry(fleet: Fleet, flag?: string): { address: RegistryAddress; named: boolean } {
  const named = flag ?? process.env.FAIRLEAD_REGISTRY
  if (!named) return { address: fleet.registry, named: false }
  return { address: parseRegistry(named, fleet.registry.org, flag ? "--registry" : "FAIRLEAD_REGISTRY"), named: true }
}

/** Credentials of one registry as `docker login` keeps them, in the file or behind a helper; never in argv. */
export async function credentialsFor(host: string): Promise<string | undefined> {
  const folder = process.env.DOCKER_CONFIG ?? join(homedir(), ".docker")
  const text = await readFile(join(folder, "config.json"), "utf8").catch(() => undefined)
  if (!text) return undefined
  const config = JSON.parse(text) as DockerConfig
  const inline = config.auths?.[host]?.auth
  const auth = inline ?? (await fromHelper(config.credHelpers?.[host] ?? config.credsStore, host))
  return auth && JSON.stringify({ auths: { [host]: { auth } } })
}

interface DockerConfig {
  auths?: Record<string, { auth?: string }>
  credHelpers?: Record<string, string>
  credsStore?: string
}

async function fromHelper(helper: string | undefined, host: string): Promise<string | undefined> {
  if (!helper || !/^[a-z0-9-]+$/.test(helper)) return undefined
  const { exitCode, stdout } = await execa(`docker-credential-${helper}`, ["get"], { input: host, reject: false })
  if (exitCode !== 0) return undefined
  const { Username, Secret } = JSON.parse(stdout) as { Username: string; Secret: string }
  return Buffer.from(`${Username}:${Secret}`).toString("base64")
}
