import {
  type Artifact,
  type CallerPort,
  type Engine,
  type Ran,
  type Secret,
  type Step,
  StepError,
} from "../engine/engine.ts"
import { sha256 } from "../sha256.ts"
import { patient } from "./patience.ts"
import { type ImageTags, setTags } from "./set-tags.ts"
import { toItsEnd } from "./to-its-end.ts"

/** Where images go. */
export interface RegistryAddress {
  /** "ghcr.io", "127.0.0.1:5000". */
  host: string
  org: string
}

/** "127.0.0.1:5000/fleet/family-web". */
export const repository = ({ host, org }: RegistryAddress, family: string): string => `${host}/${org}/${family}`

/** A registry on the loopback of the machine that runs Fairlead: plain HTTP, and gates may be UNCHECKED there. */
export const isLoopback = ({ host }: Pick<RegistryAddress, "host">): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/.test(host)

/** The registry's host as steps know it: a loopback registry is another machine's, seen from a container. */
export const hostInside = (registry: RegistryAddress): string =>
  isLoopback(registry) ? `registry:${portOf(registry)}` : registry.host

/** The port of a registry on loopback. */
export const portOf = ({ host }: RegistryAddress): number => Number(/:(\d+)$/.exec(host)?.[1] ?? 80)

/** What a step needs to reach it by that name. */
export const registryService = (registry: RegistryAddress): Record<string, CallerPort> =>
  isLoopback(registry) ? { registry: { callerPort: portOf(registry) } } : {}

// What image-tags ends with where the registry has nothing by that name.
const nothingThere = 4

/** The manifest that image-tags shows, with the line of its digest taken off; undefined where it was cut off. */
function shownIn(stdout: string): string | undefined {
  const [, text, digest] = /^([\s\S]*)\n(sha256:[0-9a-f]{64})\n$/.exec(stdout) ?? []
  return text !== undefined && sha256(text) === digest ? text : undefined
}

/** Asks and changes one registry: images by a step with skopeo, tags and manifests by one with image-tags. */
export class Registry {
  constructor(
    readonly engine: Engine,
    readonly address: RegistryAddress,
    private readonly auth?: Secret,
    /** The part of the toolbox that brings both. */
    private readonly part: "build" | "sign" = "build",
  ) {}

  /** The digest that a tag points to; undefined when there is no such tag or repository. */
  async digestOf(family: string, tag: string): Promise<string | undefined> {
    const text = await this.manifest(family, tag)
    return text === undefined ? undefined : sha256(text)
  }

  /** The manifest behind a tag or a digest, byte for byte; undefined when there is none. */
  async manifest(family: string, name: string): Promise<string | undefined> {
    const step = this.tags(`look up ${family}:${name}`, ["show", this.name(family, name)])
    const ran = await toItsEnd(this.engine, step, (said) => shownIn(said) !== undefined)
    if (ran.exitCode === nothingThere) return undefined
    const text = shownIn(ran.stdout)
    if (ran.exitCode !== 0 || text === undefined) throw this.failed(step, ran)
    return text
  }

  /** Uploads an archive's very bytes under its digest, without a tag: nobody sees it yet. Answers the bytes' digest. */
  async upload(family: string, archive: Artifact, digest: string): Promise<void> {
    await this.run({
      ...this.step(`upload ${family}`, [
        "copy",
        "--preserve-digests",
        "--retry-times",
        "3",
        ...this.tls("dest-"),
        "oci-archive:/in/image.tar",
        this.refByDigest(family, digest),
      ]),
      inputs: { "/in/image.tar": archive },
      // skopeo's notes of which repository has which blob: what a parent's has is mounted from there, not sent again.
      caches: { "/var/lib/containers/cache": "skopeo" },
    })
  }

  /** An image's very bytes as an OCI archive, by its digest. */
  async download(family: string, digest: string): Promise<Artifact> {
    const step = {
      ...this.step(`fetch ${family}`, [
        "copy",
        "--preserve-digests",
        "--retry-times",
        "3",
        ...this.tls("src-"),
        this.refByDigest(family, digest),
        "oci-archive:/out/image.tar",
      ]),
      outputs: { image: "/out/image.tar" },
    }
    const ran = await this.engine.run(step)
    if (ran.exitCode !== 0 || !ran.outputs.image) throw this.failed(step, ran)
    return ran.outputs.image
  }

  /** An image's very bytes as an OCI image layout, by its digest. */
  async downloadLayout(family: string, digest: string): Promise<Artifact> {
    const step = {
      ...this.step(`fetch ${family}`, [
        ...["copy", "--preserve-digests", "--retry-times", "3", ...this.tls("src-")],
        ...[this.refByDigest(family, digest), "oci:/out/image"],
      ]),
      outputs: { image: "/out/image/" },
    }
    const ran = await this.engine.run(step)
    if (ran.exitCode !== 0 || !ran.outputs.image) throw this.failed(step, ran)
    return ran.outputs.image
  }

  /** See setTags. */
  tag = (...images: readonly ImageTags[]): Promise<void> => setTags(this, images)

  /** What a tag or a digest is called in full, as steps know the registry. */
  name = (family: string, name: string): string =>
    `${hostInside(this.address)}/${this.address.org}/${family}${name.startsWith("sha256:") ? "@" : ":"}${name}`

  /** The same for skopeo. */
  ref = (family: string, tag: string): string => `docker://${this.name(family, tag)}`

  refByDigest = (family: string, digest: string): string => `docker://${this.name(family, digest)}`

  tls = (side: "" | "src-" | "dest-"): string[] => (isLoopback(this.address) ? [`--${side}tls-verify=false`] : [])

  /** A step with skopeo. */
  step(name: string, [verb, ...rest]: string[]): Step {
    return this.asking(name, ["skopeo", verb!, ...this.authfile(), ...rest])
  }

  /** A step with image-tags: dagger/toolbox/tags. */
  tags(name: string, [verb, ...rest]: string[]): Step {
    const plain = isLoopback(this.address) ? ["--plain-http"] : []
    return this.asking(name, ["image-tags", verb!, ...plain, ...this.authfile(), ...rest])
  }

  private authfile = (): string[] => (this.auth ? ["--authfile", authPath] : [])

  private asking(name: string, argv: [string, ...string[]]): Step {
    return {
      name,
      image: `toolbox:${this.part}`,
      argv,
      secrets: this.auth ? { [authPath]: this.auth } : {},
      services: registryService(this.address),
      outside: true,
      look: "again",
    }
  }

  async run(step: Step): Promise<void> {
    const ran = await this.engine.run(patient(step))
    if (ran.exitCode !== 0) throw this.failed(step, ran)
  }

  failed = (step: Step, ran: Ran): StepError =>
    new StepError(
      `${step.name} in ${this.address.host}`,
      { exitCode: ran.exitCode, output: ran.stderr || ran.stdout },
      this.fix(ran.stderr),
    )

  private fix(said: string): string {
    const { host } = this.address
    if (/unauthorized|denied|authentication required/i.test(said)) return `log in first: docker login ${host}`
    if (/StatusCode: 429|too ?many ?requests/i.test(said))
      return `wait some minutes, then run the same command again: ${host} keeps what was uploaded`
    if (/blob unknown/i.test(said))
      return `${host} has lost a part of this image: run the same command with --no-cache, which builds and uploads it again`
    return "look at `fairlead doctor`, then run the same command again: what was uploaded is kept"
  }
}

const authPath = "/run/secrets/registry-auth.json"
