import type { Artifact, Engine } from "../engine/engine.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { takesGigabytes } from "../fleet/gigabytes.ts"
import { imagesFolder } from "./probe.ts"

/**
 * Unpacks a parent's layers while its child is built, for the gates that look into the child: they find all but the child's
 * own there. Never needed, so nothing is thrown; not for images of gigabytes, of which there is one copy at a time.
 */
export async function unpackAhead(
  engine: Engine,
  fleet: Fleet,
  { family, layout }: { family: string; layout: Artifact },
): Promise<void> {
  if (takesGigabytes(fleet, family)) return
  const step = {
    name: `unpack ${family}`,
    image: "toolbox:run",
    privileged: true,
    shared: imagesFolder(fleet, family),
    argv: ["unpacked", "/in/image", "true"],
    inputs: { "/in/image": layout },
  } as const
  await engine.run(step).catch(() => {})
}
