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
  type Socket,
} from "@dagger.io/dagger"
import type { Site } from "#lib/module/yard.ts"
import { Build } from "./build.ts"

/**
 * What functions do, loaded by the one that is called: Dagger starts a process for each call, and one for the constructor.
 * `#lib` is a name of package.json: the SDK's introspector, which reads dagger/src in each of them, follows a path and
 * would read all of lib and its packages as well.
 */
const calls = () => import("#lib/module/calls.ts")
const checks = () => import("#lib/module/checks.ts")
const rollout = () => import("#lib/module/rollout.ts")
const starting = () => import("#lib/module/init.ts")

@object()
export class Fairlead {
  source: Directory
  toolbox?: Directory
  bases?: Directory
  registry?: string
  registryAuth?: Secret
  ca?: Secret
  signingKey?: Secret
  signingPassword?: Secret
  identityToken?: Secret
  advisories?: Directory
  yard?: File
  hostService: Service[]
  sshKey?: Secret
  sshAgent?: Socket
  builder?: string
  builderCa?: Secret
  builderCert?: Secret
  builderKey?: Secret

  /**
   * @param source The fleet's repository: fleet.yaml and what it names. Default: the caller's.
   * @param toolbox Archives of the toolbox as `./fairlead setup --dagger` keeps them. Default: built from this module.
   * @param bases OCI layouts of the base images as `./fairlead setup --dagger` keeps them. Default: pulled by name.
   * @param registry Where images go, "host[:port][/org]". Default: as in fleet.yaml.
   * @param registryAuth Registry credentials, as a Docker config.json: file://$HOME/.docker/config.json.
   * @param ca A bundle of CA certificates for builds behind a TLS-intercepting proxy. It never reaches a layer.
   * @param signingKey A cosign.key that signs release records: file://cosign.key. Default: nothing is signed.
   * @param signingPassword The password of that key, if it has one: env://COSIGN_PASSWORD.
   * @param identityToken An OIDC token of a CI, with the audience sigstore; it signs in place of a key: env://SIGSTORE_ID_TOKEN.
   * @param advisories A folder of OSV records that audit and scan look things up in. Default: as fleet.yaml says.
   * @param yard hosts.yaml of a demo that is up; its hosts serve in place of fleet.yaml's. Default: the hosts of fleet.yaml.
   * @param hostService A host on your own loopback, by its port, such as tcp://127.0.0.1:22001. Once for each such host.
   * @param sshKey The private key that logs in to hosts, without a passphrase: file://$HOME/.ssh/id_ed25519.
   * @param sshAgent An SSH agent that has that key, in place of --ssh-key: unix://$SSH_AUTH_SOCK.
   * @param builder A BuildKit on another machine, tcp://HOST:PORT; one on your loopback also as --host-service. Default: the
   *   toolbox's own, inside the engine.
   * @param builderCa Who signed that BuildKit's certificate: file://ca.pem. With it go --builder-cert and --builder-key.
   * @param builderCert The certificate that is shown to it: file://cert.pem.
   * @param builderKey That certificate's key: file://key.pem.
   */
  constructor(
    @argument({
      defaultPath: "/",
      ignore: [
        "**",
        "!.git",
        "!fleet.yaml",
        "!risks.yaml",
        "!dockerfiles/**",
        "!apps/**",
        "!compose/**",
        "!sigstore/**",
        "!.github/workflows/**",
        "!.forgejo/workflows/**",
        "!.gitlab-ci.yml",
        "!Jenkinsfile",
      ],
    })
    source: Directory,
    toolbox?: Directory,
    bases?: Directory,
    registry?: string,
    registryAuth?: Secret,
    ca?: Secret,
    signingKey?: Secret,
    signingPassword?: Secret,
    identityToken?: Secret,
    advisories?: Directory,
    yard?: File,
    hostService: Service[] = [],
    sshKey?: Secret,
    sshAgent?: Socket,
    builder?: string,
    builderCa?: Secret,
    builderCert?: Secret,
    builderKey?: Secret,
  ) {
    this.source = source
    this.toolbox = toolbox
    this.bases = bases
    this.registry = registry
    this.registryAuth = registryAuth
    this.ca = ca
    this.signingKey = signingKey
    this.signingPassword = signingPassword
    this.identityToken = identityToken
    this.advisories = advisories
    this.yard = yard
    this.hostService = hostService
    this.sshKey = sshKey
    this.sshAgent = sshAgent
    this.builder = builder
    this.builderCa = builderCa
    this.builderCert = builderCert
    this.builderKey = builderKey
  }

