import { torchArchList } from "../../fleet/arch.ts"
import { inheritedArgs } from "../../fleet/hierarchy.ts"
import { examples, type Fact, installs, named, noneOf, ofConfig, ofFiles, run, type Wanted } from "./fact.ts"
import { onlyForGpus } from "./gpu.ts"
import { gpuHostFacts } from "./gpuHosts.ts"

const profilePath = "/etc/machine-profile.json"
const mediaPackages =
  /^(?:ffmpeg|libav(?:codec|device|filter|format|util)[0-9]+|libsndfile1|libportaudio2|libpulse0|libgl1|libglib2\.0-0.*)$/
const archList = "TORCH_CUDA_ARCH_LIST"

/** What the image knows about the machine and its GPU. */
export function machineFacts(wanted: Wanted): Fact[] {
  return [profileFact(wanted), ...(wanted.gpu ? gpuFacts(wanted) : cpuFacts(wanted))]
}

function profileFact({ rules, origin }: Wanted): Fact {
  const { machine, fleet } = rules
  const where = () => run(origin, /machine-profile|MACHINE/)
  if (machine === undefined) {
    return ofFiles("machine profile", "fits every host: it has no machine profile", ({ profile }) => ({
      evidence: profile === null ? "none" : profile.trim().slice(0, 200),
      wrong:
        profile === null
          ? undefined
          : {
              what: `${profilePath} is there, and the image is for no machine`,
              where: where(),
              fix: "build with the build argument MACHINE, or without the file",
            },
    }))
  }
  const right = Object.entries(fleet.hosts[machine]?.profile ?? {}).map(([key, value]) => [key, String(value)])
  return ofFiles("machine profile", `has the profile of ${machine} in ${profilePath}`, ({ profile }) => {
    const found = profileOf(profile)
    const differing = [...new Set([...right.map(([key]) => key!), ...Object.keys(found ?? {})])]
      .map((key) => ({ key, is: found?.[key], wanted: Object.fromEntries(right)[key] as string | undefined }))
      .filter(({ is, wanted }) => is !== wanted)
      .map(
        ({ key, is, wanted }) =>
          `${key} is ${is ?? "not there"}, ${wanted === undefined ? "nothing" : wanted} is wanted`,
      )
    return {
      evidence: profile === null ? "none" : profile.trim().slice(0, 200),
      wrong:
        found === undefined
          ? {
              what: `${profilePath} ${profile === null ? "is not there" : "is not JSON"}, hosts.${machine}.profile was asked for`,
              where: where(),
              fix: `build with MACHINE=${machine}`,
            }
          : differing.length > 0
            ? {
                what: `${profilePath} is not hosts.${machine}.profile: ${named(differing)}`,
                where: where(),
                fix: `build again with MACHINE=${machine}`,
              }
            : undefined,
    }
  })
}

/** The values as text: JSON writers differ about 16 and "16". */
function profileOf(text: string | null): Record<string, string> | undefined {
  if (text === null) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, String(each)]))
  } catch {
    return undefined
  }
}

const cpuFacts = ({ origin, family }: Wanted): Fact[] => [
  ofFiles("gpu packages", "has nothing that only a GPU needs", ({ distributions, gpuLibraries }) => {
    const packages = distributions
      .filter(({ name, version }) => onlyForGpus(name, version))
      .map(({ name, version }) => `${name} ${version}`)
    const found = [...packages, ...(gpuLibraries.count > 0 ? [examples(gpuLibraries)] : [])]
    return noneOf(found, () => ({
      what: `a CPU family carries ${named(found)}`,
      where: run(origin, installs),
      fix: `take the CPU build of it, or say gpu: true for families.${family.name} in fleet.yaml`,
    }))
  }),
  ofFiles("media libraries", "has no audio or vision system library", ({ debian }) => {
    const found = debian.filter(({ name }) => mediaPackages.test(name)).map(({ name }) => name)
    return noneOf(found, () => ({
      what: `a CPU family carries ${named(found)}, which belong to the torch and vision families`,
      where: run(origin, /apt-get|apt /),
      fix: "leave the package out",
    }))
  }),
]

const gpuFacts = (wanted: Wanted): Fact[] => [...archFacts(wanted), ...gpuHostFacts(wanted)]

const archFacts = ({ rules, origin, family }: Wanted): Fact[] => {
  const list = inheritedArgs(rules.fleet, family.name)[archList]
  if (list === undefined) return []
  const right = torchArchList(list)
  return [
    ofConfig("gpu architectures", `is for ${archList}="${right.join(";")}"`, ({ env }) => ({
      evidence: env[archList] ?? "not set",
      // The owner writes "89;86", torch "8.9;8.6": both are right.
      wrong:
        torchArchList(env[archList] ?? "").join(";") === right.join(";")
          ? undefined
          : {
              what: `${archList} is ${env[archList] ?? "not set"}, the blueprint wants ${right.join(";")}`,
              where: origin.set("ENV", new RegExp(archList)) ?? origin.file(),
              fix: `ENV ${archList}="${right.join(";")}"`,
            },
    })),
  ]
}
