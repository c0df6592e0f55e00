import { createHash } from "node:crypto"

/** "sha256:…", as registries and image files name content. */
export const sha256 = (data: string | Uint8Array): string => `sha256:${createHash("sha256").update(data).digest("hex")}`