  /**
   * A fleet to start from: one family, one service, one host; it ships as it is. `init export --path .` writes it. Fails
   * where another file has a name of it: nothing is overwritten.
   * @param name The fleet's name, and its images' folder in the registry.
   */
  @func()
  async init(name: string = "my-fleet"): Promise<Directory> {
    return (await starting()).newFleet(dag, this.source, name)
  }

  /** The hierarchy as a table: parent, alias, size budget (bytes in the registry), services; then the app images on it. */
  @func()
  async families(): Promise<string> {
    return (await checks()).familiesCall(this.source)
  }

  /**
   * What would be built and why, as a table. Changes nothing.
   * @param family Families or aliases. Default: every family with a Dockerfile.
   * @param app Apps, for their images on every family.
   * @param service Services, for the images that they run.
   */
  // It follows from the source; only its tag has a day in it.
  @func({ cache: "5m" })
  async plan(family: string[] = [], app: string[] = [], service: string[] = []): Promise<string> {
    return (await calls()).planCall(this.site(), { families: family, apps: app, services: service })
  }

  /**
   * Build a family and what it stands on. Nothing is pushed.
   * @param family A family or its alias, such as "web".
   * @param machine A host whose machine profile is built in. Default: none.
   * @param noCache Build everything anew. Default: false.
   */
  @func({ cache: "never" })
  async build(family: string, machine?: string, noCache: boolean = false): Promise<Build> {
    const { built, tag, summary } = await (await calls()).buildCall(this.site(), family, machine, noCache)
    const [archive, sbom] = await Promise.all([built.archive, built.sbom].map(fileOf))
    return new Build(built.family, built.digest, tag, archive!, sbom!, summary)
  }

  /**
   * Check every fact of the blueprint on a family's built image. Fails with each fact that does not hold.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async contract(family: string): Promise<string> {
    return (await calls()).gateCall(this.site(), family, "contract")
  }

  /**
   * Start a family's image as it will run, ask /health, stop it. Fails when it does not answer or stop in time.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async smoke(family: string): Promise<string> {
    return (await calls()).gateCall(this.site(), family, "smoke")
  }

  /**
   * Look up a family's Python packages in advisories, import what it promises, and find missing libraries.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async audit(family: string): Promise<string> {
    return (await calls()).gateCall(this.site(), family, "audit")
  }

  /**
   * Look up known weaknesses of what is installed in a family's image, secrets in its layers, ends of life. Fails with each
   * that policy.advisories does not let pass, and what would unblock it.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async scan(family: string): Promise<string> {
    return (await calls()).gateCall(this.site(), family, "scan")
  }

  /**
   * Check that the SBOM of a family's image lists everything that is installed, and that the image carries it.
   * The document itself is `build --family … sbom`.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async sbom(family: string): Promise<string> {
    return (await calls()).gateCall(this.site(), family, "sbom")
  }

  /**
   * Compare a family's image with its size budget. Fails over the budget, naming the biggest layers and packages.
   * @param family A family or its alias.
   */
  @func({ cache: "never" })
  async size(family: string): Promise<string> {
    return (await calls()).gateCall(this.site(), family, "size")
  }

