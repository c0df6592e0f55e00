import { describe, expect, it } from "vitest"
import type { Engine, Ran, Secret, Step } from "../../../dagger/lib/engine/engine.ts"
import { Registry } from "../../../dagger/lib/release/registry.ts"
import type { ImageTags } from "../../../dagger/lib/release/set-tags.ts"

const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const [web, plain] = [digest("a"), digest("b")]

const images: ImageTags[] = [
  {
    family: "web",
    tags: [
      { tag: "1", digest: web, check: true },
      { tag: "current", digest: web },
    ],
  },
  { family: "plain", tags: [{ tag: "1", digest: plain, check: true }] },
]

/** The steps that setting tags takes, the tool answering as told; conformance/tags.test.ts has the tool itself. */
async function tag(asked: ImageTags[], on: { host?: string; auth?: Secret; ran?: Partial<Ran> } = {}): Promise<Step[]> {
  const steps: Step[] = []
  const run = async (step: Step) => {
    steps.push(step)
    return { exitCode: 0, stdout: "", stderr: "", outputs: {}, seconds: 0, ...on.ran }
  }
  const engine = { run } as unknown as Engine
  await new Registry(engine, { host: on.host ?? "127.0.0.1:5000", org: "small" }, on.auth).tag(...asked)
  return steps
}

describe("setting tags", () => {
  it("takes one step for all images: from, to, and what is compared", async () => {
    const [step, ...more] = await tag(images)
    expect(more).toEqual([])
    const at = "registry:5000/small"
    expect(step!.argv.slice(step!.argv.indexOf("image-tags"))).toEqual([
      ...["image-tags", "set", "--plain-http"],
      ...["2", `${at}/web@${web}`, `${at}/web:1`, web, `${at}/web@${web}`, `${at}/web:current`, "-"],
      ...["1", `${at}/plain@${plain}`, `${at}/plain:1`, plain],
    ])
  })

  it("says which tag the registry answers with another image", async () => {
    const stdout = `other registry:5000/small/web:1 ${plain}\n`
    await expect(tag(images, { ran: { exitCode: 1, stdout } })).rejects.toThrow(`web:1 is ${plain}, not ${web}`)
  })

  it("says why tags cannot be set", async () => {
    const ran = { exitCode: 1, stderr: "image-tags: response status code 500" }
    await expect(tag(images, { ran })).rejects.toThrow(/tag 2 images in 127\.0\.0\.1:5000[\s\S]*status code 500/)
  })

  it("sends credentials, and does without TLS on loopback only", async () => {
    const auth = { name: "registry-auth" } as unknown as Secret
    const [step] = await tag(images, { host: "registry.example", auth })
    expect(step!.argv).toContain("--authfile")
    expect(step!.argv).not.toContain("--plain-http")
    expect(Object.values(step!.secrets ?? {})).toEqual([auth])
  })

  it("asks nothing where there is no tag to set", async () => {
    expect(await tag([{ family: "web", tags: [] }])).toEqual([])
  })
})
