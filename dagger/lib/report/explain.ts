import { harmless } from "../engine/engine.ts"
import type { Answer, AnswerOf } from "../explain/answer.ts"
import { risksText } from "./risks.ts"
import { bytes, line, verdictWord } from "./text.ts"

/** Every meaning of a word, for people, one block each. */
export const explainText = (answers: readonly Answer[]): string =>
  harmless(answers.map((answer) => lines(answer).join("\n")).join("\n\n"))

function lines(answer: Answer): string[] {
  switch (answer.kind) {
    case "service":
      return serviceLines(answer)
    case "family":
      return familyLines(answer)
    case "package":
      return packageLines(answer)
    case "advisory":
      return advisoryLines(answer)
    case "digest":
      return digestLines(answer)
  }
}

function serviceLines(answer: AnswerOf<"service">): string[] {
  const { service, container, family, places, port, healthPort, needs, gpus, app, image, deployed } = answer
  return [
    `${service}, a service (container ${container})`,
    line("family", family),
    ...places.map(({ host, address, wave }) => line("runs on", `${host} (${address}), wave ${wave}`)),
    line("ports", `${port}, health ${healthPort}`),
    line("needs", `${needs.join(", ")}${gpus > 0 ? `: ${gpus} GPU${gpus === 1 ? "" : "s"}` : ""}`),
    line("app", `${app.name} (${app.path})${app.standIn ? ": a stand-in, its own code is not named yet" : ""}`),
    ...imageLines(image, family),
    ...(deployed.length > 0 ? deployed.map(deployedLine) : [line("deployed", "not known: no record of a rollout yet")]),
  ]
}

function deployedLine({ yard, host, image, digest, tag, run, at }: AnswerOf<"service">["deployed"][number]): string {
  const where = yard === "fleet.yaml" ? host : `${host} (${yard})`
  const what = `${image}@${digest.slice(7, 19)}${tag ? ` of ${tag}` : ""}`
  return line(
    "deployed",
    `${where}: ${what}${run ? `, run ${run}` : ""}, seen healthy ${at.slice(0, 16).replace("T", " ")} UTC`,
  )
}

function familyLines(answer: AnswerOf<"family">): string[] {
  const { family, alias, description, line: own, base, children, buildable, services, image, risks } = answer
  return [
    `${family}, a family (${alias}): ${description}`,
    line("line", [...(base ? [base] : []), ...own].join(" ← ")),
    ...(children.length > 0 ? [line("below", children.join(", "))] : []),
    ...(buildable || image ? imageLines(image, family) : [line("image", "no record, and no Dockerfile yet")]),
    ...serviceList(services),
    ...(risks.length > 0 ? [line("risks", `${risks.length} in risks.yaml`), risksText(risks)] : []),
  ]
}

function imageLines(image: AnswerOf<"digest">["image"] | undefined, family: string): string[] {
  if (!image) return [line("image", `no record: \`fairlead ship --family ${family}\` makes one`)]
  const gates = Object.entries(image.gates).map(([name, { verdict, brief }]) =>
    [name, verdictWord(verdict), brief].filter(Boolean).join(" "),
  )
  return [
    line("image", `${image.digest}, ${verdictWord(image.verdict)}, ${image.at.slice(0, 16).replace("T", " ")} UTC`),
    ...image.published.slice(0, 3).map(({ ref, at }) => line("released", `${ref}, ${at.slice(0, 10)}`)),
    line("gates", gates.join(" · ")),
    line(
      "size",
      `${bytes(image.size.compressed)} to pull, ${bytes(image.size.uncompressed)} on disk, ${image.packages} packages`,
    ),
    line("made of", `commit ${image.revision.slice(0, 12)}, fingerprint ${image.fingerprint}`),
  ]
}

const serviceList = (services: readonly { service: string; hosts: string[] }[]): string[] => {
  const names = services.map(({ service, hosts }) => `${service} (${hosts.join(", ")})`)
  return [line("services", names.join(", ") || "none directly")]
}

function packageLines({ package: of, found, hosts, advisories, risks, unknown }: AnswerOf<"package">): string[] {
  const rows = found.map(({ family, version, kind, services }) => {
    const on = services.map(({ service }) => service).join(", ") || "no service directly"
    return line("found", `${family} has ${version} (${kind}): ${on}`)
  })
  return [
    `${of}, a package`,
    ...(rows.length > 0 ? rows : [line("found", "in no newest record")]),
    ...(hosts.length > 0 ? [line("hosts", hosts.join(", "))] : []),
    ...advisories.map((each) => line(each.state, `${each.family}  ${shownText(each)}`)),
    ...(risks.length > 0 ? [risksText(risks)] : []),
    ...(unknown.length > 0 ? [line("note", `no record tells the packages of ${unknown.join(", ")}`)] : []),
  ]
}

function advisoryLines({ id, ids, found, risks, unchecked }: AnswerOf<"advisory">): string[] {
  const others = ids.filter((each) => each !== id)
  const exposed = new Map(found.flatMap(({ services }) => services.map((each) => [each.service, each] as const)))
  return [
    `${id}, a weakness${others.length > 0 ? `, also ${others.join(", ")}` : ""}`,
    ...(found.length === 0 ? [line("found", "in no newest record")] : []),
    ...found.map((each) => line(each.state, `${each.family}  ${shownText(each)}`)),
    ...(found.length > 0 ? serviceList([...exposed.values()]) : []),
    ...(risks.length > 0 ? [risksText(risks)] : []),
    ...(unchecked.length > 0 ? [line("note", `nobody could look at ${unchecked.join(", ")}`)] : []),
  ]
}

const shownText = ({
  gate,
  ids,
  package: of,
  installed,
  fixed,
  severity,
}: AnswerOf<"package">["advisories"][number]): string =>
  [
    `${gate}: ${[severity, ids[0]].filter(Boolean).join(" ")} in ${[of, installed].filter(Boolean).join(" ")}`,
    fixed === undefined ? "" : fixed.length > 0 ? `fixed in ${fixed.join(", ")}` : "no version has a fix",
  ]
    .filter(Boolean)
    .join(", ")

function digestLines({ digest, of, family, newest, image }: AnswerOf<"digest">): string[] {
  const what = {
    image: "an image",
    packages: "a package table",
    fingerprint: "a fingerprint",
    commit: "a commit",
    tag: "a tag",
  }[of]
  return [`${digest}, ${what} of ${family}${newest ? "" : " (not its newest)"}`, ...imageLines(image, family)]
}
