import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { toolboxImage } from "../cli/setup/toolbox.ts"
import { fairleadRoot } from "../cli/version.ts"
import type { Arena } from "./arena.ts"
import { inOrder, Loop, targetsOf } from "./buildx.ts"
import { type Competitor, runs } from "./competitor.ts"
import type { BuildFleet } from "./fleet.ts"

/**
 * The same loop in a CI file whose author wants of each image what the blueprint's phases 2 and 3 want and every site can do:
 * it starts, its packages are written down (syft) and both are signed (cosign). Much less than Fairlead's gates look at.
 */
export class CheckedLoop implements Competitor {
  static readonly title = "loop with checks"
  readonly name = CheckedLoop.title
  private readonly loop: Loop
  constructor(
    readonly arena: Arena,
    private readonly fleet: BuildFleet,
  ) {
    this.loop = new Loop(arena, fleet)
  }

  standBy = async () => {
    // A person's key, which no run has to make.
    await runs([`${fairleadRoot}/fairlead`, "key"], { cwd: this.fleet.checkout.root, env: this.arena.env })
    await this.loop.standBy()
  }

  async ship(tag: string): Promise<object> {
    const file = await targetsOf(this.fleet)
    for (const name of inOrder(file)) {
      await this.loop.build(file, name, { tag, parents: tag })
      // What builds wheels is pushed as well, and is nobody's image.
      if (this.fleet.images.includes(name)) await this.check(name, tag)
    }
    return {}
  }

  private async check(name: string, tag: string): Promise<void> {
    const { arena } = this
    const image = `fleet/${name}:${tag}`
    const sboms = join(arena.home, "sboms")
    await mkdir(sboms, { recursive: true })
    await this.docker([
      ...["--pull", "always", "--network", "none", "--read-only", `${arena.registry}/${image}`],
      ...["python", "-c", "import ssl, sqlite3"],
    ])
    const tool = ["--pull", "never", "--network", arena.network, "--volume", `${sboms}:/sboms`]
    await this.docker([
      ...[...tool, "--env", "SYFT_REGISTRY_INSECURE_USE_HTTP=true", "--env", "SYFT_CHECK_FOR_APP_UPDATE=false"],
      ...["--entrypoint", "syft", await toolboxImage("sbom"), "scan", `registry:registry:5000/${image}`],
      ...["--output", `spdx-json=/sboms/${name}.json`],
    ])
    const cosign = [
      ...[...tool, "--volume", `${join(arena.home, "keys")}:/keys:ro`, "--env", "COSIGN_PASSWORD="],
      ...["--entrypoint", "cosign", await toolboxImage("sign")],
    ]
    const by = ["--key", "/keys/cosign.key", "--tlog-upload=false", "--allow-http-registry", "--yes"]
    await this.docker([...cosign, "sign", ...by, `registry:5000/${image}`])
    const sbom = ["--type", "spdxjson", "--predicate", `/sboms/${name}.json`]
    await this.docker([...cosign, "attest", ...by, ...sbom, `registry:5000/${image}`])
  }

  private docker = (argv: readonly string[]) =>
    runs(["docker", "run", "--rm", ...argv], { cwd: this.arena.home, env: {} })
}