  /**
   * Build families, look through every gate, publish what passed. Fails with every finding when a gate does.
   * @param family Families or aliases. Default: every family with a Dockerfile.
   * @param dryRun Stop before the first write to a registry. Default: false.
   * @param allowDirty Ship uncommitted changes; the tag then ends in -dirty. Default: false.
   * @param noCache Build everything anew. Default: false.
   * @param app Apps, for their images on every family.
   * @param service Services, for the images that they run.
   * @param registryService A registry on your own loopback, such as tcp://127.0.0.1:5000.
   */
  @func({ cache: "never" })
  async ship(
    family: string[] = [],
    dryRun: boolean = false,
    allowDirty: boolean = false,
    noCache: boolean = false,
    app: string[] = [],
    service: string[] = [],
    registryService?: Service,
  ): Promise<string> {
    const asked = { families: family, apps: app, services: service, dryRun, allowDirty, noCache }
    return (await (await calls()).shipCall(this.site({ registryService }), asked)).text
  }

  /**
   * The same as ship; answers the report as JSON (docs/schema/ship.schema.json).
   * @param family Families or aliases. Default: every family with a Dockerfile.
   * @param dryRun Stop before the first write to a registry. Default: false.
   * @param allowDirty Ship uncommitted changes; the tag then ends in -dirty. Default: false.
   * @param registryService A registry on your own loopback, such as tcp://127.0.0.1:5000.
   */
  @func({ cache: "never" })
  async shipReport(
    family: string[] = [],
    dryRun: boolean = false,
    allowDirty: boolean = false,
    registryService?: Service,
  ): Promise<File> {
    const asked = { families: family, dryRun, allowDirty }
    const { report } = await (await calls()).shipCall(this.site({ registryService }), asked)
    return dag.directory().withNewFile("ship.json", JSON.stringify(report)).file("ship.json")
  }

  /** The accepted risks of risks.yaml: who answers for them, and until when. */
  // They follow from the source and the day.
  @func({ cache: "5m" })
  async risks(): Promise<string> {
    return (await calls()).risksCall(this.source)
  }

  /**
   * Whether a published image has a good record that somebody trusted signed, as text. Fails when it has not.
   * @param ref "host/org/family:tag", "…@sha256:…", or a family: what is released now.
   * @param registryService A registry on your own loopback, such as tcp://127.0.0.1:5000.
   */
  @func({ cache: "never" })
  async verify(ref: string, registryService?: Service): Promise<string> {
    return (await calls()).verifyCall(this.site({ registryService }), ref)
  }

  /**
   * What would keep a rollout from working, on each host, and how to mend it. Changes nothing. Fails with what it found.
   * @param host Only these hosts. Default: every host.
   * @param registryService A registry on your own loopback, such as tcp://127.0.0.1:5000.
   */
  @func({ cache: "never" })
  async preflight(host: string[] = [], registryService?: Service): Promise<string> {
    return (await rollout()).preflightCall(this.site({ registryService }), host)
  }

  /**
   * Roll out in waves, wait for health, and take back what fails. Fails with how it ended where that is not well.
   * @param host Only these hosts. Default: every host.
   * @param service Only these services. Default: every service.
   * @param tag This release. Default: the host's pin, then what was released last.
   * @param standIns Also roll stand-ins out to real hosts: services whose code fleet.yaml does not name. Default: false.
   * @param plan Only say what would be done, and change nothing. Default: false.
   * @param onFailure What goes back when a service fails: service, wave or fleet. Default: policy.rollout.onFailure.
   * @param parallel Services switched at once on a host. Default: 4, or the cores of the engine's machine.
   * @param by Who the hosts' history says that it was. Default: dagger.
   * @param registryService A registry on your own loopback, such as tcp://127.0.0.1:5000.
   */
  @func({ cache: "never" })
  async deploy(
    host: string[] = [],
    service: string[] = [],
    tag?: string,
    standIns: boolean = false,
    plan: boolean = false,
    onFailure?: string,
    parallel?: number,
    by: string = "dagger",
    registryService?: Service,
  ): Promise<string> {
    const services = service.length > 0 ? service : undefined
    return (await rollout()).deployCall(this.site({ registryService }), {
      ...given({ tag, onFailure, parallel }),
      hosts: host,
      services,
      standIns,
      plan,
      by,
    })
  }

