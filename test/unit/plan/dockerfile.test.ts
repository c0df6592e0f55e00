import { describe, expect, it } from "vitest"
import { dockerfileNeeds } from "../../../dagger/lib/plan/dockerfile.ts"

describe("what a Dockerfile needs", () => {
  it("names images outside the file once, and not its own stages", () => {
    const needs = dockerfileNeeds(
      "FROM debian:bookworm-slim AS made\nRUN true\nFROM base-python\nCOPY --from=made /a /a\nCOPY --from=python-builder /b /b\nCOPY --from=0 /c /c\n",
    )
    expect(needs.images).toEqual(["debian:bookworm-slim", "base-python", "python-builder"])
  })

  it("reads the JSON form of COPY", () => {
    expect(dockerfileNeeds('FROM a\nCOPY ["with space", "/x"]\n').paths).toEqual(["with space"])
  })

  it("finds images and files behind RUN --mount", () => {
    const needs = dockerfileNeeds(
      "FROM a\nRUN --mount=type=bind,from=uv,source=/uv,target=/uv --mount=type=bind,source=requirements/web.lock,target=/l \\\n  --mount=type=cache,target=/root/.cache true\n",
    )
    expect(needs).toEqual({ images: ["a", "uv"], paths: ["requirements/web.lock"] })
  })

  it("lists what COPY and ADD read, but no URL and no here-document", () => {
    const needs = dockerfileNeeds(
      "FROM a\nCOPY --chmod=755 entrypoint health /usr/local/bin/\nADD https://example.org/x /x\nCOPY <<EOF /y\nhi\nEOF\n",
    )
    expect(needs.paths).toEqual(["entrypoint", "health"])
  })

  it("fills build arguments into image names", () => {
    expect(dockerfileNeeds("ARG FAMILY=web\nFROM family-${FAMILY}\n").images).toEqual(["family-web"])
    expect(dockerfileNeeds("ARG FAMILY=web\nFROM family-$FAMILY\n", { FAMILY: "llm" }).images).toEqual(["family-llm"])
  })
})
