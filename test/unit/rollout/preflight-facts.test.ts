import { execFile, execFileSync } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"
import { Problem } from "../../../dagger/lib/problem.ts"
import { readFacts } from "../../../dagger/lib/rollout/preflight/facts.ts"

const told = (...lines: string[]) => ["fairlead-preflight=1", "user=me", ...lines, "end=1", ""].join("\n")
const refused = (text: string) => {
  try {
    readFacts(text, "one")
  } catch (error) {
    if (error instanceof Problem) return [error.exitCode, error.message]
    throw error
  }
  return undefined
}
const id = `sha256:${"a".repeat(64)}`

describe("what a host answers to preflight", () => {
  it("is read as facts", () => {
    const facts = readFacts(
      told(
        ...["docker=26.1.5+dfsg1", "compose=2.26.1-4", "store=containerd", "disk=1000|/var/lib/docker", `image=${id}`],
        "container=tiered_responder|running|0.0.0.0:8100->8100/tcp, [::]:7100-7102->7100-7102/tcp, 99/tcp|my-fleet|TieredResponder",
        ...[
          `back=gone|${id}|small/web:current|TieredResponder`,
          "deployed=gone|127.0.0.1:5000/small/web:1",
          "gpu=550.90, NVIDIA GeForce RTX 4090",
          "listens=1FA4",
          "registry=401",
        ],
      ),
      "one",
    )
    expect(facts).toEqual({
      ...{
        user: "me",
        endsWithLogin: false,
        wsl: false,
        demo: false,
        login: false,
        sound: [],
        listens: [8100],
        registry: 401,
      },
      disk: { folder: "/var/lib/docker", freeBytes: 1_024_000 },
      gpus: [{ driver: "550.90", name: "NVIDIA GeForce RTX 4090" }],
      docker: {
        ...{ version: "26.1.5+dfsg1", compose: "2.26.1-4", store: "containerd", images: [id] },
        containers: [
          {
            ...{ name: "tiered_responder", state: "running", fleet: "my-fleet", service: "TieredResponder" },
            ports: [8100, 7100, 7101, 7102],
          },
        ],
        back: [{ service: "TieredResponder", image: id, ref: "small/web:current", present: false }],
        deployed: [{ ref: "127.0.0.1:5000/small/web:1", present: false }],
      },
    })
  })

  it("may come after what a login shell says of itself", () => {
    expect(readFacts(`Welcome to one!\ndocker=1.0\n${told("docker=26.1")}`, "one").docker).toMatchObject({
      version: "26.1",
    })
  })

  it.each([
    ["nothing", "", "never began"],
    ["a banner only", "Welcome\nend=1\n", "never began"],
    ["half of it", "fairlead-preflight=1\nuser=me\n", "cut off"],
    ["a line that is no fact", told("rm: cannot remove"), "no fact"],
    ["a fact that nobody knows", told("shell=zsh"), "shell"],
    ["the same fact twice", told("docker=26.1", "docker=23.0"), "docker"],
    ["a version that is none", told("docker=$(id)"), "docker"],
    ["a disk without a number", told("disk=|/var/lib/docker"), "disk"],
    ["an image that is no digest", told("image=latest"), "image"],
    ["a port that is none", told("listens=0x50"), "listens"],
    ["a driver that is none", told("gpu=$(id), RTX"), "gpu"],
    ["a status that is none", told("registry=2000"), "registry"],
    ["a prototype", told("__proto__=1"), "no fact"],
    ["a line without an end", told(`user=${"x".repeat(10_000)}`), "user"],
    ["more than a host can hold", told(...Array.from({ length: 3001 }, () => "listens=0050")), "listens"],
  ])("is refused where it is %s", (_, text, why) => {
    expect(refused(text)).toEqual([3, expect.stringContaining(why)])
  })

  it("bounds a range of ports that has no end", () => {
    const { docker } = readFacts(told("docker=26.1", "container=a|up|0.0.0.0:1-99999->1-99999/tcp||"), "one")
    expect(docker).toMatchObject({ containers: [{ ports: { length: 1000 } }] })
  })

  it.each([
    ["ok RTX 4090 (sm_89); RTX 3060 (sm_86)", { gpus: "RTX 4090 (sm_89); RTX 3060 (sm_86)" }],
    ["failed cuInit answered CUDA_ERROR_NO_DEVICE (100)", { error: "cuInit answered CUDA_ERROR_NO_DEVICE (100)" }],
    ["docker: Error response from daemon: could not select", { error: expect.stringContaining("could not select") }],
    ["", { error: expect.stringContaining("nothing was answered") }],
  ])("is of a GPU: %s", (line, cuda) => {
    expect(readFacts(told(`cuda=${line}`), "one")).toMatchObject({ cuda })
  })

  it.each([
    ['as 1 "root"', true],
    ['as 2 "root" "me"', false],
    ["", true],
  ])("says of what systemd ends with a login, but for %s", (excluded, endsWithLogin) => {
    expect(readFacts(told(`logind-ends=${excluded}`), "one")).toMatchObject({ endsWithLogin })
  })

  it("is what the script writes, here as well", () => {
    const script = fileURLToPath(new URL("../../../dagger/lib/rollout/preflight/facts.sh", import.meta.url))
    // No Docker is asked: the test is about the script, on whatever machine this is.
    const env = { ...process.env, DOCKER_HOST: "unix:///nowhere/docker.sock" }
    const facts = readFacts(execFileSync("sh", [script, "it's $(id)", ""], { encoding: "utf8", env }), "here")
    expect(facts.user).not.toBe("")
    expect(facts.docker).toHaveProperty("error")
    expect([facts.registry, facts.mirror]).toEqual([undefined, undefined])
  })

  it("holds what a mirror answers, with TLS and without", async () => {
    const script = fileURLToPath(new URL("../../../dagger/lib/rollout/preflight/facts.sh", import.meta.url))
    const env = { ...process.env, DOCKER_HOST: "unix:///nowhere/docker.sock" }
    const server = createServer((_, response) => response.writeHead(401).end())
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
    const mirror = `127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      const told = await promisify(execFile)("sh", [script, "fleet", "", "", mirror], { encoding: "utf8", env })
      expect(readFacts(told.stdout, "here").mirror).toEqual({ status: 0, plain: 401 })
    } finally {
      server.close()
    }
  })
})
