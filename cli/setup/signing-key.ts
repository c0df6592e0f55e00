import { existsSync } from "node:fs"
import { chmod, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { shortId } from "../../dagger/lib/attest/key.ts"
import { ownKeyPath, publicHalfHere } from "../keys.ts"
import { home, label } from "../state.ts"
import { must } from "./command.ts"
import type { Found, Part } from "./part.ts"
import { toolboxImage } from "./toolbox.ts"

/** The key that signs this machine's release records: made by cosign at first use, readable by nobody else. */
export const signingKeyPart = (): Part => ({
  name: "signing key",
  after: ["engine", "toolbox:sign"],
  verb: "made",
  look,
  ready,
  remove,
})

async function look(): Promise<Found> {
  const path = ownKeyPath()
  const found = await stat(path).catch(() => undefined)
  if (!found) return { state: "missing", detail: "not made yet", fix: "`fairlead setup` makes it" }
  if ((found.mode & 0o077) !== 0)
    return { state: "unsuitable", detail: `others can read ${path}`, fix: `chmod 600 ${path}, or make a new one` }
  const key = await publicHalfHere()
  if (!key)
    return {
      state: "unsuitable",
      detail: `${path} has no cosign.pub beside it`,
      fix: `put it back, or remove ${path}: a new pair is made then`,
    }
  return { state: "ready", detail: `${path}, ${shortId(key.id)}`, short: "" }
}

/** Made in a folder beside its place and moved there, so that there is a whole pair or none. */
async function ready(say: (line: string) => void): Promise<void> {
  const folder = dirname(ownKeyPath())
  // Never made over a key that is there: what was signed with it could not be renewed by the same hand.
  if (existsSync(ownKeyPath())) return
  await mkdir(home(), { recursive: true, mode: 0o700 })
  const making = await mkdtemp(join(home(), "keys-"))
  try {
    await must("the signing key could not be made", [
      "docker",
      ...["run", "--rm", "--label", `${label}=1`, "--network", "none", "--pull", "never", "--log-driver", "none"],
      ...["--user", `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`, "--env", "COSIGN_PASSWORD="],
      ...["--mount", `type=bind,src=${making},dst=/keys`, "--workdir", "/keys"],
      ...["--entrypoint", "cosign", await toolboxImage("sign"), "generate-key-pair"],
    ])
    await chmod(join(making, "cosign.key"), 0o600)
    await chmod(join(making, "cosign.pub"), 0o644)
    await rm(folder, { recursive: true, force: true })
    await rename(making, folder)
  } finally {
    await rm(making, { recursive: true, force: true })
  }
  say(`made a key for signing release records: ${ownKeyPath()}`)
}

async function remove(): Promise<string[]> {
  const folder = dirname(ownKeyPath())
  if (!existsSync(folder)) return []
  await rm(folder, { recursive: true, force: true })
  return ["the signing key; what it signed stays valid as long as fleet.yaml names its public half"]
}
