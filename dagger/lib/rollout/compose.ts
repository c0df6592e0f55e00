import type { Fleet } from "../fleet/fleet.ts"
import { appOf, hostNamed } from "../fleet/named.ts"
import { snakeName } from "../fleet/names.ts"
import type { NamedService } from "../fleet/service.ts"
import { waveOf } from "../fleet/waves.ts"
import { audioKinds } from "./audio.ts"
import { header, madeBy } from "./header.ts"
import { type ComposeOptions, composeService, profileConfig, profileText, soundService, volumeName } from "./service.ts"
import { written } from "./written.ts"

/**
 * What one host runs, as files by name: the compose file, the machine profile beside it, and what is laid over it where
 * the host has audio. They work by hand, without Fairlead.
 */
export function composeFiles(fleet: Fleet, hostName: string, options: ComposeOptions = {}): Record<string, string> {
  const { name: host, profile } = hostNamed(fleet, hostName)
  const sounding = servicesOn(fleet, host).filter(({ needs }) => needs.includes("audio"))
  const overlays = options.audio !== undefined || sounding.length === 0 ? [] : audioKinds
  return {
    [`${host}.yaml`]: composeText(fleet, host, options),
    [profileFile(host)]: profileText(profile),
    ...Object.fromEntries(
      overlays.map((kind) => {
        const services = Object.fromEntries(sounding.map(({ name }) => [snakeName(name), soundService(kind)]))
        const how = `docker compose -f ${host}.yaml -f ${host}.${kind}.yaml up -d`
        return [
          `${host}.${kind}.yaml`,
          written(` Laid over ${host}.yaml where the host has audio. ${madeBy}\n   ${how}`, { services }),
        ]
      }),
    ),
  }
}

/** The files of every host of the fleet. */
export const allComposeFiles = (fleet: Fleet): Record<string, string> =>
  Object.assign({}, ...Object.keys(fleet.hosts).map((host) => composeFiles(fleet, host)))

const profileFile = (host: string): string => `${host}.profile.json`

const servicesOn = (fleet: Fleet, host: string): NamedService[] =>
  Object.entries(fleet.services)
    .map(([name, service]) => ({ name, ...service }))
    .filter(({ hosts }) => hosts.includes(host))

function composeText(fleet: Fleet, host: string, options: ComposeOptions): string {
  const services = servicesOn(fleet, host)
  const volumes = services.flatMap(({ name }) =>
    Object.keys(appOf(fleet, name).volumes).map((each) => volumeName(name, each)),
  )
  const file = {
    name: fleet.name,
    services: Object.fromEntries(
      services.map((service) => [snakeName(service.name), composeService(fleet, service, host, options)]),
    ),
    // A file and not its content: that would be copied into the container, whose root file system is read only.
    configs: { [profileConfig]: { file: `./${profileFile(host)}` } },
    ...(volumes.length > 0 ? { volumes: Object.fromEntries(volumes.map((volume) => [volume, {}])) } : {}),
  }
  const notes = Object.fromEntries(services.map((service) => [snakeName(service.name), noteOn(fleet, service, host)]))
  return written(header(fleet, host), file, notes)
}

function noteOn(fleet: Fleet, service: NamedService, host: string): string {
  const app = appOf(fleet, service.name)
  return [
    `${service.name}: ${service.needs.join(", ")}; wave ${waveOf(fleet, service, host)}`,
    ...(app.standIn ? [`the stand-in ${app.name}, not its own code`] : []),
    ...(service.needs.includes("gpu-aware") ? ["watches GPUs where the host's runtime shows them, reserves none"] : []),
    ...(service.needs.includes("docker") ? ["may use the host's Docker, which is as good as root there"] : []),
    ...(service.needs.includes("audio") ? ["silent without a file for the host's audio laid over this one"] : []),
  ].join("; ")
}
