import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createConnection } from "node:net"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { sshKey } from "../../cli/demo/key.ts"
import { type Report, reportsAt } from "../../cli/demo/observability.ts"
import { demoYard, inYard } from "../../cli/demo/yard.ts"
import { registryAddress } from "../../cli/setup/registry.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { demo, docker, labelled, ssh, until, whileUp } from "./demo-yard.ts"
import { Checkout, ship } from "./yard.ts"

const org = `demo-${process.pid}-${Date.now()}`
const up = whileUp()

const connects = (host: string, port: number): Promise<boolean> =>
  new Promise((answer) => {
    const socket = createConnection({ host, port, timeout: 2000 })
    const end = (did: boolean) => {
      socket.destroy()
      answer(did)
    }
    socket.once("connect", () => end(true))
    for (const event of ["error", "timeout"]) socket.once(event, () => end(false))
  })

const hosts = ["mainpc", "pc2"]

describe("demo up", () => {
  it("writes down how each host of fleet.yaml is reached, and touches no fleet.yaml", async () => {
    expect(Object.keys(up.yard.hosts)).toEqual(hosts)
    for (const host of hosts) {
      expect(up.yard.hosts[host]).toMatchObject({ address: "127.0.0.1", user: "fairlead", gpu: { standIn: true } })
    }
    expect((await execa("git", ["status", "--porcelain", "fleet.yaml"], { cwd: fairleadRoot })).stdout).toBe("")
  })

  it("changes nothing the second time", async () => {
    const before = await docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", ...(await containers()))
    const started = performance.now()
    const told = await demo("up")
    console.log(`second demo up: ${((performance.now() - started) / 1000).toFixed(1)} s`)
    expect([told.exitCode, told.stdout]).toEqual([0, expect.stringContaining("was up already")])
    expect((await docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", ...(await containers()))).stdout).toBe(
      before.stdout,
    )
  })

  it("publishes on loopback only", async () => {
    const ports = [...hosts.map((host) => up.yard.hosts[host]!.port), Number(new URL(up.yard.observability.url).port)]
    const others = Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).filter(({ internal, family }) => !internal && family === "IPv4").map(({ address }) => address),
    )
    for (const port of ports) {
      expect(await connects("127.0.0.1", port)).toBe(true)
      for (const address of others)
        expect([address, port, await connects(address, port)]).toEqual([address, port, false])
    }
  })

  it.each(hosts)("%s takes SSH with its key, and runs a Docker of its own with the containerd store", async (host) => {
    const info = await ssh(host, "docker info --format '{{json .}}'")
    expect(info.exitCode, info.stderr).toBe(0)
    const { Name, DriverStatus, ServerVersion, Containers } = JSON.parse(info.stdout)
    expect([Name, Containers]).toEqual([host, 0])
    expect(DriverStatus).toContainEqual(["driver-type", "io.containerd.snapshotter.v1"])
    expect(Number.parseInt(ServerVersion, 10)).toBeGreaterThanOrEqual(23)
    expect((await ssh(host, "docker compose version --short")).stdout).toMatch(/^2\./)
  })

  it.each([
    ["mainpc", "NVIDIA GeForce RTX 4090, 550.90, 24564 MiB"],
    ["pc2", "NVIDIA GeForce RTX 3060, 545.23, 12288 MiB"],
  ])("%s has an nvidia-smi that answers, and says that it stands in", async (host, line) => {
    const asked = await ssh(host, "nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader")
    expect(asked.stdout).toBe(line)
    expect(JSON.parse((await ssh(host, "cat /etc/fairlead-demo/host.json")).stdout)).toMatchObject({
      host,
      gpu: { standIn: true },
    })
  })

  it("lets the hosts find each other and the receiver by name", async () => {
    for (const host of hosts) {
      const found = await ssh(host, "getent hosts mainpc pc2 observability")
      expect([host, found.exitCode]).toEqual([host, 0])
    }
    const other = await ssh("mainpc", "timeout 5 bash -c 'exec 3<>/dev/tcp/pc2/22; head -c 8 <&3'")
    expect(other.stdout).toBe("SSH-2.0-")
  })
})

