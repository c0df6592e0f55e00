import { readFile } from "node:fs/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { OpenEngine } from "../../cli/engines.ts"
import type { Service, Step } from "../../dagger/lib/engine/engine.ts"
import { candidates } from "./engines.ts"

const step = (argv: Step["argv"], more: Partial<Step> = {}): Step => ({
  name: argv.join(" "),
  image: "toolbox:build",
  argv,
  ...more,
})

describe.each(candidates)("a step on $name", ({ open, skip }) => {
  const cases = skip ? it.skip : it
  let opened: OpenEngine
  beforeAll(async () => {
    if (!skip) opened = await open()
  })
  afterAll(() => opened?.close())
  const run = (what: Step) => opened.engine.run(what)

  cases("answers exit code, stdout and stderr as data", async () => {
    const ran = await run(step(["sh", "-c", "echo out; echo err >&2; exit 7"]))
    expect(ran).toMatchObject({ exitCode: 7, stdout: "out\n", stderr: "err\n" })
  })

  cases("takes argv as it is: no shell reads it", async () => {
    const hostile = ["$(id)", "; echo x", "--help", "a\nb", '"', "*"]
    const ran = await run(step(["printf", "%s|", ...hostile]))
    expect(ran.stdout).toBe(hostile.map((each) => `${each}|`).join(""))
  })

  cases("keeps files and folders, and leaves out what was not made", async () => {
    const ran = await run(
      step(["sh", "-c", "echo a > /out/a; mkdir -p /tree/x; echo b > /tree/x/b"], {
        outputs: { a: "/out/a", none: "/out/none", tree: "/tree/" },
      }),
    )
    expect(Object.keys(ran.outputs).sort()).toEqual(["a", "tree"])
    expect(await opened.engine.read(ran.outputs.a!)).toBe("a\n")
    const again = await run(
      step(["cat", "/in/tree/x/b", "/in/a"], { inputs: { "/in/tree": ran.outputs.tree!, "/in/a": ran.outputs.a! } }),
    )
    expect(again.stdout).toBe("b\na\n")
  })

  cases("lets a step that is not root write its outputs", async () => {
    const ran = await run(step(["sh", "-c", "id -u > /out/uid"], { user: "10001:10001", outputs: { uid: "/out/uid" } }))
    expect(await opened.engine.read(ran.outputs.uid!)).toBe("10001\n")
  })

  cases("gives files of the machine that runs Fairlead", async () => {
    const ran = await run(
      step(["cat", "/in/fleet.yaml"], { inputs: { "/in/fleet.yaml": opened.engine.local("fleet.yaml") } }),
    )
    expect(ran.stdout).toBe(await readFile("fleet.yaml", "utf8"))
  })

  cases("mounts a secret as a file, and shows it nowhere else", async () => {
    const secret = opened.secretText("token", "s3cret-value")
    const ran = await run(
      step(["sh", "-c", "wc -c < /run/token; env; cat /proc/*/cmdline"], { secrets: { "/run/token": secret } }),
    )
    expect(ran.stdout.split("\n")[0]!.trim()).toBe("12")
    expect(ran.stdout + ran.stderr).not.toContain("s3cret-value")
  })

  cases("gives steps a folder that goes with the run; on Docker they share it", async () => {
    const shared = { "/shared": "words" }
    const one = await open()
    try {
      await one.engine.run(step(["sh", "-c", "echo word > /shared/word"], { shared }))
      const { stdout } = await one.engine.run(step(["ls", "/shared"], { shared }))
      expect(stdout).toBe(one.engine.name === "docker" ? "word\n" : "")
      expect((await run(step(["ls", "/shared"], { shared }))).stdout).toBe("")
    } finally {
      await one.engine.close()
    }
  })

  cases("keeps a cache from step to step", async () => {
    const caches = { "/cache": "conformance" }
    const word = `${Date.now()}`
    await run(step(["sh", "-c", `echo ${word} > /cache/word`], { caches, look: "again" }))
    expect((await run(step(["cat", "/cache/word"], { caches, look: "again" }))).stdout).toBe(`${word}\n`)
  })

  cases("has room of its own on disk for a step, empty each time", async () => {
    const fill = step(["sh", "-c", "ls -A /scratch; touch /scratch/x"], { scratch: ["/scratch"], look: "again" })
    await run(fill)
    expect((await run(fill)).stdout).toBe("")
  })

  cases("reaches a service by its name while it runs", async () => {
    const service: Service = {
      name: "conformance",
      image: "toolbox:registry",
      argv: ["docker-registry", "serve", "/etc/docker/registry/config.yml"],
      port: 5000,
    }
    const ran = await run(
      step(["skopeo", "list-tags", "--tls-verify=false", "docker://conformance:5000/nothing"], {
        services: { conformance: service },
        look: "again",
      }),
    )
    expect(ran.stderr).toMatch(/name unknown|repository name not known/i)
  })

  cases("says which step could not run, and why", async () => {
    const broken = step(["true"], { name: "a broken image", image: opened.engine.file("not.tar", "no archive") })
    await expect(run(broken)).rejects.toThrow(/not\.tar|a broken image/)
  })
})
