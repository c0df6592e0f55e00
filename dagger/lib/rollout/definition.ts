import { createHash } from "node:crypto"
import { z } from "zod"
import type { Fleet } from "../fleet/fleet.ts"
import { labelSchema, portSchema, serviceNameSchema, snakeName } from "../fleet/names.ts"
import type { Policy } from "../fleet/policy.ts"
import type { NamedService } from "../fleet/service.ts"
import { Problem } from "../problem.ts"
import { canonical } from "../release/canonical.ts"
import type { ManifestService } from "./host/job.ts"
import { type ComposeOptions, type ComposeService, composeService, profileText } from "./service.ts"

/** A service as a rollout starts it: kept on the host under "<svc>.<hash>", so that it can be started again. */
export interface Definition {
  svc: string
  /** 12 hex digits over everything that makes the container behave as it does. */
  hash: string
  service: ComposeService
}

/** The variables that the host's runner fills in: which run, which release, and where it keeps its files. */
export const runVariable = "${FAIRLEAD_RUN}"
const tagVariable = "${FAIRLEAD_TAG}"
const stateVariable = "${FAIRLEAD_STATE}"

/** A service of the fleet as it is deployed: made beside the one that serves, under a name that a run can find again. */
export function definitionOf(
  fleet: Fleet,
  service: NamedService,
  host: string,
  options: ComposeOptions & Required<Pick<ComposeOptions, "image">>,
): Definition {
  const svc = snakeName(service.name)
  // The runner goes by health and waves itself.
  const { depends_on: _order, configs: _profile, ...rendered } = composeService(fleet, service, host, options)
  const unnamed = {
    ...rendered,
    container_name: `${svc}.${runVariable}`,
    volumes: [...((rendered.volumes as unknown[] | undefined) ?? []), profileBind(fleet, host)],
  }
  const hash = hashOf(unnamed)
  const labels = {
    ...(rendered.labels as Record<string, string>),
    "dev.fairlead.run": runVariable,
    "dev.fairlead.definition": hash,
    "dev.fairlead.tag": tagVariable,
  }
  return { svc, hash, service: { ...unnamed, labels } }
}

/** The machine profile as a file on the host, by its content: "<sha12>.json". */
export function profileFile(fleet: Fleet, host: string): { name: string; text: string } {
  const { profile } = fleet.hosts[host]!
  const text = profileText(profile)
  return { name: `${sha12(text)}.json`, text }
}

/** A compose project of some services, with the network and the volumes that the runner made. */
export function composeProject(fleet: string, definitions: readonly Definition[]): object {
  const volumes = volumesOf(definitions)
  return {
    // One for each run: in a project that has the service already, Compose stops and removes the container that serves (seen).
    name: `${fleet}-${runVariable}`,
    services: Object.fromEntries(definitions.map(({ svc, service }) => [svc, service])),
    networks: { default: { name: fleet, external: true } },
    ...(volumes.length > 0
      ? { volumes: Object.fromEntries(volumes.map((name) => [name, { name: `${fleet}_${name}`, external: true }])) }
      : {}),
  }
}

/** The named volumes of services, as compose files name them. */
export const volumesOf = (definitions: readonly Definition[]): string[] => [
  ...new Set(
    definitions
      .flatMap(({ service }) => (service.volumes as { type: string; source: string }[] | undefined) ?? [])
      .filter(({ type }) => type === "volume")
      .map(({ source }) => source),
  ),
]

/** How the host switches and probes a service: read off its definition, so that an old one goes back by its own ports. */
export function manifestOf({ svc, hash, service }: Definition, policy: Policy, wave: string): ManifestService {
  const { image, environment, healthcheck, stop_grace_period } = startableSchema.parse(service)
  return {
    svc,
    wave,
    image,
    definition: hash,
    healthPort: environment.HEALTH_PORT,
    healthPath: policy.image.healthPath,
    probeSeconds: healthcheck.timeout,
    deadlineSeconds: healthcheck.start_period,
    answers: policy.rollout.healthyProbes,
    stopSeconds: stop_grace_period,
  }
}

const secondsSchema = z
  .string()
  .regex(/^[1-9][0-9]{0,5}s$/)
  .transform((text) => Number.parseInt(text, 10))

/** What a definition must say to be started and probed. Others may stand beside it. */
const startableSchema = z.object({
  image: z.string(),
  environment: z.looseObject({ HEALTH_PORT: z.string().transform(Number).pipe(portSchema) }),
  healthcheck: z.object({ timeout: secondsSchema, start_period: secondsSchema }),
  labels: z.looseObject({ "dev.fairlead.service": serviceNameSchema, "dev.fairlead.wave": labelSchema }),
  stop_grace_period: secondsSchema,
})

/** A definition that a host kept. Throws a Problem (exit code 3) for one that is not what its hash says. */
export function keptDefinition(
  { host, svc, hash }: { host: string; svc: string; hash: string },
  service: ComposeService | undefined,
): Definition & { service: ComposeService & { image: string; labels: Record<string, string> } } {
  const where = `${host}: definitions/${svc}.${hash}`
  const fix = "roll back to a release instead: fairlead rollback --to TAG"
  if (service === undefined) throw new Problem("is not there any more", { where, fix })
  const parsed = startableSchema.safeParse(service)
  if (!parsed.success) throw new Problem("is no compose service that Fairlead wrote", { where, fix })
  if (hashOf(service) !== hash)
    throw new Problem("is not what was written down: its hash is another one", { where, fix })
  return { svc, hash, service: service as ComposeService & { image: string; labels: Record<string, string> } }
}

/** The keys by which two definitions differ, such as "environment.LOG_LEVEL"; what changes nothing is no difference. */
export function changedKeys(old: ComposeService, now: ComposeService): string[] {
  const [before, after] = [flat(essential(old)), flat(essential(now))]
  const keys = [...new Set([...before.keys(), ...after.keys()])]
  return keys.filter((key) => before.get(key) !== after.get(key)).sort()
}

const sha12 = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 12)

const hashOf = (service: ComposeService): string => sha12(canonical(essential(service)))

/**
 * Without what is only said about a container: run, release and wave, and the commit, which the image's digest stands for.
 * Another wave, or a new tag on the same bytes, restarts nothing.
 */
function essential({ labels, environment, ...service }: ComposeService): ComposeService {
  const { FAIRLEAD_GIT_SHA: _commit, ...env } = environment as Record<string, string>
  const told = ["run", "definition", "tag", "wave"].map((key) => `dev.fairlead.${key}`)
  const kept = Object.entries(labels as Record<string, string>).filter(([key]) => !told.includes(key))
  return { ...service, environment: env, labels: Object.fromEntries(kept) }
}

// A config cannot be mounted from a path that only the host knows, and a bind can.
const profileBind = (fleet: Fleet, host: string) => ({
  type: "bind",
  source: `${stateVariable}/files/${profileFile(fleet, host).name}`,
  target: "/etc/machine-profile.json",
  read_only: true,
  bind: { create_host_path: false },
})

/** Maps by their keys, everything else as one text. */
function flat(value: ComposeService, prefix = ""): Map<string, string> {
  return new Map(
    Object.entries(value).flatMap(([key, each]): [string, string][] =>
      typeof each === "object" && each !== null && !Array.isArray(each)
        ? [...flat(each as ComposeService, `${prefix}${key}.`)]
        : [[`${prefix}${key}`, canonical(each)]],
    ),
  )
}
