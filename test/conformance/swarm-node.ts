import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { execa } from "execa"
import { sshKey } from "../../cli/demo/key.ts"
import { toolboxImage, toolboxPart } from "../../cli/setup/toolbox.ts"

/** A Docker swarm of one node, in a container of the demo hosts' image: a Docker of its own, that nobody else uses. */
export class SwarmNode {
  private constructor(
    private readonly container: string,
    private readonly folder: string,
  ) {}

  /** Offers so many GPUs, and has `files` in /srv/fleet. */
  static async start(gpus: number, files: Readonly<Record<string, string>>): Promise<SwarmNode> {
    const part = toolboxPart("host")
    if ((await part.look()).state !== "ready") await part.ready(console.warn)
    const folder = await mkdtemp(join(tmpdir(), "swarm-"))
    const daemon = { features: { "containerd-snapshotter": true }, "node-generic-resources": [`NVIDIA-GPU=${gpus}`] }
    const given = {
      ...files,
      "daemon.json": JSON.stringify(daemon),
      "host.json": "{}",
      authorized_keys: "",
      ssh_host_ed25519_key: sshKey().private,
    }
    for (const [name, text] of Object.entries(given)) await writeFile(join(folder, name), text, { mode: 0o600 })
    const node = new SwarmNode(`fairlead-test-swarm-${process.pid}`, folder)
    const mounts = [
      `type=bind,src=${folder},dst=/mnt/fairlead-demo,readonly`,
      `type=bind,src=${folder},dst=/srv/fleet,readonly`,
      `type=bind,src=${join(folder, "daemon.json")},dst=/etc/docker/daemon.json,readonly`,
      "type=volume,dst=/var/lib/docker",
    ].flatMap((mount) => ["--mount", mount])
    const how = ["--detach", "--privileged", "--cgroupns", "private", "--tmpfs", "/run:mode=0755"]
    await execa("docker", ["run", "--name", node.container, ...how, ...mounts, await toolboxImage("host")])
    await node.until(60, async () => (await node.docker("info")).exitCode === 0)
    const made = await node.docker("swarm", "init")
    if (made.exitCode !== 0) throw new Error(made.stderr)
    return node
  }

  /** Docker's own tool on the node; its exit code is data. */
  docker = (...argv: string[]) => execa("docker", ["exec", this.container, "docker", ...argv], answering)

  /** The same in a shell, for variables and pipes of fixed text. */
  shell = (script: string, env: Record<string, string> = {}) => {
    const told = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`])
    return execa("docker", ["exec", "--workdir", "/srv/fleet", ...told, this.container, "sh", "-c", script], answering)
  }

  /** An image of an OCI archive, under a name. */
  async load(archive: string, name: string): Promise<void> {
    const argv = ["exec", "--interactive", this.container, "docker", "load"]
    const { stdout } = await execa("docker", argv, { inputFile: archive })
    const id = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0]
    const tagged = await this.docker("tag", id ?? "", name)
    if (tagged.exitCode !== 0) throw new Error(`${stdout}\n${tagged.stderr}`)
  }

  async until<T>(seconds: number, ask: () => Promise<T | undefined | false>): Promise<T> {
    for (const deadline = Date.now() + seconds * 1000; ; await sleep(500)) {
      const answer = await ask()
      if (answer) return answer
      if (Date.now() > deadline) throw new Error(`not within ${seconds} s`)
    }
  }

  async stop(): Promise<void> {
    await execa("docker", ["rm", "--force", "--volumes", this.container], answering)
    await rm(this.folder, { recursive: true, force: true })
  }
}

const answering = { reject: false, stdin: "ignore" } as const
