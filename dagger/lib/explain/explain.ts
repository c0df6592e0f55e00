import { closest } from "../fleet/names.ts"
import { shown } from "../fleet/shown.ts"
import { wrongInput } from "../problem.ts"
import { packagesOf } from "../release/packages.ts"
import type { Answer } from "./answer.ts"
import { allShown, type Known, newest } from "./known.ts"
import { asAdvisory, asDigest, asFamily, asPackage, asService, unchecked } from "./meanings.ts"

/**
 * What is known of a word, from records: every meaning that it has, since "torch" is a family and a package. Throws a
 * Problem (exit code 2) with the nearest known word for one that means nothing here.
 */
export function explain(word: string, known: Known): Answer[] {
  const wanted = word.trim()
  const one = [asService, asFamily, asAdvisory, asPackage].flatMap((as): Answer[] => {
    const answer = as(wanted, known)
    return answer ? [answer] : []
  })
  const answers = [...one, ...asDigest(wanted, known)]
  if (answers.length === 0) throw unknown(wanted, known)
  return answers
}

function unknown(word: string, known: Known) {
  const meant = closest(word, words(known))
  const blind = unchecked(known)
  const some = `${blind.slice(0, 4).join(", ")}${blind.length > 4 ? ` and ${blind.length - 4} more` : ""}`
  const advisory = /^(CVE|GHSA|PYSEC|DSA|DLA|OSV)-/i.test(word)
  return wrongInput(
    advisory
      ? `no record shows ${shown(word)}`
      : `no service, family, package, advisory or digest is called ${shown(word)}`,
    {
      where: "explain",
      // That nobody found it is worth only what was looked at.
      why: blind.length > 0 && advisory ? `that says nothing of ${some}: nobody could look there` : undefined,
      fix: meant ? `did you mean ${meant}?` : "name one that `fairlead families` or a record shows",
    },
  )
}

function words(known: Known): Set<string> {
  const { fleet, risks } = known
  return new Set([
    ...Object.keys(fleet.services),
    ...Object.entries(fleet.families).flatMap(([name, { alias }]) => [name, alias]),
    ...[...newest(known).values()].flatMap((record) => (packagesOf(record) ?? []).map(({ name }) => name)),
    ...allShown(known).flatMap(({ risk }) => [...risk.ids, risk.package]),
    ...risks.flatMap(({ id, package: of }) => [id, of]).filter((each) => each !== "*"),
  ])
}
