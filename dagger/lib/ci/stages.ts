import type { Fleet } from "../fleet/fleet.ts"
import { appImages, lineage } from "../fleet/hierarchy.ts"

/** Every image that `ship --all` ships: families with a Dockerfile, and the app images on them. */
export const shippableImages = (fleet: Fleet): string[] =>
  [...Object.keys(fleet.families), ...appImages(fleet).map(({ name }) => name)].filter((name) =>
    lineage(fleet, name).every(({ dockerfile }) => dockerfile !== undefined),
  )

/** How many stages the fleet's hierarchy has: as many as its longest line has images. */
export const stageCount = (fleet: Fleet): number =>
  Math.max(1, ...shippableImages(fleet).map((name) => lineage(fleet, name).length))

/** Images by stage, parents in an earlier one than their children; stages without an image are there, and empty. */
export function stagesOf(fleet: Fleet, images: readonly string[]): string[][] {
  const stages: string[][] = Array.from({ length: stageCount(fleet) }, () => [])
  for (const name of images) stages[lineage(fleet, name).length - 1]!.push(name)
  return stages
}

/** Those of some images that none of the others stands on: whoever builds these has built all of them. */
export function leavesOf(fleet: Fleet, images: readonly string[]): string[] {
  const below = new Set(
    images.flatMap((name) =>
      lineage(fleet, name)
        .slice(0, -1)
        .map((each) => each.name),
    ),
  )
  return images.filter((name) => !below.has(name))
}

/** The nearest of some images that an image stands on. */
export const parentAmong = (fleet: Fleet, name: string, images: readonly string[]): string | undefined =>
  lineage(fleet, name)
    .slice(0, -1)
    .map((each) => each.name)
    .findLast((each) => images.includes(each))
