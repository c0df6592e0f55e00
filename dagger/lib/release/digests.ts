import { digestSchema } from "../fleet/names.ts"
import type { Registry } from "./registry.ts"
import { toItsEnd } from "./to-its-end.ts"

export interface Name {
  family: string
  tag: string
}

/**
 * The digests that tags point to, in the order asked for; undefined where there is no such tag or repository. One request
 * each. Throws StepError where one of them could not be asked.
 */
export async function digestsOf(registry: Registry, names: readonly Name[]): Promise<(string | undefined)[]> {
  if (names.length === 0) return []
  const families = [...new Set(names.map(({ family }) => family))]
  const about = families.length === 1 ? families[0] : `${families.length} images`
  const refs = names.map(({ family, tag }) => registry.name(family, tag))
  const asked = registry.tags(`look up ${about}`, ["look", ...refs])
  const ran = await toItsEnd(registry.engine, asked, (said) => /^end$/m.test(said))
  const answers = new Map(ran.stdout.split("\n").map((line) => line.split(" ") as [string, string]))
  return names.map((_, index) => {
    const answer = answers.get(String(index))
    if (answer === "none") return undefined
    const digest = digestSchema.safeParse(answer)
    if (!digest.success) throw registry.failed(asked, ran)
    return digest.data
  })
}
