/**
 * Fairlead takes a fleet of container images from plan to running service and back.
 *
 * Everything is read from the fleet.yaml of the calling repository. Builds are bit for bit the same here and with
 * `./fairlead` on Docker.
 */
import {
  argument,
  check,
  type Directory,
  dag,
  type File,
  func,
  object,
  type Secret,
  type Service,
} from "@dagger.io/dagger"
import { buildCall, builtText, gateCall, planCall, risksCall, shipCall, verifyCall } from "../lib/module/calls.ts"
import { lintCall, requireLocks } from "../lib/module/checks.ts"
import { newFleet } from "../lib/module/init.ts"
import { openSource, type Site } from "../lib/module/yard.ts"
import { familiesText } from "../lib/report/families.ts"
import { planText } from "../lib/report/plan.ts"
import { allComposeFiles } from "../lib/rollout/compose.ts"
import { composeFolder, requireRendered } from "../lib/rollout/drift.ts"
import { Build } from "./build.ts"

@object()
export class Fairlead {
  source: Directory
  toolbox?: Directory
  bases?: Directory
  registry?: string
  registryService?: Service
  registryAuth?: Secret
  ca?: Secret
  signingKey?: Secret
  signingPassword?: Secret
  advisories?: Directory

  /**
   * @param source The fleet's repository: fleet.yaml and what it names. Default: the caller's.
   * @param toolbox Archives of the toolbox as `./fairlead setup --dagger` keeps them. Default: built from this module.
   * @param bases OCI layouts of the base images as `./fairlead setup --dagger` keeps them. Default: pulled by name.
   * @param registry Where images go, "host[:port][/org]". Default: as in fleet.yaml.
   * @param registryService A registry on your own loopback, such as tcp://127.0.0.1:5000.
   * @param registryAuth Registry credentials, as a Docker config.json: file://$HOME/.docker/config.json.
   * @param ca A bundle of CA certificates for builds behind a TLS-intercepting proxy. It never reaches a layer.
   * @param signingKey A cosign.key that signs release records: file://cosign.key. Default: nothing is signed.
   * @param signingPassword The password of that key, if it has one: env://COSIGN_PASSWORD.
   * @param advisories A folder of OSV records that audit and scan look things up in. Default: as fleet.yaml says.
   */
  constructor(
    @argument({
      defaultPath: "/",
      ignore: ["**", "!.git", "!fleet.yaml", "!risks.yaml", "!dockerfiles/**", "!apps/**", "!compose/**"],
    })
    source: Directory,
    toolbox?: Directory,
    bases?: Directory,
    registry?: string,
    registryService?: Service,
    registryAuth?: Secret,
    ca?: Secret,
    signingKey?: Secret,
    signingPassword?: Secret,
    advisories?: Directory,
  ) {
    this.source = source
    this.toolbox = toolbox
    this.bases = bases
    this.registry = registry
    this.registryService = registryService
    this.registryAuth = registryAuth
    this.ca = ca
    this.signingKey = signingKey
    this.signingPassword = signingPassword
    this.advisories = advisories
  }

  /**
   * A fleet to start from: one family, one service, one host; it ships as it is. `init export --path .` writes it. Fails
   * where another file has a name of it: nothing is overwritten.
   * @param name The fleet's name, and its images' folder in the registry.
   */
  @func()
  async init(name: string = "my-fleet"): Promise<Directory> {
    return newFleet(dag, this.source, name)
  }

  /** The hierarchy as a table: parent, alias, size budget (bytes in the registry), services; then the app images on it. */
  @func()
  async families(): Promise<string> {
    return familiesText((await openSource(this.source)).fleet)
  }

  /**
   * What would be built and why, as a table. Changes nothing.
   * @param family Families or aliases. Default: every family with a Dockerfile.
   * @param app Apps, for their images on every family.
   * @param service Services, for the images that they run.
   */
  @func({ cache: "never" })
  async plan(family: string[] = [], app: string[] = [], service: string[] = []): Promise<string> {
    return planText(await planCall(this.site(), { families: family, apps: app, services: service }))
  }

  /**
   * Build a family and what it stands on. Nothing is pushed.
   * @param family A family or its alias, such as "web".
   * @param machine A host whose machine profile is built in. Default: none.
   * @param noCache Build everything anew. Default: false.
   */
  @func({ cache: "never" })
  async build(family: string, machine?: string, noCache: boolean = false): Promise<Build> {
    const { built, plan } = await buildCall(this.site(), family, machine, noCache)
    return new Build(
      built.family,
      built.digest,
      plan.tag,
      await fileOf(built.archive),
      await fileOf(built.sbom),
      builtText(built, plan),
    )
  }

