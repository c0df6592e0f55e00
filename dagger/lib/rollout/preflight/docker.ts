import { atLeast, failed, type HostCheck, ok, unknown } from "./check.ts"

/** Docker 20.10 fails on zstd layers with "invalid tar header"; 23 is the first that reads them. */
const oldestDocker = "23.0"
/** What the header of the rendered files says (rollout/header.ts). */
const oldestCompose = "2.20"

/** The host's Docker answers this user, and reads what Fairlead publishes. */
export const docker: HostCheck = {
  name: "docker",
  judge({ docker, user }, { host }) {
    if ("error" in docker) return silent(docker.error, user, host.name)
    const seen = `${docker.version}, ${docker.store === "containerd" ? "containerd" : "classic"} image store`
    if (atLeast(docker.version, oldestDocker)) return ok(seen)
    return failed(
      `${seen}: it cannot read zstd layers, which Docker ${oldestDocker} and newer do`,
      `install Docker ${oldestDocker} or newer on ${host.name}; until then only images with gzip layers can be pulled there`,
    )
  },
}

function silent(error: string, user: string, host: string) {
  if (/permission denied/i.test(error))
    return failed(
      `${user} may not use Docker`,
      `on ${host}: sudo usermod --append --groups docker ${user} (whoever is in that group is as good as root there)`,
    )
  if (/no docker command|not found/i.test(error))
    return failed("there is no docker command", `install Docker and its Compose plugin on ${host}`)
  return failed(
    `Docker does not answer: ${error || "it took too long"}`,
    `on ${host}: sudo systemctl start docker, and \`journalctl -u docker\` tells why it ended`,
  )
}

/** The Compose plugin is there and new enough for what `fairlead compose` renders. */
export const compose: HostCheck = {
  name: "compose",
  judge({ docker }, { host }) {
    if ("error" in docker) return unknown("Docker could not be asked")
    const fix = `install docker-compose-plugin ${oldestCompose} or newer on ${host.name}`
    if (!docker.compose) return failed("Docker there has no Compose plugin", fix)
    if (atLeast(docker.compose, oldestCompose)) return ok(docker.compose)
    return failed(`${docker.compose} is older than ${oldestCompose}`, fix)
  },
}
