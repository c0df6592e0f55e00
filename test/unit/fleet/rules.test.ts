import { describe, expect, it } from "vitest"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { changed, refusal, small } from "./small.ts"

/** The only sentence that a change is refused with, without the line. */
const sentence = (...changes: string[]) => {
  const lines = refusal(changed(...changes))
  expect(lines).toHaveLength(1)
  return lines[0]?.replace(/^fleet\.yaml: /, "").replace(/ \(line \d+\)$/, "")
}

describe("names", () => {
  it("are refused when two services differ by case or hyphens only", () => {
    expect(sentence("SecondService:", "Firstservice:")).toBe(
      "services.Firstservice: differs from services.FirstService by case or hyphens only; rename one of them",
    )
    expect(sentence("SecondService:", "First-Service:")).toContain("differs from services.FirstService")
  })

  it("are refused when an alias is not one family's alone", () => {
    expect(sentence("alias: p,", "alias: r,")).toBe(
      "families.plain.alias: r is also the alias of families.root; give one of them another",
    )
    expect(sentence("alias: p,", "alias: root,")).toBe(
      "families.plain.alias: root is the name of another family; give plain another alias",
    )
  })

  it("are refused when a builder, a base and a family would be one target", () => {
    expect(sentence("compiler: {", "root: {")).toBe("families.root: is also the name of a builder; rename one of them")
    expect(sentence("compiler: {", "debian: {")).toBe("builders.debian: is also the name of a base; rename one of them")
  })
})

describe("the hierarchy", () => {
  it("has no unknown parents and bases", () => {
    expect(sentence("parent: cuda", "parent: cudda")).toBe(
      'families.llm.parent: there is no family "cudda"; did you mean cuda?',
    )
    expect(sentence("parent: cuda", "parent: c")).toBe(
      'families.llm.parent: there is no family "c"; that is the alias of cuda, write the name',
    )
    expect(sentence("base: debian, dockerfile", "base: debain, dockerfile")).toBe(
      'families.root.base: there is no base "debain"; did you mean debian?',
    )
    expect(sentence("base: debian, dockerfile", "parent: debian, dockerfile")).toBe(
      "families.root.parent: debian is a base; write base: debian",
    )
    expect(sentence("Dockerfile, base: debian }", "Dockerfile, base: root }")).toBe(
      "builders.compiler.base: root is a family; write parent: root",
    )
  })

  it("has each family on exactly one thing", () => {
    expect(sentence("parent: cuda,", "parent: cuda, base: debian,")).toBe(
      "families.llm: has a base (debian) and a parent (cuda); keep one of the two",
    )
    expect(refusal(changed("parent: root, lock", "lock"))[0]).toContain(
      "families.plain: stands on nothing; give it a base or a parent",
    )
  })

  it("has no circles", () => {
    expect(sentence("description: Cuda, parent: root", "description: Cuda, parent: llm")).toBe(
      "families.cuda.parent: cuda stands on itself: cuda → llm → cuda; break the circle",
    )
    expect(sentence("parent: cuda", "parent: llm")).toBe(
      "families.llm.parent: llm stands on itself: llm → llm; break the circle",
    )
  })

  it("keeps a frozen version frozen in the children", () => {
    expect(sentence("parent: cuda,", 'parent: cuda, frozen: { torch: "2.3.1" },')).toBe(
      "families.llm.frozen.torch: 2.3.1 is not what families.cuda.frozen says (2.2.2); children inherit it",
    )
    expect(() => parseFleet(changed("parent: cuda,", 'parent: cuda, frozen: { torch: "2.2.2" },'))).not.toThrow()
  })

  it("keeps the parent's Python", () => {
    expect(sentence("parent: cuda,", 'parent: cuda, python: "3.10", endOfLife: "2026-10-31",')).toBe(
      "families.llm.python: 3.10 stands on cuda, which has Python 3.11",
    )
  })

  it("says when Python 3.10 ended (R2)", () => {
    expect(
      sentence(
        "base: debian, dockerfile",
        'base: debian, python: "3.10", dockerfile',
        "parent: root, lock",
        "base: debian, lock",
        "parent: root, gpu",
        "base: debian, gpu",
      ),
    ).toBe('families.root.endOfLife: is missing: Python 3.10 got its last fixes in October 2026; write "2026-10-31"')
  })

  it("has no budget that is larger packed than unpacked", () => {
    expect(sentence("compressed: 45 MB", "compressed: 450 MB")).toBe(
      "families.root.budget.compressed: 450 MB is more than the uncompressed 120 MB; swap the two",
    )
  })
})

describe("services", () => {
  it("name families, hosts and apps that exist", () => {
    expect(sentence("family: llm", "family: lllm")).toBe(
      'services.ModelService.family: there is no family "lllm"; did you mean llm?',
    )
    expect(sentence("family: llm", "family: l")).toBe(
      'services.ModelService.family: there is no family "l"; that is the alias of llm, write the name',
    )
    expect(sentence("hosts: [two]", "hosts: [tow]")).toBe(
      'services.SecondService.hosts[0]: there is no host "tow"; did you mean two?',
    )
    expect(sentence("port: 7002", "app: other, port: 7002")).toBe(
      'services.SecondService.app: there is no app "other"; known are stand-in',
    )
    expect(sentence("hosts: [two]", "hosts: [two, two]")).toBe(
      "services.SecondService.hosts[1]: two stands there twice; keep one",
    )
  })

  it("have an app, their own or the one stand-in", () => {
    const without = refusal(changed(", standIn: true", ""))
    expect(without).toHaveLength(3)
    expect(without[0]).toContain(
      "services.FirstService.app: is missing, and no app is marked standIn: true to run in its place",
    )
    expect(sentence("services:\n", "  other: { path: apps/other, command: [a], standIn: true }\nservices:\n")).toBe(
      "apps.other.standIn: apps.stand-in is the stand-in already; keep one of the two",
    )
  })
})

