import type { Fleet } from "./fleet.ts"
import { imageNamed } from "./hierarchy.ts"

/**
 * Whether an image takes gigabytes, by its own budget: such ones are made and looked at one at a time, since each lies on
 * the disk as an archive, as a layout for its children and unpacked.
 */
export const takesGigabytes = (fleet: Fleet, name: string): boolean =>
  (imageNamed(fleet, name)?.budget.compressed ?? 0) > 1e9