const containers = async () =>
  (await labelled()).filter((each) => /-(mainpc|pc2|observability)$/.test(each)).slice(0, 3)

describe("SSH", () => {
  it("is refused to whoever has another key", async () => {
    const folder = await mkdtemp(join(tmpdir(), "key-"))
    try {
      await writeFile(join(folder, "key"), sshKey().private, { mode: 0o600 })
      const config = (await readFile(inYard("ssh_config"), "utf8")).replaceAll(
        up.yard.hosts.mainpc!.identityFile,
        join(folder, "key"),
      )
      await writeFile(join(folder, "config"), config)
      const { exitCode, stderr } = await execa("ssh", ["-F", join(folder, "config"), "mainpc", "id"], { reject: false })
      expect([exitCode, stderr]).toEqual([255, expect.stringContaining("Permission denied (publickey)")])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it("is refused by the client where the host shows another key than was written down", async () => {
    expect((await demo("break", "pc2", "key")).exitCode).toBe(0)
    const { exitCode, stderr } = await ssh("pc2", "id")
    expect([exitCode, stderr]).toEqual([255, expect.stringContaining("Host key verification failed")])
    expect((await demo("mend", "pc2")).exitCode).toBe(0)
    expect((await ssh("pc2", "hostname")).stdout).toBe("pc2")
  })
})

describe("a family from the embedded registry", () => {
  let ref: string
  let digest: string
  let checkout: Checkout
  let tunnel: ChildProcess | undefined
  beforeAll(async () => {
    checkout = await Checkout.make()
    const { exitCode, report, stderr } = await ship(checkout, org, "--family", "web")
    expect(exitCode, stderr).toBe(0)
    digest = report.families.at(-1)!.digest
    ref = `${registryAddress()}/${org}/family-web@${digest}`
  })
  afterAll(async () => {
    tunnel?.kill()
    await checkout.remove()
  })

  it("is not to be had on a host as long as nobody opens a tunnel", async () => {
    expect((await ssh("mainpc", `docker pull --quiet ${ref}`)).exitCode).toBe(1)
  })

  it("is pulled by the very same reference through an SSH reverse tunnel, and runs with the same digest", async () => {
    const forward = `${registryAddress()}:${registryAddress()}`
    tunnel = spawn("ssh", ["-F", inYard("ssh_config"), "-o", "ExitOnForwardFailure=yes", "-N", "-R", forward, "mainpc"])
    await until(10, async () => (await ssh("mainpc", `timeout 2 bash -c '</dev/tcp/127.0.0.1/5000'`)).exitCode === 0)
    const pulled = await ssh("mainpc", `docker pull --quiet ${ref}`)
    expect(pulled.exitCode, pulled.stderr).toBe(0)
    tunnel.kill()
    expect((await ssh("mainpc", `docker image inspect --format '{{.Id}}' ${ref}`)).stdout).toBe(digest)
    const ran = await ssh("mainpc", `docker run --rm --env FAIRLEAD_INGEST_URL=off ${ref} id`)
    expect(ran.stdout).toContain("uid=10001")
  })

  it("reports from within its container to the receiver, with image, commit and SBOM", async () => {
    await startService("Reporter", ref)
    const report = await until(30, async () => (await reports()).find(({ service }) => service === "Reporter"))
    expect(report).toMatchObject({ host: "mainpc", image: ref, sbom: { packages: expect.any(Number) } })
    const sbom = await fetch(`${up.yard.observability.url}/sboms/${report.sbom!.sha256}`).then((answer) =>
      answer.json(),
    )
    expect((sbom as { packages: unknown[] }).packages).toHaveLength(report.sbom!.packages)
    const status = await demo("status")
    expect([status.exitCode, status.stdout]).toEqual([0, expect.stringMatching(/mainpc +Reporter/)])
  })

  it("answers on a published port of its host, to the other host as well", async () => {
    const ask = (host: string, at: string) =>
      ssh(
        host,
        `python3 -c 'import urllib.request as u; print(u.urlopen("http://${at}:8100/health", timeout=5).read().decode())'`,
      )
    for (const [host, at] of [
      ["mainpc", "127.0.0.1"],
      ["pc2", "mainpc"],
    ] as const) {
      const answered = await until(20, async () => {
        const { exitCode, stdout } = await ask(host, at)
        return exitCode === 0 && stdout
      })
      expect(JSON.parse(answered)).toEqual({ status: "ok" })
    }
  })

  it.each([
    ["slow", "204 kept", ["slow", "6"]],
    ["failing", "503 told to fail", ["error", "503"]],
  ] as const)("finds a receiver that is %s, when a test wants one", async (_, told, fault) => {
    await demo("break", "observability", ...fault)
    await startService("Ill", ref)
    await until(30, async () => (await receiverLog()).includes(told))
    await demo("mend", "observability")
  })

  it("finds no receiver at all, when a test wants none", async () => {
    await demo("break", "observability", "down")
    expect((await demo("status")).stdout).toContain("the receiver does not answer")
    expect(await reportsAt(up.yard.observability.url)).toBeUndefined()
    await demo("mend", "observability")
    expect((await reports()).length).toBeGreaterThan(0)
  })

  const stateOf = async (field: string) =>
    (await ssh("mainpc", `docker inspect --format '{{.State.${field}}}' service`)).stdout

  it("is started again when its host is switched on after it lost its power", async () => {
    const before = await until(20, () => stateOf("StartedAt"))
    await demo("break", "mainpc", "power")
    expect((await demo("up")).exitCode).toBe(0)
    await until(20, async () => (await stateOf("Running")) === "true")
    expect(await stateOf("StartedAt")).not.toBe(before)
  })

  it("is still there after its host's dockerd was killed, which then starts again by itself", async () => {
    await demo("break", "mainpc", "docker")
    await until(30, async () => (await ssh("mainpc", "docker start service")).exitCode === 0)
    expect(await stateOf("Running")).toBe("true")
    expect((await ssh("mainpc", `docker image inspect --format '{{.Id}}' ${ref}`)).stdout).toBe(digest)
  })

  const reports = async (): Promise<Report[]> => (await reportsAt(up.yard.observability.url)) ?? []
  const receiverLog = async () => (await docker("logs", "--since", "60s", up.yard.observability.container)).stdout

  async function startService(service: string, image: string): Promise<void> {
    const script = [
      "docker rm --force service >/dev/null 2>&1; docker network inspect services >/dev/null 2>&1 || docker network create services",
      "mkdir -p app && cat >app/main.py",
      [
        "docker run --detach --name service --network services --restart unless-stopped --read-only --tmpfs /tmp",
        `--publish 8100:8100 --env PORT=8000 --env HEALTH_PORT=8100 --env FAIRLEAD_SERVICE=${service}`,
        `--env FAIRLEAD_IMAGE=${image} --volume ./app:/app:ro ${image} python /app/main.py`,
      ].join(" "),
    ].join(" && ")
    const input = await readFile(join(checkout.root, "apps/reference/main.py"))
    const { exitCode, stderr } = await execa("ssh", ["-F", inYard("ssh_config"), "mainpc", script], {
      input,
      reject: false,
    })
    expect(exitCode, stderr).toBe(0)
  }
})

describe("demo down", () => {
  it("leaves nothing but the keys where asked, and the next yard has the same ones", async () => {
    expect((await demo("down", "--keep-keys")).exitCode).toBe(0)
    expect(await labelled()).toEqual([])
    expect(await demoYard()).toBeUndefined()
    expect((await demo("up")).exitCode).toBe(0)
    expect((await demoYard())!.hosts.mainpc!.hostKey).toBe(up.yard.hosts.mainpc!.hostKey)
  })

  it("leaves nothing at all: no container, network, volume or file", async () => {
    expect((await demo("down")).exitCode).toBe(0)
    expect(await labelled()).toEqual([])
    expect(existsSync(inYard())).toBe(false)
    expect((await demo("down")).stdout).toContain("no yard was up")
  })
})
