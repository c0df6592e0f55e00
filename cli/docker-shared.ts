import { execa } from "execa"
import { StepError } from "../dagger/lib/engine/engine.ts"
import { lifeOf } from "./setup/process.ts"
import { label } from "./state.ts"

const ofProcess = `${label}.process`

/** Volumes that the steps of one run share. Those of runs that were killed go with the next one that makes any. */
export class SharedFolders {
  private readonly made = new Map<string, Promise<string>>()

  constructor(private readonly run: string) {}

  volume(name: string): Promise<string> {
    const known = this.made.get(name)
    if (known) return known
    const making = this.make(`fairlead-run-${this.run}-${name}`)
    this.made.set(name, making)
    return making
  }

  async discard(name: string): Promise<void> {
    const making = this.made.get(name)
    if (!making) return
    this.made.delete(name)
    await execa("docker", ["volume", "rm", "--force", await making], { reject: false })
  }

  async remove(): Promise<void> {
    const names = (await Promise.allSettled(this.made.values())).flatMap((each) =>
      each.status === "fulfilled" ? [each.value] : [],
    )
    if (names.length > 0) await execa("docker", ["volume", "rm", "--force", ...names], { reject: false })
    this.made.clear()
  }

  private async make(volume: string): Promise<string> {
    await removeLeft()
    const labels = ["--label", `${label}=1`, "--label", `${ofProcess}=${process.pid}`]
    const { exitCode, all } = await execa("docker", ["volume", "create", ...labels, volume], {
      all: true,
      reject: false,
      stdin: "ignore",
    })
    if (exitCode !== 0) throw new StepError(`make the volume ${volume}`, { exitCode, output: all })
    return volume
  }
}

async function removeLeft(): Promise<void> {
  const argv = ["volume", "ls", "--filter", `label=${ofProcess}`, "--format", `{{.Name}} {{.Label "${ofProcess}"}}`]
  const { stdout } = await execa("docker", argv, { reject: false, stdin: "ignore" })
  const left = (stdout ?? "")
    .split("\n")
    .map((text) => text.split(" "))
    .filter(([name, pid]) => name && !lifeOf(Number(pid)))
    .map(([name]) => name!)
  // One that a container of the killed run still has stays until a later run.
  for (const volume of left) await execa("docker", ["volume", "rm", volume], { reject: false, stdin: "ignore" })
}
