import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { registryAddress } from "../../cli/setup/registry.ts"
import { inHome } from "../../cli/state.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { Checkout, digestIn, fairlead, ship, tagsIn } from "./yard.ts"

const org = `e2e-${process.pid}-${Date.now()}`
let checkout: Checkout

beforeAll(async () => {
  checkout = await Checkout.make()
})
afterAll(() => checkout.remove())

const line = ["base-python", "base-utils", "base-cpu-pydeps", "family-web"]

describe("shipping a family", () => {
  it("builds it and what it stands on, looks through every gate and pushes with the blueprint's tag", async () => {
    const { exitCode, report } = await ship(checkout, org, "--family", "web")
    expect(exitCode).toBe(0)
    expect(report.families.map(({ family }) => family)).toEqual(line)
    for (const { family, verdict, gates, digest, ref } of report.families) {
      // Where no advisory source is reachable, nobody looked, and nothing says PASS.
      expect(["PASS", "UNCHECKED"], family).toContain(verdict)
      for (const [name, gate] of Object.entries(gates)) {
        const may = ["audit", "scan"].includes(name) ? ["PASS", "UNCHECKED"] : ["PASS"]
        expect(may, `${family} ${name}`).toContain(gate.verdict)
      }
      expect(ref).toBe(`${registryAddress()}/${org}/${family}:${report.tag}`)
      expect(await digestIn(org, family, report.tag)).toBe(digest)
    }
    const day = new Date().toISOString().slice(0, 10).replaceAll("-", "")
    expect(report.tag).toBe(`${day}-${(await checkout.head()).slice(0, 7)}`)
  })

  it("stays within the sizes that were promised", async () => {
    const { report } = await ship(checkout, org, "--family", "web")
    const of = (name: string) => report.families.find(({ family }) => family === name)!.size
    expect(of("base-python").uncompressed).toBeLessThanOrEqual(120e6)
    expect(of("base-python").compressed).toBeLessThanOrEqual(45e6)
    expect(of("family-web").compressed).toBeLessThanOrEqual(70e6)
  })

  it("rebuilds nothing the second time", async () => {
    const { exitCode, report } = await ship(checkout, org, "--family", "web")
    expect(exitCode).toBe(0)
    expect(report.families.map(({ reused }) => reused)).toEqual(line.map(() => true))
  })

  it("runs from the registry as 10001 under tini and answers /health", async () => {
    const { report } = await ship(checkout, org, "--family", "web")
    const ref = report.families.at(-1)!.ref!
    const name = `${org}-web`
    try {
      await execa("docker", [
        "run",
        "--detach",
        "--name",
        name,
        "--read-only",
        "--cap-drop",
        "ALL",
        "--tmpfs",
        "/tmp",
        "--publish",
        "127.0.0.1::8100",
        "--env",
        "PORT=8000",
        "--env",
        "HEALTH_PORT=8100",
        "--mount",
        `type=bind,src=${checkout.root}/apps/reference,dst=/app,readonly`,
        ref,
        "python",
        "/app/main.py",
      ])
      const { stdout: published } = await execa("docker", ["port", name, "8100/tcp"])
      const health = await answered(`http://${published.trim()}/health`)
      expect(health).toEqual({ status: 200, body: { status: "ok" } })
      const { stdout: first } = await execa("docker", ["exec", name, "cat", "/proc/1/comm"])
      const { stdout: owner } = await execa("docker", ["exec", name, "stat", "-c", "%u:%g", "/proc/1"])
      expect([first, owner]).toEqual(["tini", "10001:10001"])
    } finally {
      await execa("docker", ["rm", "--force", "--volumes", name], { reject: false })
      await execa("docker", ["image", "rm", ref], { reject: false })
    }
  })

  it("keeps the release before under -prev", async () => {
    const before = await ship(checkout, org, "--family", "base")
    await checkout.change("dockerfiles/base-python.Dockerfile", (text) =>
      text.replace(/^USER /m, 'LABEL dev.fairlead.test="prev"\nUSER '),
    )
    const after = await ship(checkout, org, "--family", "base")
    const [old, now] = [before, after].map(({ report }) => report.families[0]!.digest)
    expect(now).not.toBe(old)
    expect(await digestIn(org, "base-python", `${after.report.tag}-prev`)).toBe(old)
    expect(after.report.families[0]!.previous).toBe(old)
  })
})

