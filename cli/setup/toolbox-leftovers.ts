import { label } from "../state.ts"
import { buildx } from "./buildx.ts"
import { run } from "./command.ts"

/** The Docker daemon itself: another builder that somebody chose would have to hand the image over. */
export async function builder(): Promise<string> {
  const { stdout, exitCode } = await run(["docker", "context", "show"])
  return exitCode === 0 && stdout.trim() ? stdout.trim() : "default"
}

/** Docker's filters for the images that Fairlead built under this name; somebody else's would not carry the label. */
export const built = (repository: string): string[] => [`label=${label}=1`, `reference=${repository}`]

/** Other clones may be at work with images of their own, so only those go that nobody named for long. */
export const removeOldImages = (repository: string): Promise<string[]> =>
  removeImages(built(repository), async (image) => {
    const { stdout } = await run(["docker", "image", "inspect", "--format", "{{.Metadata.LastTagTime}}", image])
    return !isRecent(stdout, Date.now())
  })

const keptDays = 7

/** Docker writes times as Go prints them: "2026-11-22 12:45:57.685462947 +0000 UTC". */
export const isRecent = (tagged: string, now: number): boolean => {
  const [, day, time] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/.exec(tagged) ?? []
  return day !== undefined && now - Date.parse(`${day}T${time}Z`) < keptDays * 24 * 3600 * 1000
}

/** One that a container still uses stays. */
export async function removeImages(
  filters: readonly string[],
  chosen = async (_image: string) => true,
): Promise<string[]> {
  const options = filters.flatMap((each) => ["--filter", each])
  const { stdout } = await run(["docker", "image", "ls", ...options, "--format", "{{.Repository}}:{{.Tag}}"])
  const removed: string[] = []
  for (const image of stdout.split("\n").filter(Boolean)) {
    if (!(await chosen(image))) continue
    const { exitCode } = await run(["docker", "image", "rm", image])
    if (exitCode === 0) removed.push(`image ${image}`)
  }
  return removed
}

/** Docker's build cache of the toolbox, by what each record says it came from. Leaves first, so several rounds. */
export async function pruned(): Promise<string[]> {
  const before = await cacheRecords()
  let left = before
  for (let round = 0; round < 12 && left.length > 0; round++) {
    for (const id of left) {
      await run([...(await buildx()), "prune", "--builder", await builder(), "--force", "--filter", `id=${id}`])
    }
    const now = await cacheRecords()
    if (now.length === left.length) break
    left = now
  }
  const count = before.length - left.length
  return count > 0 ? [`${count} records of Docker's build cache`] : []
}

async function cacheRecords(): Promise<string[]> {
  const { stdout } = await run([...(await buildx()), "du", "--builder", await builder(), "--verbose"])
  return ourRecords(stdout)
}

const ours =
  /\/toolbox(?:-out|-src)?\b|"\/fairlead-|COPY .*(?:registry\.yaml|containers\.conf|podman-on|host\/[\w-]+) \//

/** Records of `buildx du --verbose` that the toolbox's Dockerfile made. */
export const ourRecords = (text: string): string[] =>
  text.split(/\n\s*\n/).flatMap((record) => {
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(record)?.[1] ?? ""
    return ours.test(field("Description")) ? [field("ID")] : []
  })