describe("ports", () => {
  it("collide on one host, whichever of the two they are", () => {
    expect(sentence("port: 7002", "port: 8001")).toBe(
      "services.FirstService.healthPort: 8001 is also used by services.SecondService.port on two; give one of them another port",
    )
    expect(sentence("healthPort: 8003", "healthPort: 8001")).toBe(
      "services.FirstService.healthPort: 8001 is also used by services.ModelService.healthPort on one; give one of them another port",
    )
  })

  it("do not collide on different hosts, nor inside one service", () => {
    expect(() => parseFleet(changed("port: 7003", "port: 7002", "healthPort: 8003", "healthPort: 8002"))).not.toThrow()
    expect(() => parseFleet(changed("healthPort: 8002", "healthPort: 7002"))).not.toThrow()
  })

  it("are not the one that SSH has", () => {
    expect(sentence("port: 7002", "port: 22")).toBe(
      "services.SecondService.port: 22 is where SSH listens on two; take another port",
    )
  })
})

describe("GPUs", () => {
  it("are not found on a family without one in its lineage", () => {
    expect(sentence("family: llm", "family: plain")).toBe(
      "services.ModelService.family: plain cannot use a GPU, which the service needs; use one of cuda, llm",
    )
  })

  it("are not found on a host without one, nor more than the host shows", () => {
    expect(sentence("hosts: [one], needs: [gpu", "hosts: [two], needs: [gpu")).toBe(
      "services.ModelService.hosts[0]: two has no GPU, which the service needs",
    )
    expect(sentence("port: 7003", "gpus: 2, port: 7003")).toBe(
      "services.ModelService.gpus: is 2, but hosts.one.profile.GPU_VISIBLE_DEVICES shows 1",
    )
  })

  it("are needed and counted alike", () => {
    expect(sentence("port: 7003", "gpus: 0, port: 7003")).toBe(
      "services.ModelService.gpus: is 0, but the service needs gpu; drop it",
    )
    expect(refusal(changed("port: 7002", "gpus: 1, port: 7002"))[0]).toContain(
      "services.SecondService.gpus: is 1, but needs does not list gpu; add it there",
    )
  })

  it("are what the family compiles for", () => {
    expect(sentence('"89;86"', '"86"')).toBe(
      "families.cuda.args.TORCH_CUDA_ARCH_LIST: 8.6 lacks 8.9, the GPU of one, where services.ModelService runs; add 8.9",
    )
    expect(() => parseFleet(changed('"89;86"', '"8.6 8.9+PTX"'))).not.toThrow()
    expect(() => parseFleet(changed('arch: "8.9"', 'arch: "89"'))).not.toThrow()
  })

  it("are known to torch 2.2", () => {
    expect(sentence('"89;86"', '"8.9;12.0"')).toBe(
      'families.cuda.args.TORCH_CUDA_ARCH_LIST: 12.0 is not known to torch 2.2; write a list such as "8.9;8.6"',
    )
  })

  it("run a torch and companions of one release", () => {
    expect(sentence('torch: "2.2.2"', 'torch: "2.2.2", torchvision: "0.18.1", torchaudio: "2.2.2"')).toBe(
      "families.cuda.frozen.torchvision: 0.18.1 does not go with torch 2.2.2, which wants torchvision 0.17",
    )
  })
})

describe("waves", () => {
  it("name what exists, and the last takes the rest", () => {
    expect(sentence("services: [FirstService]", "services: [FristService]")).toBe(
      'policy.rollout.waves[0].services[0]: there is no service "FristService"; did you mean FirstService?',
    )
    expect(sentence("host: one, gpu", "host: oen, gpu")).toBe(
      'policy.rollout.waves[1].host: there is no host "oen"; did you mean one?',
    )
    expect(sentence("{ name: gpu,", "{ name: core,")).toBe(
      "policy.rollout.waves[1].name: core is the name of another wave too; rename one",
    )
    expect(sentence(", { name: rest }", "")).toBe(
      "policy.rollout.waves[1]: is the last wave and must take the rest: leave out services, host and gpu, or add such a wave",
    )
    expect(sentence("port: 7002", "wave: corps, port: 7002")).toBe(
      'services.SecondService.wave: there is no wave "corps"; did you mean core?',
    )
  })
})

describe("a section that is no map", () => {
  it("is one sentence, and not one for each thing that it lacks", () => {
    const cut = small.slice(0, small.indexOf("services:\n"))
    const policy = small.slice(small.indexOf("policy:\n"))
    const text = `${cut}services: none\n${policy.replace(", services: [FirstService]", "")}`
    expect(refusal(text).filter((line) => line.includes(" services"))).toEqual([
      'fleet.yaml: services: "none" is not a map (line 19)',
    ])
  })
})
