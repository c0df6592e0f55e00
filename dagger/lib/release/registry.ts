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

function isJson(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined
  } catch {
    return false
  }
}

/** A tag, and the digest that it is to point to. */
/** Asks and changes one registry, each by a step with skopeo. */
export class Registry {
  constructor(
    readonly engine: Engine,
    readonly address: RegistryAddress,
    private readonly auth?: Secret,
    /** The part of the toolbox that brings skopeo. */
    private readonly part: "build" | "sign" = "build",
  ) {}

  /** The digest that a tag points to; undefined when there is no such tag or repository. */
  async digestOf(family: string, tag: string): Promise<string | undefined> {
    const text = await this.manifest(family, tag)
    return text === undefined ? undefined : sha256(text)
  }

  /** The manifest behind a tag or a digest, byte for byte; undefined when there is none. */
  async manifest(family: string, name: string): Promise<string | undefined> {
    const ref = name.startsWith("sha256:") ? this.refByDigest(family, name) : this.ref(family, name)
    const step = this.step(`look up ${family}:${name}`, ["inspect", "--raw", ...this.tls(""), ref])
    let ran = await this.engine.run(step)
    // On a busy machine an answer was once cut off, with exit code 0: its digest would be another image's.
    for (let left = 2; left > 0 && ran.exitCode === 0 && !isJson(ran.stdout); left--) ran = await this.engine.run(step)
    if (ran.exitCode === 0 && isJson(ran.stdout)) return ran.stdout
    if (/manifest unknown|name unknown|repository name not known|not found/i.test(ran.stderr)) return undefined
    throw this.failed(step, ran)
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

  ref = (family: string, tag: string): string =>
    `docker://${hostInside(this.address)}/${this.address.org}/${family}:${tag}`

  refByDigest = (family: string, digest: string): string =>
    `docker://${hostInside(this.address)}/${this.address.org}/${family}@${digest}`

  tls = (side: "" | "src-" | "dest-"): string[] => (isLoopback(this.address) ? [`--${side}tls-verify=false`] : [])

  step(name: string, argv: string[]): Step {
    const [verb, ...rest] = argv
    return {
      name,
      image: `toolbox:${this.part}`,
      argv: ["skopeo", verb!, ...(this.auth ? ["--authfile", authPath] : []), ...rest],
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