  /**
   * Back to what was good before the last run, or to a release; verified healthy. Fails with how it ended where that is
   * not well.
   * @param host Only these hosts. Default: every host.
   * @param to This release. Default: what ran and was good together before the newest run.
   * @param plan Only say what would be done, and change nothing. Default: false.
   * @param onFailure What goes back when a service fails: service, wave or fleet. Default: policy.rollout.onFailure.
   * @param parallel Services switched at once on a host. Default: 4, or the cores of the engine's machine.
   * @param by Who the hosts' history says that it was. Default: dagger.
   * @param registryService A registry on your own loopback, such as tcp://127.0.0.1:5000.
   */
  @func({ cache: "never" })
  async rollback(
    host: string[] = [],
    to?: string,
    plan: boolean = false,
    onFailure?: string,
    parallel?: number,
    by: string = "dagger",
    registryService?: Service,
  ): Promise<string> {
    return (await rollout()).rollbackCall(this.site({ registryService }), {
      ...given({ to, onFailure, parallel }),
      hosts: host,
      plan,
      by,
    })
  }

  /**
   * What runs where, digest by digest. Fails with what is not as it was deployed.
   * @param host Only these hosts. Default: every host.
   * @param all A line for each service, healthy ones among them. Default: false.
   */
  @func({ cache: "never" })
  async status(host: string[] = [], all: boolean = false): Promise<string> {
    return (await rollout()).statusCall(this.site(), host, all)
  }

  /**
   * Who deployed what, when, and how it ended. Fails where somebody wrote in a host's history.
   * @param host Only these hosts. Default: every host.
   * @param all Every run, and what each changed. Default: false.
   */
  @func({ cache: "never" })
  async history(host: string[] = [], all: boolean = false): Promise<string> {
    return (await rollout()).historyCall(this.site(), host, all)
  }

  /** What each host runs, as compose files that work by hand: compose/ of the repository. */
  @func()
  async compose(): Promise<Directory> {
    return (await checks()).composeFilesOf(dag, this.source)
  }

  /** The files in compose/ are what fleet.yaml says. */
  @func()
  @check()
  async composeIsUpToDate(): Promise<void> {
    await (await checks()).requireComposeFiles(this.source)
  }

  /** The CI's files that the repository keeps are what fleet.yaml says. */
  @func()
  @check()
  async ciIsUpToDate(): Promise<void> {
    await (await checks()).requireCiFiles(this.source)
  }

  /** Every lock has hashes, what its source wants, and the versions that the fleet froze. Asks no package index. */
  @func()
  @check()
  async locksMatch(): Promise<void> {
    await (await checks()).requireLocks(this.source)
  }

  /** hadolint finds nothing in the Dockerfiles that fleet.yaml names. */
  @func()
  @check()
  async dockerfilesAreClean(): Promise<void> {
    await (await checks()).lintCall(this.site())
  }

  /** fleet.yaml and risks.yaml are sound: types, names, references, ports, days. */
  @func()
  @check()
  async fleetIsSound(): Promise<void> {
    await (await checks()).requireSound(this.source)
  }

  private site(more: Pick<Site, "registryService"> = {}): Site {
    const { source, toolbox, bases, registry, registryAuth, ca, signingKey, signingPassword, identityToken } = this
    const { advisories, yard, hostService: hostServices, sshKey, sshAgent } = this
    const { builder, builderCa, builderCert, builderKey } = this
    return given({
      ...{ dag, source, toolbox, bases, registry, registryAuth, ca },
      ...{ signingKey, signingPassword, identityToken, advisories, yard, hostServices, sshKey, sshAgent },
      ...{ builder, builderCa, builderCert, builderKey },
      ...more,
    })
  }
}

const fileOf = async ({ handle }: { handle: unknown }): Promise<File> => (await handle) as File

/** Dagger hands over null for what was left out; everything else here says undefined then. */
const given = <T extends object>(args: T): T =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null)) as T
