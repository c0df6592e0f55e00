import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { patient } from "../../../dagger/lib/release/patience.ts"

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "patience-"))
  // Pauses are only noted down; the watch over the connection sleeps for real, and shortly.
  await program("sleep", `[ "$1" = 5 ] && exec /bin/sleep 0.1; echo "$1" >>${folder}/slept`)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function program(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`)
  await chmod(join(folder, name), 0o755)
}

/** A tool that says `said` and fails the first `times`, and tells what it was given. */
async function runs(said: string, times: number) {
  await program(
    "tool",
    `echo x >>${folder}/runs
[ $(wc -l <${folder}/runs) -gt ${times} ] && printf '%s|' "$@" && exit 0
echo '${said}' >&2
exit 7`,
  )
  const { argv } = patient({ name: "copy", image: "toolbox:build", argv: ["tool", "a b", "$(id)"] })
  const [command, ...words] = argv
  const env = { PATH: `${folder}:${process.env.PATH}` }
  const { exitCode, stdout, stderr } = await execa(command, words, { env, reject: false })
  const slept = await readFile(join(folder, "slept"), "utf8").catch(() => "")
  return { exitCode, stdout, stderr, slept: slept.split("\n").filter(Boolean) }
}

const tooMany = 'writing blob: uploading layer chunked: StatusCode: 429, ""'

describe("a step that is patient", () => {
  it("does it again, each time after a longer pause, with the very same words", async () => {
    const { exitCode, stdout, stderr, slept } = await runs(tooMany, 2)
    expect([exitCode, stdout, slept]).toEqual([0, "a b|$(id)|", ["10", "30"]])
    expect(stderr).toContain("the registry asks to wait: again in 10 s")
  })

  it("gives up after a few times, with the tool's own exit code and words", async () => {
    const { exitCode, stderr, slept } = await runs("toomanyrequests: slow down", 99)
    expect([exitCode, slept]).toEqual([7, ["10", "30", "60"]])
    expect(stderr.match(/toomanyrequests/g)).toHaveLength(4)
  })

  it("does nothing again that failed for another reason", async () => {
    expect(await runs("unauthorized: authentication required", 99)).toMatchObject({ exitCode: 7, slept: [] })
  })

  it("ends a tool whose registry has fallen silent, and says so", async () => {
    await program("awk", "echo 100")
    await program("tool", "exec /bin/sleep 600")
    const { argv } = patient({ name: "copy", image: "toolbox:build", argv: ["tool"] }, 1)
    const [command, ...words] = argv
    const { exitCode, stderr } = await execa(command, words, {
      env: { PATH: `${folder}:${process.env.PATH}` },
      reject: false,
    })
    expect(exitCode).toBe(124)
    expect(stderr).toContain("nothing came from the registry or went there for 1 s")
  })

  it("lets one go on that moves bytes", async () => {
    await program("awk", `echo x >>${folder}/asked; echo $(($(wc -l <${folder}/asked) * 5000))`)
    await program("tool", "/bin/sleep 2.5; exit 3")
    const { argv } = patient({ name: "copy", image: "toolbox:build", argv: ["tool"] }, 1)
    const [command, ...words] = argv
    const { exitCode } = await execa(command, words, { env: { PATH: `${folder}:${process.env.PATH}` }, reject: false })
    expect(exitCode).toBe(3)
  })
})
