import { secretName } from "../archive.ts"
import { venv } from "../inside.ts"
import { type Fact, named, noneOf, ofConfig, ofFiles, run, type Wanted } from "./fact.ts"

/** How the image starts: as whom, under what, and what it promises to the outside. */
export const startFacts = ({ image, allow, origin, family }: Wanted): Fact[] => [
  ofConfig("platform", "is for linux/amd64", ({ platform }) => ({
    evidence: platform,
    wrong:
      platform === "linux/amd64"
        ? undefined
        : {
            what: `image is for ${platform}, both hosts are linux/amd64`,
            where: origin.set("FROM"),
            fix: "build with --platform linux/amd64",
          },
  })),
  ofConfig("user", `runs as ${image.user}`, ({ user }) => ({
    evidence: user === "" ? "no USER" : `USER ${user}`,
    wrong:
      user === image.user
        ? undefined
        : {
            what: `image runs as ${who(user)}, the blueprint wants ${image.user}`,
            where: origin.set("USER") ?? origin.file(),
            fix: `end the Dockerfile with USER ${image.user}`,
          },
  })),
  ofConfig(
    "entrypoint",
    `starts with ${image.entrypoint}, which runs the command under ${image.init}`,
    ({ entrypoint }) => ({
      evidence: entrypoint.length === 0 ? "no ENTRYPOINT" : `ENTRYPOINT ${JSON.stringify(entrypoint)}`,
      wrong:
        entrypoint.length === 1 && entrypoint[0] === image.entrypoint
          ? undefined
          : {
              what: `image starts with ${entrypoint.length === 0 ? "nothing of its own" : entrypoint.join(" ")}, the blueprint wants ${image.entrypoint}`,
              where: origin.set("ENTRYPOINT") ?? origin.file(),
              fix: `use ENTRYPOINT ["${image.entrypoint}"], or leave it to the parent`,
            },
    }),
  ),
  ofConfig("stop signal", "stops on SIGTERM", ({ stopSignal }) => ({
    evidence: stopSignal || "SIGTERM, the default",
    wrong: ["", "SIGTERM", "TERM", "15"].includes(stopSignal)
      ? undefined
      : {
          what: `image wants ${stopSignal}, hosts send SIGTERM`,
          where: origin.set("STOPSIGNAL"),
          fix: "leave STOPSIGNAL out",
        },
  })),
  ofConfig(
    "ports",
    `exposes ${allow.ports.length === 0 ? "no port" : `only ${allow.ports.join(", ")}`}`,
    ({ ports }) => {
      const allowed = new Set(allow.ports.map(String))
      const extra = ports.filter((port) => !allowed.has(port.replace(/\/tcp$/, "")))
      const wrong = {
        what: `image exposes ${named(extra)}, the blueprint allows ${allow.ports.join(", ") || "none"}`,
        where: origin.set("EXPOSE") ?? origin.file(),
        fix: `leave EXPOSE out (fleet.yaml gives each service its ports), or add it to families.${family.name}.allow.ports`,
      }
      return { evidence: ports.length === 0 ? "none" : ports.join(", "), wrong: extra.length === 0 ? undefined : wrong }
    },
  ),
  ofConfig("path", `finds ${venv}/bin first`, ({ env }) => ({
    evidence: `PATH=${env.PATH ?? ""}`,
    wrong:
      env.PATH?.split(":")[0] === `${venv}/bin`
        ? undefined
        : {
            what: `"python" is not the one in ${venv}: PATH begins with ${env.PATH?.split(":")[0] || "nothing"}`,
            where: origin.set("ENV", /PATH/) ?? origin.file(),
            fix: `ENV PATH=${venv}/bin:…`,
          },
  })),
  ofConfig("secrets in env", "has no secret in its environment", ({ env }) => {
    const names = Object.entries(env)
      .filter(([name, value]) => secretName.test(name) && value !== "")
      .map(([name]) => name)
    return noneOf(names, () => ({
      what: `image carries a value for ${named(names)}, for everyone who can pull it`,
      where: origin.set("ENV", new RegExp(names.join("|"))) ?? origin.file(),
      fix: "mount secrets when the service runs, and renew this one",
    }))
  }),
  ofFiles("init", `has ${image.init} as PID 1`, ({ init }) => ({
    evidence: init.present ? (init.version ?? "does not run") : "not there",
    wrong:
      init.executable && init.version !== null
        ? undefined
        : {
            what: `${image.init} ${init.present ? "does not run" : "is not in the image"}, so nothing can be PID 1 and pass signals on`,
            where: run(origin, /tini/) ?? run(origin, /apt-get|apt /),
            fix: "install the Debian package tini in the root family",
          },
  })),
  ofFiles("entrypoint file", `has an executable ${image.entrypoint} that only root can change`, ({ entrypoint }) => {
    const safe = entrypoint.ownedBy === 0 && (Number.parseInt(entrypoint.mode ?? "0", 8) & 0o022) === 0
    const wrong = !entrypoint.present
      ? `${image.entrypoint} is not in the image`
      : !entrypoint.executable
        ? `${image.entrypoint} is not executable for everyone (mode ${entrypoint.mode})`
        : !safe
          ? `${image.entrypoint} can be changed by others than root (owner ${entrypoint.ownedBy}, mode ${entrypoint.mode})`
          : undefined
    return {
      evidence: entrypoint.present ? `mode ${entrypoint.mode}, owner ${entrypoint.ownedBy}` : "not there",
      wrong:
        wrong === undefined
          ? undefined
          : {
              what: wrong,
              where: origin.set("COPY", /entrypoint/) ?? origin.file(),
              fix: `COPY --chmod=0755 it to ${image.entrypoint} in the root family`,
            },
    }
  }),
]

const who = (user: string): string => {
  const [name, group] = user.split(":")
  if (user === "") return "root (no USER is set)"
  if (name === "root" || name === "0") return `root (0:${group === undefined || group === "root" ? "0" : group})`
  return /^[0-9]+$/.test(name ?? "") ? user : `${JSON.stringify(user)}, a name that only the image can resolve`
}
