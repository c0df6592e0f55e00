import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { resolve } from "node:path"
import { type PublicKey, requirePublicKey } from "../dagger/lib/attest/key.ts"
import { keylessSigner } from "../dagger/lib/attest/keyless.ts"
import { type KeySigner, publicHalf, type Signer } from "../dagger/lib/attest/sign.ts"
import type { Repository } from "../dagger/lib/fleet/repository.ts"
import { wrongInput } from "../dagger/lib/problem.ts"
import type { OpenEngine } from "./engines.ts"
import { ciToken } from "./identity.ts"
import { inHome } from "./state.ts"

/** The key that this machine makes for itself at first use. */
export const ownKeyPath = (): string => inHome("keys", "cosign.key")

/** A key that somebody named instead, such as a CI. */
export const namedKey = (): string | undefined =>
  process.env.FAIRLEAD_SIGNING_KEY ? resolve(process.env.FAIRLEAD_SIGNING_KEY) : undefined

export const signingKeyPath = (): string => namedKey() ?? ownKeyPath()

/** The public half of this machine's key, by the file beside it; undefined where there is none. */
export async function publicHalfHere(): Promise<PublicKey | undefined> {
  const path = signingKeyPath().replace(/(\.key)?$/, ".pub")
  const text = await readFile(path, "utf8").catch(() => undefined)
  return text === undefined ? undefined : requirePublicKey(text, path)
}

/** Whether a CI's job signs as itself: FAIRLEAD_SIGNING=keyless, unless a key was named. */
export function signsKeyless(): boolean {
  const asked = process.env.FAIRLEAD_SIGNING || "key"
  if (asked !== "key" && asked !== "keyless")
    throw wrongInput(`"${asked}" is no way to sign`, { where: "FAIRLEAD_SIGNING", fix: "write key or keyless" })
  return asked === "keyless" && namedKey() === undefined
}

/** What signs in a run: a CI's job as itself, or a key. */
export const signerOn = async (opened: OpenEngine, repository: Repository): Promise<Signer> =>
  signsKeyless() ? keylessSigner(repository, ciToken) : keySignerOn(opened)

/** This machine's key for the time of a run. The private half is only ever named, never read here. */
export async function keySignerOn({ engine, secretFile, secretText }: OpenEngine): Promise<KeySigner> {
  const path = signingKeyPath()
  if (!existsSync(path))
    throw wrongInput("there is no such file", {
      where: `FAIRLEAD_SIGNING_KEY=${path}`,
      fix: "name a cosign.key, or unset it: a key is made then",
    })
  const key = secretFile("signing-key", path)
  const text = process.env.COSIGN_PASSWORD
  const password = namedKey() && text ? secretText("signing-password", text) : undefined
  return { key, password, publicKey: (await publicHalfHere()) ?? (await publicHalf(engine, { key, password }, path)) }
}
