import { describe, expect, it } from "vitest"
import type { Engine, Step } from "../../../dagger/lib/engine/engine.ts"
import type { Subject } from "../../../dagger/lib/gates/gate.ts"
import { type SmokeFacts, smoke } from "../../../dagger/lib/gates/smoke.ts"
import { fleet, lookingOf, rulesFor, smokeFacts } from "./facts.ts"

const judge = (breaks?: (facts: SmokeFacts) => void) => smoke.judge(smokeFacts(breaks), rulesFor("family-web"))
const said = (breaks: (facts: SmokeFacts) => void) => {
  const { verdict, findings } = judge(breaks)
  expect(verdict).toBe("FAIL")
  return findings.map(({ what }) => what)
}

describe("smoke", () => {
  it("passes an image that starts, answers and stops, and says how soon it was healthy", () => {
    expect(judge()).toMatchObject({ verdict: "PASS", findings: [], brief: "0.4 s" })
    expect(judge((facts) => (facts.exitCode = 143)).verdict).toBe("PASS")
  })

  it("names an image that does not start at all", () => {
    expect(
      said((facts) =>
        Object.assign(facts, {
          refused: "exec format error",
          health: null,
          processes: [],
          exitCode: null,
          killed: null,
        }),
      ),
    ).toEqual(["start: the image does not start: exec format error"])
  })

  it("names the exit code of a container that ended by itself, and shows its last lines", () => {
    const ended = (facts: SmokeFacts) =>
      Object.assign(facts, {
        processes: [],
        exitCode: 1,
        killed: null,
        log: ["Traceback", "ModuleNotFoundError: No module named 'main'"],
        seconds: { unpack: 1, healthy: null, stop: null },
      })
    expect(said(ended)).toEqual(["start: the container ended by itself with exit code 1"])
    expect(judge(ended).findings[0]).toMatchObject({
      evidence: "last lines: Traceback | ModuleNotFoundError: No module named 'main'",
      where: 'set by dockerfiles/base-python.Dockerfile:11  ENTRYPOINT ["/usr/local/bin/entrypoint"]',
    })
  })

  it.each([
    [{ status: 503, body: "starting", error: null }, '503 "starting"'],
    [{ status: 200, body: '{"status":"starting"}', error: null }, '200 "{\\"status\\":\\"starting\\"}"'],
    [{ status: null, body: "", error: "Connection refused" }, "Connection refused"],
  ])("names what /health said instead: %j", (health, saw) => {
    expect(
      said((facts) => {
        facts.health = health
        facts.seconds.healthy = null
      }),
    ).toEqual([`health: GET /health answers ${saw}, the blueprint wants 200 {"status":"ok"}`])
  })

  it("names what is PID 1 instead of tini", () => {
    expect(said((facts) => (facts.processes[0]!.program = "/usr/bin/python3.11"))).toEqual([
      "PID 1: /usr/bin/python3.11 runs as PID 1, the blueprint wants /usr/bin/tini",
    ])
    expect(said((facts) => facts.processes.shift())).toEqual([
      "PID 1: nothing runs as PID 1, the blueprint wants /usr/bin/tini",
    ])
  })

  it("names every process that runs as somebody else", () => {
    expect(said((facts) => (facts.processes[1]!.uids = [0, 10001]))).toEqual([
      "user: /usr/bin/python3.11 runs as 0/10001:10001, the blueprint wants 10001:10001",
    ])
    expect(said((facts) => (facts.processes[0]!.gids = [0]))).toHaveLength(1)
  })

  it("names a service that had to be killed", () => {
    expect(said((facts) => Object.assign(facts, { killed: true, exitCode: 137 }))).toEqual([
      "stop: still running 10 s after SIGTERM, and had to be killed",
    ])
  })

  it.each([1, 137, 139])("names exit code %i after SIGTERM", (exitCode) => {
    expect(said((facts) => (facts.exitCode = exitCode))).toEqual([
      `stop: exit code ${exitCode} after SIGTERM (0.1 s), 0 or 143 is clean`,
    ])
  })

  it("names writes that the read-only root refused", () => {
    expect(said((facts) => facts.log.push("entrypoint: cannot create /var/run/x: Read-only file system"))).toEqual([
      "writes: something wanted to write outside /tmp",
    ])
  })

  it("tells what the call to a GPU said, where there is one, and says where there is none", () => {
    expect(judge((facts) => (facts.cuda = "ok RTX 3060 (sm_86); torch 2.2.2+cu121 adds there"))).toMatchObject({
      verdict: "PASS",
      findings: [],
    })
    const none = judge((facts) => (facts.cuda = null))
    expect([none.verdict, none.notes?.[0]?.what]).toEqual([
      "PASS",
      "no CUDA call was made: this machine's Docker hands out no GPU",
    ])
    expect(judge().notes).toBeUndefined()
    expect(said((facts) => (facts.cuda = "failed cuInit answered CUDA_ERROR_NO_DEVICE (100)"))).toEqual([
      "CUDA: the image cannot use the GPU of this machine: cuInit answered CUDA_ERROR_NO_DEVICE (100)",
    ])
  })

  it("names code that the user cannot read", () => {
    expect(said((facts) => (facts.unreadable = { count: 2, examples: ["/app/a.py", "/app/b.py"] }))).toEqual([
      "code: the user cannot read 2 of the files in /app, /app/a.py among them",
    ])
  })

  it("reads back facts that were kept, and refuses others", () => {
    expect(smoke.recall(JSON.parse(JSON.stringify(smokeFacts())))).toEqual(smokeFacts())
    expect(() => smoke.recall({ ...smokeFacts(), processes: [{ pid: 1 }] })).toThrow(/not of the known shape/)
  })
})

