import pLimit from "p-limit"
import { Problem } from "../../problem.ts"
import { parseReference } from "../../release/reference.ts"
import { type Verifying, verifyRelease } from "../../release/verify.ts"
import type { OpenRollout } from "../open.ts"

/**
 * Throws where an image may not be put into service (exit code 1): no record that somebody trusted signed, a gate that did not
 * pass, another image behind the digest. A real host takes nothing that nobody looked at.
 */
export function verifierOf({
  chosen,
  verifying,
  demo,
}: Pick<OpenRollout, "chosen" | "verifying" | "demo">): (images: readonly string[]) => Promise<void> {
  const on: Verifying = { ...verifying, realHost: !demo }
  const side = pLimit(3)
  return async (images) => {
    const seen = await Promise.all(
      images.map((image) =>
        side(async () => {
          const { family, name } = parseReference(image, chosen.fleet)
          return { image, verified: await verifyRelease(on, { family, digest: name }) }
        }),
      ),
    )
    const bad = seen.filter(({ verified }) => !verified.good)
    if (bad.length === 0) return
    const [first] = bad
    throw new Problem(`${bad.map(({ verified }) => verified.family).join(", ")} may not be put into service`, {
      where: first!.image,
      why: bad.map(({ verified }) => `${verified.family}: ${verified.problems.join("; ")}`).join("\n  "),
      fix: `fairlead verify ${first!.verified.family}, then ship it again; nothing was changed on any host`,
      exitCode: 1,
    })
  }
}
