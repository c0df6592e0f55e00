import type { Step } from "../engine/engine.ts"
import { digestSchema } from "../fleet/names.ts"
import type { Registry } from "./registry.ts"

export interface Name {
  family: string
  tag: string
}

// One container for all of them, eight at a time: started for each, a fleet would take longer than its build from the cache.
const script = `\
tls=$1
shift
i=0
for ref; do
  (
    if skopeo inspect --raw $tls \${AUTH:+--authfile "$AUTH"} "$ref" >/tmp/$i 2>/tmp/$i.said
    then printf '%s sha256:%s\\n' $i "$(sha256sum </tmp/$i | cut -c 1-64)"
    elif grep -Eqi 'manifest unknown|name unknown|repository name not known|not found' /tmp/$i.said
    then echo "$i none"
    else cat /tmp/$i.said >&2
    fi >/tmp/$i.answer
  ) &
  i=$((i + 1))
  [ $((i % 8)) -ne 0 ] || wait
done
wait
cat /tmp/*.answer
echo end
`

/**
 * The digests that tags point to, in the order asked for; undefined where there is no such tag or repository. One request
 * each. Throws StepError where one of them could not be asked.
 */
export async function digestsOf(registry: Registry, names: readonly Name[]): Promise<(string | undefined)[]> {
  if (names.length === 0) return []
  const families = [...new Set(names.map(({ family }) => family))]
  const about = families.length === 1 ? families[0] : `${families.length} images`
  const step = registry.step(`look up ${about}`, ["inspect"])
  const [auth] = Object.keys(step.secrets ?? {})
  const refs = names.map(({ family, tag }) => registry.ref(family, tag))
  const asked: Step = {
    ...step,
    argv: ["sh", "-c", script, "sh", registry.tls("").join(" "), ...refs],
    env: auth === undefined ? {} : { AUTH: auth },
  }
  let ran = await registry.engine.run(asked)
  // On a busy machine an answer was once cut off, with exit code 0.
  if (!/^end$/m.test(ran.stdout)) ran = await registry.engine.run(asked)
  const answers = new Map(ran.stdout.split("\n").map((line) => line.split(" ") as [string, string]))
  return names.map((_, index) => {
    const answer = answers.get(String(index))
    if (answer === "none") return undefined
    const digest = digestSchema.safeParse(answer)
    if (!digest.success) throw registry.failed(asked, ran)
    return digest.data
  })
}
