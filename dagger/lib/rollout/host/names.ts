/** What a container's name says of it: which service it is for, and what it is to it. */
export interface ContainerName {
  svc: string
  /** current: it serves. previous: what is gone back to. made: not switched to yet. kept: it failed. */
  role: "current" | "previous" | "made" | "kept"
  /** The run in its name. */
  run?: string
}

/** Undefined for a name that no rollout gives. */
export function containerName(name: string): ContainerName | undefined {
  const [, svc, previous, made, kept] =
    /^([a-z][a-z0-9_]{0,62})(?:(\.prev)|\.([0-9a-f]{6})|-([0-9a-f]{6}))?$/.exec(name) ?? []
  if (svc === undefined) return undefined
  if (previous) return { svc, role: "previous" }
  if (made) return { svc, role: "made", run: made }
  return kept ? { svc, role: "kept", run: kept } : { svc, role: "current" }
}

/** "127.0.0.1:5000/my-fleet/reference-web@sha256:<64 digits>" is too long for a line: "reference-web@0123456789ab". */
export const shortImage = (image: string): string =>
  image.replace(/^.*\//, "").replace(/@sha256:([0-9a-f]{12})[0-9a-f]{52}$/, "@$1")

/** "127.0.0.1:5000/my-fleet/reference-web@sha256:…" is reference-web. */
export const imageName = (image: string): string => image.replace(/@.*$/, "").replace(/^.*\//, "").replace(/:.*$/, "")
