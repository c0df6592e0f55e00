import { readFile, rename, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { Command } from "commander"
import { type PublicKey, pem } from "../../dagger/lib/attest/key.ts"
import { fleetKeys } from "../../dagger/lib/attest/trust.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { withTrusted } from "../../dagger/lib/fleet/trusted.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { dayOf } from "../../dagger/lib/risks/day.ts"
import { openDocker, whileOpen } from "../engines.ts"
import { keySignerOn, namedKey, publicHalfHere, signingKeyPath } from "../keys.ts"
import { type Shared, withShared } from "../options.ts"
import { partsFor } from "../parts.ts"
import { openRepository } from "../repository.ts"
import { ready } from "../setup/ready.ts"
import { Progress } from "../show/progress.ts"

export const keyVerb = (): Command =>
  withShared(new Command("key").description("the key that signs release records, and whether the fleet trusts it"))
    .action(async (flags: Shared) => {
      const { fleet } = await openRepository(flags.source)
      const key = await ownKey(fleet, flags)
      const trusted = isTrusted(fleet, key)
      if (flags.json) return console.log(JSON.stringify({ schema: 1, ...shownKey(key), trusted }))
      process.stdout.write(pem(key))
      console.log(line("key", `${key.id}, the public half of ${signingKeyPath()}`))
      console.log(
        line("trusted", trusted ? "yes, fleet.yaml names it" : "no: `fairlead key trust` writes it into fleet.yaml"),
      )
    })
    .addCommand(
      withShared(new Command("trust").description("write the key's public half into fleet.yaml")).action(
        async (_: Shared, command: Command) => {
          const flags = command.optsWithGlobals() as Shared
          const { fleet, root } = await openRepository(flags.source)
          const key = await ownKey(fleet, flags)
          const changed = !isTrusted(fleet, key)
          if (changed) await trust(root, key)
          if (flags.json) return console.log(JSON.stringify({ schema: 1, ...shownKey(key), trusted: true }))
          console.log(
            line("trusted", `${key.id} ${changed ? "is now" : "was already"} among policy.signing.keys of fleet.yaml`),
          )
          if (changed) console.log(line("next", "commit fleet.yaml"))
        },
      ),
    )

const shownKey = ({ id, line: publicKey }: PublicKey) => ({ id, publicKey, path: signingKeyPath() })

const isTrusted = (fleet: Fleet, key: PublicKey): boolean => fleetKeys(fleet)?.some(({ id }) => id === key.id) ?? false

/** This machine's key, made if there is none. */
async function ownKey(fleet: Fleet, flags: Shared): Promise<PublicKey> {
  const known = await publicHalfHere()
  if (known) return known
  const out = new Progress(flags)
  await ready(partsFor(fleet, ["sign"], false), { wanted: [namedKey() ? "toolbox:sign" : "signing key"], say: out.say })
  const made = await publicHalfHere()
  if (made) return made
  const opened = await openDocker({ root: process.cwd() })
  return whileOpen(opened, async () => (await keySignerOn(opened)).publicKey)
}

async function trust(root: string, key: PublicKey): Promise<void> {
  const path = join(root, "fleet.yaml")
  const day = dayOf(new Date())
  const changed = withTrusted(await readFile(path, "utf8"), key, `${hostname().replace(/[^A-Za-z0-9.-]/g, "")}, ${day}`)
  await writeFile(`${path}.new`, changed)
  await rename(`${path}.new`, path)
}