describe("a broken fact of the blueprint", () => {
  const broken = [
    { fact: "user", names: /user: .*root|user: .*0:0/, break: "USER root" },
    { fact: "no tini", names: /tini/, break: "USER 0:0\nRUN rm -f /usr/bin/tini\nUSER 10001:10001" },
    { fact: "a compiler left", names: /gcc/, break: "USER 0:0\nRUN cp /bin/true /usr/bin/gcc\nUSER 10001:10001" },
    {
      fact: "torch in another version than the frozen one",
      names: /torch/,
      break:
        "USER 0:0\nRUN d=$(python -c 'import site; print(site.getsitepackages()[0])')/torch-2.3.1.dist-info && mkdir $d && printf 'Metadata-Version: 2.1\\nName: torch\\nVersion: 2.3.1\\n' > $d/METADATA\nUSER 10001:10001",
    },
  ]

  it.each(broken)("stops the release and is named: $fact", async ({ names, break: lines }) => {
    const own = await Checkout.make()
    try {
      await own.change("dockerfiles/family-web.Dockerfile", (text) => `${text.trimEnd()}\n${lines}\n`)
      const { exitCode, report } = await ship(own, org, "--family", "web")
      expect(exitCode).toBe(1)
      const web = report.families.at(-1)!
      expect(web.verdict).toBe("FAIL")
      expect(JSON.stringify(web.gates.contract!.findings)).toMatch(names)
      for (const family of line) expect(await digestIn(org, family, report.tag)).toBeUndefined()
      expect(report.families.map(({ reused }) => reused)).toEqual([true, true, true, false])
    } finally {
      await own.remove()
    }
  })
})

describe("a family that cannot be built", () => {
  it("stops its children and nothing else, and is told at the end with exit code 3", async () => {
    const own = await Checkout.make()
    try {
      await own.change("dockerfiles/base-cpu-pydeps.Dockerfile", (text) => `${text.trimEnd()}\nRUN exit 7\n`)
      const argv = ["ship", "--family", "utils", "--family", "web", "--registry", `${registryAddress()}/${org}-half`]
      const told = await fairlead(argv, { cwd: own.root })
      expect([told.exitCode, told.stdout]).toEqual([3, ""])
      expect(told.stderr).toContain("build base-cpu-pydeps")
      expect(told.stderr).toContain("exit code: 7")
      const released = line.map((family) => digestIn(`${org}-half`, family, "current"))
      expect((await Promise.all(released)).map((each) => each !== undefined)).toEqual([true, true, false, false])
    } finally {
      await own.remove()
    }
  })
})

describe("what ship refuses", () => {
  it("uncommitted changes, by name, with exit code 2", async () => {
    const own = await Checkout.make()
    try {
      await execa("sh", ["-c", "echo >> fleet.yaml"], { cwd: own.root })
      const told = await fairlead(["ship", "--family", "web"], { cwd: own.root })
      expect(told.exitCode).toBe(2)
      expect(told.stderr).toContain("git: uncommitted changes: fleet.yaml")
    } finally {
      await own.remove()
    }
  })

  it("a family that is not there, with the nearest name", async () => {
    const told = await fairlead(["ship", "--family", "wbe"], { cwd: checkout.root })
    expect(told.exitCode).toBe(2)
    expect(told.stderr).toContain("web")
    expect(told.stderr).not.toMatch(/\n\s+at /)
  })
})

describe("Ctrl-C", () => {
  it("leaves no container and no folder of the run behind", async () => {
    const own = await Checkout.make()
    try {
      const folders = await readdir(inHome("runs"))
      const argv = ["ship", "--family", "web", "--no-cache", "--registry", `${registryAddress()}/${org}-c`]
      const child = execa(join(fairleadRoot, "fairlead"), argv, { cwd: own.root, reject: false })
      for (let waited = 0; (await running()) === "" && waited < 600; waited++) await sleep(100)
      child.kill("SIGINT")
      expect((await child).exitCode).toBe(130)
      expect(await running()).toBe("")
      expect(await readdir(inHome("runs"))).toEqual(folders)
      expect(await tagsIn(`${org}-c`, "family-web")).toEqual([])
    } finally {
      await own.remove()
    }
  })
})

/** Containers of steps, whoever's. */
const running = async (): Promise<string> =>
  (await execa("docker", ["ps", "--all", "--quiet", "--filter", "label=dev.fairlead.run"])).stdout

/** Asks until something answers: the container has only just started. */
async function answered(url: string): Promise<{ status: number; body: unknown }> {
  for (let attempt = 0; attempt < 50; attempt++) {
    // With a time-out: Docker's proxy takes connections before the container does, and Node has waited for one for ever.
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) })
      .then(async (told) => ({ status: told.status, body: await told.json() }))
      .catch(() => undefined)
    if (answer) return answer
    await sleep(200)
  }
  throw new Error(`nothing answers at ${url}`)
}
