import { digestIn } from "../../release/reference.ts"
import type { Prunable } from "../host/job.ts"
import type { HostContainer, HostLook, Snapshot } from "../host/look.ts"
import { containerName, imageName } from "../host/names.ts"

/** Failed containers that stay for a look, the newest. */
const mostKeptFailures = 3

export interface PruneOnHost {
  look: HostLook
  /** policy.rollout.keepReleases. */
  keep: number
  /** What the host's snapshots hold, the newest first; of the newest `keep` of them all must be here. */
  snapshots: readonly Snapshot[]
  /** Runs in the host's history, the newest first. */
  runs: readonly string[]
  /** Digests of the tag that the host is pinned at. */
  pinned: readonly string[]
  /** Names of images that are the fleet's: others are nobody's business here. */
  names: ReadonlySet<string>
  /** "127.0.0.1:5000/my-fleet/": where the fleet's images come from. */
  repositories: readonly string[]
}

/** Digests that the host needs: of every container, of every kept snapshot, and of its pin. */
export function neededOn({
  look,
  keep,
  snapshots,
  pinned,
}: Pick<PruneOnHost, "look" | "keep" | "snapshots" | "pinned">) {
  const deployed = newestOf(snapshots, keep).flatMap(({ services }) => services.map(({ image }) => image))
  const images = [...look.containers.map(({ image }) => image), ...deployed]
  return new Set([...pinned, ...images.flatMap((image) => digestIn(image) ?? [])])
}

/** What may go from a host, containers first: they hold their images. A host with an unfinished run keeps everything. */
export function prunableOn(on: PruneOnHost): Prunable[] {
  if (on.look.open.length > 0) return []
  const containers = failedContainers(on.look)
  const gone = new Set(containers)
  const left = { ...on, look: { ...on.look, containers: on.look.containers.filter(({ name }) => !gone.has(name)) } }
  return [
    ...containers.map((name): Prunable => ({ kind: "container", name })),
    ...images(left).map((name): Prunable => ({ kind: "image", name })),
    ...snapshotsOf(on).map((seq): Prunable => ({ kind: "snapshot", name: String(seq).padStart(6, "0") })),
    ...definitions(left).map((name): Prunable => ({ kind: "definition", name })),
    ...runs(left).map((name): Prunable => ({ kind: "run", name })),
    ...marks(left).map((name): Prunable => ({ kind: "good", name })),
  ]
}

const newestOf = (snapshots: readonly Snapshot[], keep: number): Snapshot[] =>
  [...snapshots].sort((one, other) => other.seq - one.seq).slice(0, keep)

/** Those that failed and were kept, but for the newest; and what was made for runs that are over. */
function failedContainers({ containers }: HostLook): string[] {
  const of = (role: string) => containers.filter(({ name }) => containerName(name)?.role === role)
  const newestFirst = (one: HostContainer, other: HostContainer) => (one.startedAt < other.startedAt ? 1 : -1)
  const failed = of("kept").sort(newestFirst).slice(mostKeptFailures)
  return [...failed, ...of("made")].map(({ name }) => name)
}

function images(on: PruneOnHost): string[] {
  const needed = neededOn(on)
  const ours = (image: string) =>
    on.names.has(imageName(image)) && on.repositories.some((prefix) => image.startsWith(prefix))
  return on.look.images.filter((image) => ours(image) && !needed.has(digestIn(image) ?? ""))
}

const snapshotsOf = ({ look, keep }: PruneOnHost): number[] =>
  look.snapshots
    .map(({ seq }) => seq)
    .sort((one, other) => other - one)
    .slice(keep)

function definitions({ look, keep, snapshots }: PruneOnHost): string[] {
  const named = (all: readonly Snapshot[]) =>
    all.flatMap(({ services }) => services.map(({ svc, definition }) => `${svc}.${definition}`))
  const held = look.containers.flatMap(({ name, definition }) => {
    const svc = containerName(name)?.svc
    return svc && definition ? [`${svc}.${definition}`] : []
  })
  const needed = new Set([...named(newestOf(snapshots, keep)), ...held])
  return look.definitions.filter((name) => !needed.has(name))
}

/** A container's run tells how it is probed: it stays as long as the container does, and the newest ones for their logs. */
function runs({ look, keep, runs: all }: PruneOnHost): string[] {
  const newest = look.snapshots.toSorted((one, other) => other.seq - one.seq)
  const needed = new Set([
    ...look.containers.flatMap(({ run }) => run ?? []),
    ...newest.slice(0, keep).map(({ run }) => run),
    ...all.slice(0, keep),
    ...(look.lock ? [look.lock.run] : []),
  ])
  return look.runs.filter((run) => !needed.has(run))
}

/** Of containers that are gone: nothing asks for those any more. */
function marks({ look }: PruneOnHost): string[] {
  const there = new Set(
    look.containers.flatMap(({ name, run }) => {
      const svc = containerName(name)?.svc
      return svc && run ? [`${svc}.${run}`] : []
    }),
  )
  return look.good.filter((mark) => !there.has(mark))
}
