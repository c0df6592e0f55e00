/** A place in the repository. */
export interface Place {
  /** Relative to the repository's root. */
  file: string
  line?: number
}

/**
 * The file of the repository that a finding's `where` names: "set by dockerfiles/family-web.Dockerfile:31  USER root". Paths
 * inside an image are absolute, and so no place in the repository.
 */
export function placeIn(where: string | undefined): Place | undefined {
  for (const word of (where ?? "").split(/[\s,;()]+/)) {
    const found = pattern.exec(word)
    const file = found?.[1]
    if (!file || file.split("/").some((part) => part === "." || part === "..")) continue
    if (!file.includes("/") && !/\.(ya?ml|lock|in|Dockerfile)$/.test(file)) continue
    const line = Number(found[2] ?? 0)
    return line > 0 ? { file, line } : { file }
  }
  return undefined
}

const pattern = /^([A-Za-z0-9_.][\w.+@-]*(?:\/[\w.+@-]+)*)(?::([0-9]{1,7}))?:?$/
