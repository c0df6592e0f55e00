import { describe, expect, it } from "vitest"
import { builderFailure } from "../../../dagger/lib/build/builder-failure.ts"

describe("what a failed build says of its builder", () => {
  it.each([
    ["write /var/lib/buildkit/x: no space left on device", /full/],
    ["head: error writing 'standard output': No space left on device\nexit code: 1", /full/],
    [
      "ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF",
      /went away/,
    ],
    ["failed to solve: Unavailable: connection error: desc = connection refused", /went away/],
  ])("%s", (output, why) => {
    const found = builderFailure(output)
    expect([found?.why, found?.fix]).toEqual([expect.stringMatching(why), expect.stringContaining("run it again")])
  })

  it.each([
    'curl: (7) connection refused\nprocess "/bin/sh -c curl" did not complete successfully: exit code: 7',
    "dockerfile parse error on line 3: unknown instruction: RUM",
  ])("nothing where it is the step's own: %s", (output) => {
    expect(builderFailure(output)).toBeUndefined()
  })
})