  /**
   * Check every fact of the blueprint on a family's built image. Fails with each fact that does not hold.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async contract(family: string): Promise<string> {
    return gateCall(this.site(), family, "contract")
  }

  /**
   * Start a family's image as it will run, ask /health, stop it. Fails when it does not answer or stop in time.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async smoke(family: string): Promise<string> {
    return gateCall(this.site(), family, "smoke")
  }

  /**
   * Look up a family's Python packages in advisories, import what it promises, and find missing libraries.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async audit(family: string): Promise<string> {
    return gateCall(this.site(), family, "audit")
  }

  /**
   * Look up known weaknesses of what is installed in a family's image, secrets in its layers, ends of life. Fails with each
   * that policy.advisories does not let pass, and what would unblock it.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async scan(family: string): Promise<string> {
    return gateCall(this.site(), family, "scan")
  }

  /**
   * Check that the SBOM of a family's image lists everything that is installed, and that the image carries it.
   * The document itself is `build --family … sbom`.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async sbom(family: string): Promise<string> {
    return gateCall(this.site(), family, "sbom")
  }

  /**
   * Compare a family's image with its size budget. Fails over the budget, naming the biggest layers and packages.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async size(family: string): Promise<string> {
    return gateCall(this.site(), family, "size")
  }

  /**
   * Build families, look through every gate, publish what passed. Fails with every finding when a gate does.
   * @param family Families or aliases. Default: every family with a Dockerfile.
   * @param dryRun Stop before the first write to a registry. Default: false.
   * @param allowDirty Ship uncommitted changes; the tag then ends in -dirty. Default: false.
   * @param noCache Build everything anew. Default: false.
   * @param app Apps, for their images on every family.
   * @param service Services, for the images that they run.
   */
  @func({ cache: "never" })
  async ship(
    family: string[] = [],
    dryRun: boolean = false,
    allowDirty: boolean = false,
    noCache: boolean = false,
    app: string[] = [],
    service: string[] = [],
  ): Promise<string> {
    const asked = { families: family, apps: app, services: service }
    return (await shipCall(this.site(), { ...asked, dryRun, allowDirty, noCache })).text
  }

  /**
   * The same as ship; answers the report as JSON (docs/schema/ship.schema.json).
   * @param family Families or aliases. Default: every family with a Dockerfile.
   * @param dryRun Stop before the first write to a registry. Default: false.
   * @param allowDirty Ship uncommitted changes; the tag then ends in -dirty. Default: false.
   */
  @func({ cache: "never" })
  async shipReport(family: string[] = [], dryRun: boolean = false, allowDirty: boolean = false): Promise<File> {
    const { report } = await shipCall(this.site(), { families: family, dryRun, allowDirty })
    return dag.directory().withNewFile("ship.json", JSON.stringify(report)).file("ship.json")
  }

  /** The accepted risks of risks.yaml: who answers for them, and until when. */
  @func({ cache: "never" })
  async risks(): Promise<string> {
    return risksCall(this.source)
  }

  /**
   * Whether a published image has a good record that a trusted key signed, as text. Fails when it has not.
   * @param ref "host/org/family:tag", "…@sha256:…", or a family: what is released now.
   */
  @func({ cache: "never" })
  async verify(ref: string): Promise<string> {
    return verifyCall(this.site(), ref)
  }

  /** What each host runs, as compose files that work by hand: compose/ of the repository. */
  @func()
  async compose(): Promise<Directory> {
    const { fleet } = await openSource(this.source)
    return Object.entries(allComposeFiles(fleet)).reduce(
      (folder, [name, text]) => folder.withNewFile(name, text),
      dag.directory(),
    )
  }

  /** The files in compose/ are what fleet.yaml says. */
  @func()
  @check()
  async composeIsUpToDate(): Promise<void> {
    const { root, fleet } = await openSource(this.source)
    await requireRendered(`${root}/${composeFolder}`, allComposeFiles(fleet))
  }

  /** Every lock has hashes, what its source wants, and the versions that the fleet froze. Asks no package index. */
  @func()
  @check()
  async locksMatch(): Promise<void> {
    await requireLocks(this.source)
  }

  /** hadolint finds nothing in the Dockerfiles that fleet.yaml names. */
  @func()
  @check()
  async dockerfilesAreClean(): Promise<void> {
    await lintCall(this.site())
  }

  /** fleet.yaml and risks.yaml are sound: types, names, references, ports, days. */
  @func()
  @check()
  async fleetIsSound(): Promise<void> {
    await risksCall(this.source)
  }

  private site(): Site {
    const { source, toolbox, bases, registry, registryService, registryAuth, ca, signingKey, signingPassword } = this
    const { advisories } = this
    return {
      ...{ dag, source, toolbox, bases, registry, registryService, registryAuth, ca },
      ...{ signingKey, signingPassword, advisories },
    }
  }
}

const fileOf = async ({ handle }: { handle: unknown }): Promise<File> => (await handle) as File
