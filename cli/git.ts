import { execa } from "execa"
import { type Commit, historyArguments, parseHistory, parseStatus, statusArguments } from "../dagger/lib/plan/tag.ts"

/** What git says of the checkout at `root`, about these paths. Outside a repository: no commit, everything uncommitted. */
export async function commitOf(root: string, paths: readonly string[]): Promise<Commit> {
  const [head, status, history] = await Promise.all([
    git(root, ["rev-parse", "--verify", "HEAD"]),
    git(root, statusArguments),
    git(root, historyArguments(paths)),
  ])
  if (head === undefined) return { uncommitted: [...paths], history: [] }
  return { sha: head.trim(), uncommitted: parseStatus(status ?? ""), history: parseHistory(history ?? "") }
}

/** Who works here, "Ada Lovelace <ada@example.org>"; undefined where git does not know. */
export async function authorOf(root: string): Promise<string | undefined> {
  const [name, mail] = await Promise.all([
    git(root, ["config", "--get", "user.name"]),
    git(root, ["config", "--get", "user.email"]),
  ])
  return name?.trim() && mail?.trim() ? `${name.trim()} <${mail.trim()}>` : undefined
}

async function git(root: string, argv: readonly string[]): Promise<string | undefined> {
  // A checkout that another user owns (a CI volume) is read all the same: nothing of it is run.
  const { exitCode, stdout } = await execa("git", ["-c", "safe.directory=*", "-C", root, ...argv], {
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 256 * 1024 * 1024,
    env: { GIT_OPTIONAL_LOCKS: "0" },
  })
  return exitCode === 0 ? stdout : undefined
}
