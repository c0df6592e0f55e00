import { readFile } from "node:fs/promises"
import { cpus, loadavg, release, totalmem } from "node:os"
import { commitOf } from "../cli/git.ts"
import { buildx } from "../cli/setup/buildx.ts"
import { run } from "../cli/setup/command.ts"
import { toolboxImage } from "../cli/setup/toolbox.ts"
import { fairleadRoot } from "../cli/version.ts"

/** What figures depend on: name -> what it was. */
export async function machine(): Promise<Record<string, string>> {
  const { sha } = await commitOf(fairleadRoot, ["."])
  const { stdout: docker } = await run(["docker", "version", "--format", "{{.Server.Version}}"])
  const [file, ...rest] = await buildx()
  const { stdout: client } = await run([file, ...rest, "version"])
  const { stdout: daemon } = await run([
    ...["docker", "run", "--rm", "--pull", "never", "--network", "none", "--entrypoint", "buildkitd"],
    ...[await toolboxImage("build"), "--version"],
  ] as unknown as [string, ...string[]])
  const os = /^PRETTY_NAME="?([^"\n]*)/m.exec(await readFile("/etc/os-release", "utf8").catch(() => ""))?.[1]
  return {
    date: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    commit: sha?.slice(0, 7) ?? "none",
    processor: `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    "load at the start": loadavg()
      .map((each) => each.toFixed(2))
      .join(", "),
    system: [os, `Linux ${release()}`].filter(Boolean).join(", "),
    Docker: docker.trim(),
    buildx: client.trim(),
    BuildKit: daemon.trim(),
    Node: process.version,
  }
}
