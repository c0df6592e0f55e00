import { existsSync } from "node:fs"
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import type { Part } from "../setup/part.ts"
import { stateFolder } from "../state.ts"
import { hostNames } from "./docker.ts"
import { gpuOf } from "./gpu.ts"
import { sshKey } from "./key.ts"
import { inYard, yardName } from "./yard.ts"

/** The key that logs in to every host of the yard. */
export const clientKey = (): string => inYard("keys", "client")

/** What makes a host this one: its key, who may log in, and host.json. Mounted into its container. */
export const identityFolder = (host: string): string => inYard("hosts", host)

const hostKeyFile = (host: string): string => `${identityFolder(host)}/ssh_host_ed25519_key`

/** "ssh-ed25519 AAAA…", as fleet.yaml would have it. */
export const hostKeyOf = async (host: string): Promise<string> =>
  (await readFile(`${hostKeyFile(host)}.pub`, "utf8")).trim()

export interface KeysOptions {
  /** Removing the yard leaves them, so that the next one has the same. */
  keep?: boolean
}

/** Keys of the client and of each host, made once, and what each host is told of itself. */
export const keysPart = (fleet: Fleet, { keep = false }: KeysOptions = {}): Part => ({
  name: "demo:keys",
  after: [],
  verb: "made",
  look: async () => {
    const files = [clientKey(), ...hostNames(fleet).map(hostKeyFile)]
    const missing = files.filter((file) => !existsSync(file) || !existsSync(`${file}.pub`))
    const unsaid = hostNames(fleet).filter((host) => !existsSync(`${identityFolder(host)}/authorized_keys`))
    return missing.length + unsaid.length > 0
      ? { state: "missing", detail: "no keys yet", fix: "`fairlead demo up` makes them" }
      : { state: "ready", detail: `${files.length} keys in ${inYard()}`, short: "" }
  },
  ready: async () => {
    await stateFolder()
    await readyKey(clientKey())
    const client = await readFile(`${clientKey()}.pub`, "utf8")
    for (const host of hostNames(fleet)) {
      await readyKey(hostKeyFile(host))
      await written(`${identityFolder(host)}/host.json`, hostJson(fleet, host))
      await written(`${identityFolder(host)}/authorized_keys`, client)
    }
  },
  remove: async () => {
    if (keep || !existsSync(inYard())) return []
    await rm(inYard(), { recursive: true, force: true })
    return [inYard()]
  },
})

/** What a host of the yard says of itself in /etc/fairlead-demo/host.json, whose being there marks it as one. */
export function hostJson(fleet: Fleet, host: string, driver?: string): string {
  const gpu = gpuOf(fleet, host)
  const told = gpu && { standIn: true, ...gpu, ...(driver && { driver }) }
  return `${JSON.stringify({ demo: yardName(), fleet: fleet.name, host, gpu: told }, undefined, 2)}\n`
}

async function readyKey(path: string): Promise<void> {
  if (existsSync(path) && existsSync(`${path}.pub`)) return
  const key = sshKey()
  await written(path, key.private)
  await written(`${path}.pub`, `${key.public}\n`)
}

/** Whole or not at all, and for nobody else to read. */
export async function written(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
