import { readdir, readFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { execa } from "execa"
import { afterAll, beforeAll, expect } from "vitest"
import { type DemoYard, demoYard, inYard } from "../../cli/demo/yard.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { fairlead } from "./yard.ts"

/** A yard of its own, beside the owner's. */
export const name = `test-${process.pid}`
const env = { FAIRLEAD_DEMO: name }

/** `fairlead demo …` on that yard. */
export const demo = (...argv: string[]) => fairlead(["demo", ...argv], { cwd: fairleadRoot, env })
export const docker = (...argv: string[]) => execa("docker", argv, { reject: false, stdin: "ignore" })

/** Runs a command on a host as the user would, by OpenSSH and the files that `demo up` wrote. */
export const ssh = (host: string, command: string, ...options: string[]) =>
  execa("ssh", ["-F", inYard("ssh_config"), ...options, host, command], { reject: false, stdin: "ignore" })

/** What Docker has of the yard. */
export async function labelled(): Promise<string[]> {
  const filter = ["--filter", `label=dev.fairlead.demo=demo-${name}`]
  const lists = await Promise.all([
    docker("ps", "--all", ...filter, "--format", "{{.Names}}"),
    docker("network", "ls", ...filter, "--format", "{{.Name}}"),
    docker("volume", "ls", ...filter, "--format", "{{.Name}}"),
  ])
  return lists.flatMap(({ stdout }) => stdout.split("\n").filter(Boolean))
}

/** The files behind loop devices, as the kernel knows them. */
export async function loopDevices(): Promise<string[]> {
  const devices = (await readdir("/sys/block").catch(() => [])).filter((each) => each.startsWith("loop"))
  const files = devices.map(async (each) => {
    const file = await readFile(`/sys/block/${each}/loop/backing_file`, "utf8").catch(() => undefined)
    return file === undefined ? [] : [`${each} ${file.trim()}`]
  })
  return (await Promise.all(files)).flat()
}

/** Asks again and again until there is an answer. */
export async function until<T>(seconds: number, ask: () => Promise<T | undefined | false>): Promise<T> {
  for (const deadline = Date.now() + seconds * 1000; ; await sleep(200)) {
    const answer = await ask()
    if (answer) return answer
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s`)
  }
}

/** Has the yard up while the tests of a file run. */
export function whileUp(...options: string[]): { yard: DemoYard; loopsBefore: string[] } {
  const up = { loopsBefore: [] } as unknown as { yard: DemoYard; loopsBefore: string[] }
  beforeAll(async () => {
    process.env.FAIRLEAD_DEMO = name
    up.loopsBefore = await loopDevices()
    const told = await demo("up", ...options)
    expect(told.exitCode, told.stderr + told.stdout).toBe(0)
    up.yard = (await demoYard())!
  })
  afterAll(async () => {
    await demo("down")
    delete process.env.FAIRLEAD_DEMO
  })
  return up
}
