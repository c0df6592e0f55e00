import { describe, expect, it } from "vitest"
import { readLock } from "../../../dagger/lib/gates/blueprint/lock.ts"
import { normalName, sameVersion } from "../../../dagger/lib/gates/blueprint/version.ts"

const hash = `--hash=sha256:${"a".repeat(64)}`

describe("a requirements lock", () => {
  it("is read with continued lines, comments, extras and markers", () => {
    const { packages, problems } = readLock(
      [
        "# written by uv",
        "--only-binary :all:",
        "",
        "uvicorn[standard]==0.29.0 \\",
        `    ${hash} \\`,
        `    ${hash}`,
        "    # via -r web.in",
        `Typing_Extensions==4.11.0 ; python_version < "3.12" ${hash}`,
        `torch==2.2.2+cu121 ${hash}  # frozen`,
      ].join("\n"),
    )
    expect(problems).toEqual([])
    expect(packages).toEqual([
      { name: "uvicorn", version: "0.29.0", hashes: 2, line: 4 },
      { name: "typing-extensions", version: "4.11.0", hashes: 1, line: 8 },
      { name: "torch", version: "2.2.2+cu121", hashes: 1, line: 9 },
    ])
  })

  it.each([
    ["without a hash", "a==1.0", "a==1.0 has no hash that holds"],
    ["with a weak hash", `a==1.0 --hash=md5:${"a".repeat(32)}`, "a==1.0 has no hash that holds"],
    ["with a cut hash", "a==1.0 --hash=sha256:abc", "a==1.0 has no hash that holds"],
    ["with one good and one weak hash", `a==1.0 ${hash} --hash=md5:${"a".repeat(32)}`, "a==1.0 has no hash that holds"],
    ["with a range", `a>=1.0 ${hash}`, '"a>=1.0" is not pinned with =='],
    ["with a wildcard", `a==1.* ${hash}`, '"a==1.*" is not pinned with =='],
    ["without a version", `a ${hash}`, '"a" is not pinned with =='],
    [
      "from a repository",
      `git+https://example.org/a.git ${hash}`,
      '"git+https://example.org/a.git" is not pinned with ==',
    ],
    ["in editable form", "-e .", '"-e" is not pinned with =='],
    ["of another file", "-r other.txt", '"-r" is not pinned with =='],
  ])("is refused %s", (_, line, why) => {
    const { problems } = readLock(`b==2.0 ${hash}\n${line}\n`)
    expect(problems.map((problem) => [problem.line, problem.why])).toEqual([[2, why]])
  })

  it("is refused when it names nothing", () => {
    expect(readLock("# nothing\n").problems.map(({ why }) => why)).toEqual(["the lock names nothing"])
  })
})

describe("a version", () => {
  it.each([
    ["2.2.2", "2.2.2+cu121", true],
    ["2.2.2+cu121", "2.2.2+cu121", true],
    ["2.2.2+cu121", "2.2.2+cpu", false],
    ["2.2.2+cu121", "2.2.2", false],
    ["2.2", "2.2.0", true],
    ["2.0.0", "2", true],
    ["2.2.2", "2.2.20", false],
    ["2.2.2", "2.2.2rc1", false],
    ["2.2.2", "2.2.2.post1", false],
    ["2.10.0", "2.1", false],
  ])("%s pinned is %s installed: %s", (pinned, installed, same) => {
    expect(sameVersion(pinned, installed)).toBe(same)
  })

  it("goes with a name in any spelling", () => {
    expect(["Typing_Extensions", "typing.extensions", "typing--extensions"].map(normalName)).toEqual(
      Array(3).fill("typing-extensions"),
    )
  })
})
