import type { Fleet } from "../../fleet/fleet.ts"
import { appOf } from "../../fleet/named.ts"
import type { Instance } from "../../fleet/waves.ts"
import { madeBy } from "../header.ts"
import { observerFor } from "../observability.ts"
import { profileText } from "../service.ts"
import { written } from "../written.ts"
import { comment, commonNotes, gpuShares, instancesOf, type OrchestratorOptions } from "./instances.ts"
import {
  claimName,
  dnsName,
  fleetLabels,
  hostLabel,
  podTemplate,
  portsOf,
  profileName,
  selectorOf,
  serviceSelector,
  workloadName,
} from "./pod.ts"
import { receiverObjects } from "./receiver.ts"

/** What each service runs is named here: manifests know no variables. */
export type KubernetesOptions = OrchestratorOptions & Required<Pick<OrchestratorOptions, "image">>

type KubernetesObject = Record<string, unknown>

/** The fleet as manifests: a file for each host, and one for the names by which services find each other. */
export function kubernetesFiles(fleet: Fleet, options: KubernetesOptions): Record<string, string> {
  const instances = instancesOf(fleet, options)
  const hosts = [...new Set(instances.map(({ host }) => host))].sort()
  const names = [...new Map(instances.map(({ service }) => [service.name, service])).values()]
  const files: [string, KubernetesObject[]][] = [
    ...hosts.map((host): [string, KubernetesObject[]] => {
      const on = instances.filter((each) => each.host === host)
      return [
        `${host}.yaml`,
        [
          profileMap(fleet, host),
          ...on.flatMap((each) => claims(fleet, each)),
          ...on.map((each) => deployment(fleet, each, options)),
        ],
      ]
    }),
    ["services.yaml", [...names.map((service) => serviceObject(fleet, service)), ...receiver(fleet, options, names)]],
  ]
  const about = header(fleet, instances)
  return Object.fromEntries(
    files.map(([name, objects]) => [
      name,
      objects.map((object, index) => written(index === 0 ? about : "", object)).join("---\n"),
    ]),
  )
}

/** What is odd about the manifests: what people have to do, and what Kubernetes does not do. */
export function kubernetesNotes(fleet: Fleet, instances: readonly Instance[]): string[] {
  const shares = Object.entries(gpuShares(instances)).map(([host, count]) => `${count} on ${host}`)
  const pids = instances.filter(({ service }) => service.pids !== undefined)
  return [
    ...commonNotes(fleet, instances),
    ...(shares.length > 0
      ? [
          `Kubernetes hands a GPU out once, and here services share one: let NVIDIA's device plugin share each in time, with as many replicas as GPU services (${shares.join(", ")}).`,
        ]
      : []),
    ...(pids.length > 0 ? ["a pod has no limit of processes of its own: the kubelet's podPidsLimit holds."] : []),
    "ports are those of Services and not of nodes; nothing waits for earlier waves; nothing goes back by itself (kubectl rollout undo).",
  ]
}

function deployment(fleet: Fleet, instance: Instance, options: KubernetesOptions): KubernetesObject {
  const { service } = instance
  const { rollout } = fleet.policy
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: workloadName(instance), labels: fleetLabels(fleet, instance) },
    spec: {
      replicas: 1,
      // The old one has to be gone: its GPU memory and its volumes are needed.
      strategy: { type: "Recreate" },
      revisionHistoryLimit: rollout.keepReleases,
      // Counts from the pod's making, so that gigabytes may have to be pulled first.
      progressDeadlineSeconds: (service.healthySeconds ?? rollout.healthySeconds) + 600,
      selector: { matchLabels: selectorOf(fleet, instance) },
      template: podTemplate(fleet, instance, options.image(service)),
    },
  }
}

/** Mounted over /etc/machine-profile.json. */
const profileMap = (fleet: Fleet, host: string): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: profileName(host), labels: { "app.kubernetes.io/part-of": fleet.name } },
  data: { "machine-profile.json": profileText(fleet.hosts[host]!.profile) },
})

const claims = (fleet: Fleet, instance: Instance): KubernetesObject[] =>
  Object.keys(appOf(fleet, instance.service.name).volumes).map((volume) => ({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: claimName(instance, volume), labels: selectorOf(fleet, instance) },
    // fleet.yaml says no sizes. A claim can grow later where its storage class lets it.
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  }))

/** The name by which others find a service, on whichever host it answers. */
function serviceObject(fleet: Fleet, service: Instance["service"]): KubernetesObject {
  const selector = serviceSelector(fleet, service)
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: dnsName(service.name), labels: selector },
    spec: { selector, ports: portsOf(service).map((each) => ({ ...each, targetPort: each.port })) },
  }
}

function receiver(
  fleet: Fleet,
  options: KubernetesOptions,
  services: readonly Instance["service"][],
): KubernetesObject[] {
  const observer = observerFor(fleet, options.host ?? Object.keys(fleet.hosts)[0] ?? "")
  // A service of the fleet by that name is the receiver itself.
  if (observer?.name === undefined || services.some(({ name }) => dnsName(name) === observer.name)) return []
  return receiverObjects(fleet, { name: observer.name, host: observer.host }, options.observability)
}

const header = (fleet: Fleet, instances: readonly Instance[]): string =>
  comment([
    `What ${fleet.name} runs, for Kubernetes. ${madeBy}: change that one.`,
    "",
    "Tell the cluster once which node is which host, then apply:",
    ...[...new Set(instances.map(({ host }) => host))]
      .sort()
      .map((host) => `  kubectl label node NODE ${hostLabel}=${host}`),
    `  kubectl apply --namespace ${fleet.name} -f .`,
    ...kubernetesNotes(fleet, instances).flatMap((note) => ["", `Note: ${note}`]),
  ])
