import type { Fleet } from "../../fleet/fleet.ts"
import { appOf, type NamedApp } from "../../fleet/named.ts"
import { snakeName } from "../../fleet/names.ts"
import type { NamedService } from "../../fleet/service.ts"
import type { Instance } from "../../fleet/waves.ts"
import { literal } from "../interpolation.ts"
import { environmentOf, type ImageReference, labelsOf } from "../service.ts"
import { instanceName } from "./instances.ts"

/** "tiered-responder": DNS has no underscores. */
export const dnsName = (service: string): string => snakeName(service).replaceAll("_", "-")

/** "tiered-responder-pc2". */
export const workloadName = (instance: Instance): string => instanceName(instance).replaceAll("_", "-")

export const profileName = (host: string): string => `machine-profile-${host}`

export const claimName = (instance: Instance, volume: string): string => `${workloadName(instance)}-${volume}`

/** The node label that stands for a host of fleet.yaml. */
export const hostLabel = "fairlead.dev/host"

/** By which a Service finds its pods, on whichever host. */
export const serviceSelector = (fleet: Fleet, service: NamedService): Record<string, string> => ({
  "app.kubernetes.io/part-of": fleet.name,
  "app.kubernetes.io/name": dnsName(service.name),
})

/** By which a Deployment finds its pods. */
export const selectorOf = (fleet: Fleet, { service, host }: Instance): Record<string, string> => ({
  ...serviceSelector(fleet, service),
  [hostLabel]: host,
})

/** The labels that compose gives, as Kubernetes spells them. The profile's digest is no label there: see `podTemplate`. */
export function fleetLabels(fleet: Fleet, instance: Instance): Record<string, string> {
  const { service, host } = instance
  const labels = Object.entries(labelsOf(fleet, service, host, appOf(fleet, service.name)))
  const own = labels.map(([key, value]) => [key.replace("dev.fairlead.", "fairlead.dev/"), value] as const)
  return { ...selectorOf(fleet, instance), ...Object.fromEntries(own.filter(([key]) => key !== profileKey)) }
}

const profileKey = "fairlead.dev/profile"

/** The pod of one service on one host; what it may do is what compose lets it do. */
export function podTemplate(fleet: Fleet, instance: Instance, reference: ImageReference): object {
  const { service, host } = instance
  const app = appOf(fleet, service.name)
  const profile = labelsOf(fleet, service, host, app)["dev.fairlead.profile"]
  const [user, group] = fleet.policy.image.user.split(":").map(Number)
  const mounts = mountsOf(instance, app)
  return {
    metadata: {
      labels: fleetLabels(fleet, instance),
      // A pod sees no change of a file that is mounted alone, so another profile has to make another pod.
      annotations: { [profileKey]: profile },
    },
    spec: {
      nodeSelector: { [hostLabel]: host },
      // Nodes with GPUs are often kept for those that ask for one.
      ...(service.gpus > 0
        ? { tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }] }
        : {}),
      automountServiceAccountToken: false,
      // Variables such as TIERED_RESPONDER_PORT, for every Service of the fleet, would be in the apps' way.
      enableServiceLinks: false,
      terminationGracePeriodSeconds: fleet.policy.image.stopSeconds,
      securityContext: {
        ...{ runAsNonRoot: true, runAsUser: user, runAsGroup: group },
        ...(Object.keys(app.volumes).length > 0 ? { fsGroup: group, fsGroupChangePolicy: "OnRootMismatch" } : {}),
        ...(service.needs.includes("docker") ? { supplementalGroups: [dockerGroup] } : {}),
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [container(fleet, instance, { app, reference, mounts })],
      volumes: mounts.map(({ name, from }) => ({ name, ...from })),
    },
  }
}

// As compose has it where nobody says DOCKER_GID.
const dockerGroup = 999

