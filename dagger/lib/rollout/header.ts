import type { Fleet } from "../fleet/fleet.ts"
import { appOf } from "../fleet/named.ts"
import { observerFor, portTaken } from "./observability.ts"

/** Stands in every file that is rendered, so that a left-over one is known by it. */
export const madeBy = "Made by `fairlead compose` from fleet.yaml"

/** What a person has to know who finds the file: who made it, how it works by hand, what is strange in it. */
export function header(fleet: Fleet, host: string): string {
  return [
    `What ${host} runs. ${madeBy}: change that one. \`fairlead compose --check\` compares them.`,
    "",
    `By hand, in a folder with ${host}.profile.json beside this file (docker compose 2.20 or newer):`,
    `  docker compose -f ${host}.yaml pull`,
    `  docker compose -f ${host}.yaml up -d`,
    "",
    "Variables, from the environment or a file .env beside this one:",
    ...variables(fleet, host).map(([name, says]) => `  ${name.padEnd(22)} ${says}`),
    ...notes(fleet, host).flatMap((note) => ["", `Note: ${note}`]),
  ]
    .map((line) => (line === "" ? "" : ` ${line}`))
    .join("\n")
}

function variables(fleet: Fleet, host: string): [string, string][] {
  const { host: registry, org } = fleet.registry
  const on = Object.values(fleet.services).filter(({ hosts }) => hosts.includes(host))
  const observer = observerFor(fleet, host)
  return [
    ["FAIRLEAD_REGISTRY", `registry and organisation, default ${registry}/${org}`],
    ["FORCE_IMAGE_TAG", "a release such as 20261122-abc1234; default: current, what was released last"],
    ["FAIRLEAD_BIND", "the address that ports are published on, default 0.0.0.0: hosts talk to each other"],
    ...(observer?.name
      ? [["OBSERVABILITY_ADDRESS", `IP address of ${observer.host}, where ${observer.name} runs`] as [string, string]]
      : []),
    ["FAIRLEAD_INGEST_URL", "where services say what they run at start-up; off says nothing"],
    ...(on.some(({ needs }) => needs.includes("docker"))
      ? [
          ["DOCKER_GID", "the group of /var/run/docker.sock, default 999: stat -c %g /var/run/docker.sock"] as [
            string,
            string,
          ],
        ]
      : []),
    ...(on.some(({ needs }) => needs.includes("audio"))
      ? [
          ["AUDIO_GID", `the group of /dev/snd, default 29; with ${host}.snd.yaml laid over this file`] as [
            string,
            string,
          ],
        ]
      : []),
  ]
}

/** What is odd about a host's file and nobody should find out at night. */
export function notes(fleet: Fleet, host: string): string[] {
  const on = Object.entries(fleet.services).filter(([, { hosts }]) => hosts.includes(host))
  const standIns = on.filter(([name]) => appOf(fleet, name).standIn)
  const observer = observerFor(fleet, host)
  const taken = observer && portTaken(fleet, observer.host)
  return [
    ...(standIns.length > 0
      ? [
          `${standIns.length} of ${on.length} services run the stand-in ${appOf(fleet, standIns[0]![0]).name}: fleet.yaml names no code of theirs.`,
        ]
      : []),
    ...(observer?.name && observer.unknown
      ? [
          `${observer.name} is ${observer.host}, which fleet.yaml knows by a name only: set OBSERVABILITY_ADDRESS, or start-up reports reach nobody.`,
        ]
      : []),
    ...(observer && taken
      ? [
          `start-up reports go to port ${taken.port} on ${observer.host}, which is ${taken.service}'s ${taken.health ? "health port" : "port"}: a receiver beside it needs another one, in policy.image.ingestUrl.`,
        ]
      : []),
  ]
}
