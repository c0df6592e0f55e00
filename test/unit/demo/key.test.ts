import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { sshKey } from "../../../cli/demo/key.ts"
import { onPath } from "../../../cli/setup/command.ts"
import { hostSchema } from "../../../dagger/lib/fleet/host.ts"

it("makes keys that fleet.yaml takes as a hostKey, each time another one", () => {
  const [one, other] = [sshKey(), sshKey()]
  expect(hostSchema.shape.hostKey.safeParse(one.public).success).toBe(true)
  expect(one.public).not.toBe(other.public)
})

it.skipIf(!onPath("ssh-keygen"))("writes the private key so that OpenSSH reads the public one from it", () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-key-"))
  try {
    // The check numbers are random: what stands behind them must not depend on luck.
    for (let round = 0; round < 5; round++) {
      const key = sshKey()
      writeFileSync(join(folder, "key"), key.private, { mode: 0o600 })
      expect(execFileSync("ssh-keygen", ["-y", "-f", join(folder, "key")], { encoding: "utf8" }).trim()).toBe(
        key.public,
      )
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
