import { z } from "zod"
import type { ImageRecord } from "./record.ts"

/** A layer of an image, with its bytes as a registry keeps them and on a host's disk. */
export interface Layer {
  digest: string
  compressed: number
  uncompressed: number
}

const sizeSchema = z.object({
  layers: z.array(z.object({ digest: z.string(), compressed: z.number(), uncompressed: z.number() })).min(1),
})

/** As the gate size counted them; a record without is one big layer that nothing shares. */
export function layersOf({ digest, gates, size }: Pick<ImageRecord, "digest" | "gates" | "size">): Layer[] {
  const counted = sizeSchema.safeParse(gates.size?.facts)
  return counted.success ? counted.data.layers : [{ digest, ...size }]
}
