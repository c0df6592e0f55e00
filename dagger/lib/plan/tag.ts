import { wrongInput } from "../problem.ts"
import { dayOf } from "../risks/day.ts"

/** What git says of the checkout. */
export interface Commit {
  /** 40 hex digits; absent outside a git repository or before the first commit. */
  sha?: string
  /** Paths that differ from the commit. */
  uncommitted: readonly string[]
  /** Commits that changed the paths of interest, newest first. */
  history: readonly { sha: string; paths: readonly string[] }[]
}

export const isDirty = (commit: Commit): boolean => !commit.sha || commit.uncommitted.length > 0

/** YYYYMMDD-<7 hex digits of the commit>, the day in UTC; "-dirty" when the tree differs from the commit. */
export function tagOf(commit: Commit, now: Date): string {
  const day = dayOf(now).replaceAll("-", "")
  return `${day}-${(commit.sha ?? "0000000").slice(0, 7)}${isDirty(commit) ? "-dirty" : ""}`
}

/** Throws a Problem (exit code 2) for a tree that no commit names. */
export function requireClean(commit: Commit, allowDirty: boolean): void {
  if (allowDirty || !isDirty(commit)) return
  const shown = commit.uncommitted.slice(0, 3).join(", ") + (commit.uncommitted.length > 3 ? ", …" : "")
  throw wrongInput(commit.sha ? `uncommitted changes: ${shown}` : "there is no commit to name the release after", {
    where: "git",
    why: "a tag names the commit that its images were built from",
    fix: "commit the changes, or pass --allow-dirty (the tag then ends in -dirty)",
  })
}

/**
 * The last commit that changed any of these paths, for the revision label: the same inputs keep the same label, and so
 * the same digest, however many commits came since.
 */
export function revisionOf(commit: Commit, paths: readonly string[]): string {
  const { uncommitted, changed } = byPath(commit)
  if (paths.some((path) => uncommitted.has(path))) return `${commit.sha ?? "0".repeat(40)}-dirty`
  const last = Math.min(...paths.map((path) => changed.get(path) ?? Number.POSITIVE_INFINITY))
  return commit.history[last]?.sha ?? commit.sha ?? "unknown"
}

interface ByPath {
  uncommitted: ReadonlySet<string>
  /** path -> the newest commit of the history that changed it, by its place there. */
  changed: ReadonlyMap<string, number>
}

// Asked once for each family of a plan; to look through the history each time would be families times commits.
const known = new WeakMap<Commit, ByPath>()

function byPath(commit: Commit): ByPath {
  const before = known.get(commit)
  if (before) return before
  const changed = new Map<string, number>()
  for (const [at, { paths }] of commit.history.entries()) {
    for (const path of paths) if (!changed.has(path)) changed.set(path, at)
  }
  const made = { uncommitted: new Set(commit.uncommitted), changed }
  known.set(commit, made)
  return made
}

// git compares every path of a commit with each that it is given.
const mostPaths = 200

/** The arguments for git whose output `parseHistory` reads. Of very many paths, git is given the folders at the top. */
export const historyArguments = (paths: readonly string[]): string[] => [
  "log",
  "-m",
  "--first-parent",
  "--format=%x01%H",
  "--name-only",
  "-z",
  "--",
  ...(paths.length > mostPaths ? new Set(paths.map((path) => path.split("/", 1)[0]!)) : paths),
]

export function parseHistory(output: string): Commit["history"] {
  return output
    .split("\u0001")
    .slice(1)
    .map((entry) => {
      const [sha, ...paths] = entry.split(/[\0\n]+/).filter(Boolean)
      return { sha: sha!, paths }
    })
}

/** The arguments for git whose output `parseStatus` reads. */
export const statusArguments = ["status", "--porcelain=v1", "-z", "--untracked-files=all"] as const

export const parseStatus = (output: string): string[] =>
  output
    .split("\0")
    .filter(Boolean)
    .map((line) => (/^.. /.test(line) ? line.slice(3) : line))
