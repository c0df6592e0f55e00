import { describe, expect, it } from "vitest"
import { originOf } from "../../../dagger/lib/gates/origin.ts"
import { dockerfiles, rulesFor } from "./facts.ts"

const web = "dockerfiles/family-web.Dockerfile"
const originIn = (text: string, family = "family-web") =>
  originOf(rulesFor(family, { dockerfiles: { ...dockerfiles, [web]: text } }))

describe("where a fact was set", () => {
  it("is the last such instruction of the shipped stage", () => {
    expect(originIn("FROM a\nUSER one\nUSER two\n").set("USER")).toBe(`set by ${web}:3  USER two`)
  })

  it("is found in a stage that the shipped stage stands on", () => {
    const text = "FROM a AS common\nUSER root\nFROM b AS other\nUSER other\nFROM common\nRUN true\n"
    expect(originIn(text).set("USER")).toBe(`set by ${web}:2  USER root`)
  })

  it("is the line of a long RUN that says it", () => {
    const text = "FROM a\nRUN apt-get update \\\n  # a comment\n && apt-get install gcc \\\n && true\n"
    expect(originIn(text).set("RUN", /gcc/)).toBe(`set by ${web}:4  && apt-get install gcc`)
  })

  it("is the line that runs a script, not the mount that brings it", () => {
    const text =
      "FROM a\nRUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \\\n    /mnt/apt-get-install tini\n"
    expect(originIn(text).set("RUN", /apt-get/)).toBe(`set by ${web}:3  /mnt/apt-get-install tini`)
  })

  it("is found in a heredoc", () => {
    expect(originIn("FROM a\nRUN <<EOF\nset -e\napt-get install gcc\nEOF\n").set("RUN", /gcc/)).toBe(
      `set by ${web}:4  apt-get install gcc`,
    )
  })

  it("is the parent's Dockerfile where the child says nothing", () => {
    expect(originIn("FROM base-cpu\n").set("USER")).toBe(
      "set by dockerfiles/base-python.Dockerfile:10  USER 10001:10001",
    )
  })

  it("is nowhere when nobody set it, and the family's own Dockerfile is the one to look at", () => {
    expect(originIn("FROM base-cpu\n").set("EXPOSE")).toBeUndefined()
    expect(originIn("FROM base-cpu\n").file()).toBe(`see ${web}`)
  })

  it("survives a Dockerfile that is none, or was not handed over", () => {
    expect(originIn("\u0000 nonsense").set("USER")).toBe(
      "set by dockerfiles/base-python.Dockerfile:10  USER 10001:10001",
    )
    expect(originOf(rulesFor("family-web", { dockerfiles: {} })).set("USER")).toBeUndefined()
  })
})
