import { sha256 } from "../sha256.ts"

/** A package as its package manager names it. */
export interface Package {
  kind: "debian" | "python" | "other"
  name: string
  version: string
}

/**
 * One digest for what is installed, "sha256:…": the same packages give the same one, whatever else changed in the image.
 */
export function contentsOf(packages: readonly Package[]): string {
  const lines = packages.map(({ kind, name, version }) => `${kind} ${name} ${version}\n`).sort()
  return sha256(lines.join(""))
}
