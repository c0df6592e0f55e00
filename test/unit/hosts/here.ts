import { spawnSync } from "node:child_process"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Artifact, Engine, Ran, Step } from "../../../dagger/lib/engine/engine.ts"

/** Runs steps on this machine, with a program of the test's in place of OpenSSH, and keeps what each was made of. */
export class Here {
  readonly steps: Step[] = []
  private readonly folder = mkdtempSync(join(tmpdir(), "steps-"))
  private count = 0

  /** @param ssh A shell script that does what ssh would. */
  constructor(ssh: string) {
    writeFileSync(join(this.folder, "ssh"), `#!/bin/sh\n${ssh}\n`, { mode: 0o755 })
  }

  /** The text of an input of a step. */
  static text = (step: Step, path: string): string => String(step.inputs?.[path]?.handle)

  engine(): Engine {
    const file = (name: string, text: string): Artifact => ({ kind: "file", name, handle: text })
    const run = async (step: Step): Promise<Ran> => {
      this.steps.push(step)
      const paths = new Map(
        Object.entries(step.inputs ?? {}).map(([path, each]) => [path, this.kept(String(each.handle))]),
      )
      const [command, ...argv] = step.argv.map((word) => paths.get(word) ?? word) as [string, ...string[]]
      const env = { PATH: `${this.folder}:${process.env.PATH}`, ...step.env }
      const { status, stdout, stderr } = spawnSync(command, argv, { env, encoding: "utf8", maxBuffer: 1e8 })
      return { exitCode: status ?? -1, stdout, stderr, outputs: {}, seconds: 0 }
    }
    return { name: "docker", parts: new Set(), file, run } as unknown as Engine
  }

  private kept(text: string): string {
    const path = join(this.folder, `input-${++this.count}`)
    writeFileSync(path, text)
    return path
  }
}