describe("looking at how an image runs", () => {
  const subject: Subject = {
    family: "family-web",
    archive: { kind: "file", name: "image.tar", handle: "" },
    digest: smokeFacts().digest,
    contents: `sha256:${"c".repeat(64)}`,
  }
  const answering = (facts: SmokeFacts, steps: Step[] = []) =>
    ({
      run: async (step: Step) => {
        steps.push(step)
        return { exitCode: 0, stdout: JSON.stringify(facts), stderr: "", outputs: {}, seconds: 0 }
      },
      file: (name: string) => ({ kind: "file", name, handle: name }),
      local: (name: string) => ({ kind: "directory", name, handle: name }),
    }) as unknown as Engine

  it("is one step in the toolbox, with the app and its command as the fleet names them", async () => {
    const steps: Step[] = []
    await smoke.look(lookingOf(subject, answering(smokeFacts(), steps)))
    expect(steps).toHaveLength(1)
    expect(steps[0]).toMatchObject({
      image: "toolbox:run",
      privileged: true,
      scratch: ["/var/lib/containers"],
      shared: { "/images": "images" },
    })
    expect(steps[0]!.inputs!["/in/app"]).toMatchObject({ name: "apps/reference" })
    expect(steps[0]!.argv.slice(-3)).toEqual(["--", "python", "/app/main.py"])
  })

  it("asks for GPUs where the family is for some, and tells which ones the fleet has", async () => {
    const steps: Step[] = []
    for (const family of ["family-web", "family-torch"])
      await smoke.look(lookingOf({ ...subject, family }, answering(smokeFacts(), steps)))
    const [web, torch] = steps
    expect([web!.gpus, torch!.gpus]).toEqual([false, true])
    expect(torch!.argv).toEqual(expect.arrayContaining(["--cuda-call=/fairlead/cuda_call.py", "--gpu=8.9"]))
    expect(torch!.inputs!["/fairlead/cuda_call.py"]).toBeDefined()
    expect(web!.argv.join(" ")).not.toContain("cuda")
  })

  it("starts an app image with its own command and nothing at /app, and with what the app may write to", async () => {
    const apps = {
      own: {
        ...fleet.apps.reference!,
        command: ["run"],
        standIn: false,
        tmpfs: ["/cache"],
        volumes: { state: "/state" },
      },
    }
    const services = { Own: { ...fleet.services.ServiceRegistry!, app: "own" } }
    const steps: Step[] = []
    const on = { ...subject, family: "own-web" }
    await smoke.look(lookingOf(on, answering(smokeFacts(), steps), { fleet: { ...fleet, apps, services } }))
    expect(steps[0]!.inputs).not.toHaveProperty("/in/app")
    expect(steps[0]!.argv).not.toContain("--app=/in/app")
    expect(steps[0]!.argv.slice(-4)).toEqual(["--tmpfs=/cache", "--empty-volume=/state", "--", "run"])
  })

  it("refuses a report about another image", async () => {
    const other = smokeFacts((facts) => (facts.digest = `sha256:${"9".repeat(64)}`))
    await expect(smoke.look(lookingOf(subject, answering(other)))).rejects.toThrow(/was started instead of/)
  })

  it("refuses to have seen an image that had privileges", async () => {
    for (const more of [{ capabilities: 1 }, { noNewPrivileges: false }]) {
      const other = smokeFacts((facts) => Object.assign(facts.processes[1]!, more))
      await expect(smoke.look(lookingOf(subject, answering(other)))).rejects.toMatchObject({ name: "CouldNotLook" })
    }
  })

  it("keeps a log that cannot steer a terminal", async () => {
    const loud = smokeFacts((facts) => facts.log.push("\u001b]0;owned\u0007\u001b[31mred"))
    expect((await smoke.look(lookingOf(subject, answering(loud)))).log).toEqual(["listening on 8100", "red"])
  })

  it("brings an app along for a fleet that has none called reference", async () => {
    const steps: Step[] = []
    await smoke.look(lookingOf(subject, answering(smokeFacts(), steps), { fleet: { ...fleet, apps: {} } }))
    expect(Object.keys(steps[0]!.inputs!).filter((path) => path.startsWith("/in/app"))).toEqual(["/in/app/main.py"])
    expect(steps[0]!.argv).toEqual(expect.arrayContaining(["--app=/in/app", "--port-env=PORT"]))
    expect(steps[0]!.argv.slice(-3)).toEqual(["--", "python", "/app/main.py"])
  })
})