function container(
  fleet: Fleet,
  { service }: Instance,
  { app, reference, mounts }: { app: NamedApp; reference: ImageReference; mounts: readonly Mount[] },
): object {
  const { image, gitSha = "" } = reference
  const told = environmentOf(fleet, service, app, { image: literal(image), gitSha: literal(gitSha) })
  const env = { ...told, FAIRLEAD_INGEST_URL: literal(fleet.policy.image.ingestUrl) }
  return {
    name: dnsName(service.name),
    image,
    // What a tag that moves stands for may be another image by now.
    imagePullPolicy: /[@:][^/]*$/.test(image) && !image.endsWith(":current") ? "IfNotPresent" : "Always",
    // The image's entrypoint stays: it reports the image and runs this under init. "$(NAME)" would be replaced here.
    args: app.command.map(literal),
    ports: portsOf(service).map(({ name, port }) => ({ name, containerPort: port })),
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    ...resourcesOf(service),
    securityContext: {
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ["ALL"] },
    },
    ...probesOf(fleet, service),
    volumeMounts: mounts.map(({ name, at, file }) => ({
      ...{ name, mountPath: at },
      ...(file ? { subPath: file } : {}),
      ...(file !== undefined || name.startsWith("bind-") ? { readOnly: true } : {}),
    })),
  }
}

/** The service's own port and that of its health, which may be the same. */
export const portsOf = ({ port, healthPort }: NamedService): { name: string; port: number }[] => [
  { name: "service", port },
  ...(healthPort === port ? [] : [{ name: "health", port: healthPort }]),
]

/** Limits only: requests are the same then, and nobody wrote others. */
function resourcesOf({ memory, gpus }: NamedService): object {
  const limits = {
    ...(memory === undefined ? {} : { memory: String(memory) }),
    ...(gpus > 0 ? { "nvidia.com/gpu": String(gpus) } : {}),
  }
  return Object.keys(limits).length > 0 ? { resources: { limits } } : {}
}

/** Time to load first, then traffic only while it is well, and a new start when it stays ill. */
function probesOf({ policy }: Fleet, { healthPort, healthySeconds }: NamedService): object {
  const { intervalSeconds, timeoutSeconds, retries } = policy.image.health
  const probe = {
    httpGet: { path: policy.image.healthPath, port: healthPort },
    periodSeconds: intervalSeconds,
    timeoutSeconds,
  }
  const deadline = healthySeconds ?? policy.rollout.healthySeconds
  return {
    startupProbe: { ...probe, failureThreshold: Math.ceil(deadline / intervalSeconds) },
    readinessProbe: { ...probe, failureThreshold: retries, successThreshold: policy.rollout.healthyProbes },
    livenessProbe: { ...probe, failureThreshold: retries },
  }
}

interface Mount {
  name: string
  at: string
  /** One file of the volume instead of all of it. */
  file?: string
  /** Where it comes from, as a pod's volume says it. */
  from: object
}

function mountsOf(instance: Instance, app: NamedApp): Mount[] {
  const { service, host } = instance
  const socket = { path: "/var/run/docker.sock", type: "Socket" }
  return [
    {
      ...{ name: "machine-profile", at: "/etc/machine-profile.json", file: "machine-profile.json" },
      from: { configMap: { name: profileName(host) } },
    },
    ...["/tmp", ...app.tmpfs].map((at, index) => ({
      ...{ name: `tmpfs-${index}`, at },
      from: { emptyDir: { medium: "Memory" } },
    })),
    ...Object.entries(app.volumes).map(([volume, at], index) => ({
      ...{ name: `volume-${index}`, at },
      from: { persistentVolumeClaim: { claimName: claimName(instance, volume) } },
    })),
    ...Object.entries(app.binds).map(([path, at], index) => ({
      ...{ name: `bind-${index}`, at },
      from: { hostPath: { path } },
    })),
    ...(service.needs.includes("docker") ? [{ name: "bind-docker", at: socket.path, from: { hostPath: socket } }] : []),
  ]
}
