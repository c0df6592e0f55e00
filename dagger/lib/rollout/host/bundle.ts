import { wrongInput } from "../../problem.ts"
import type { Bundle } from "./job.ts"
import { patterns } from "./protocol.ts"

/** A bundle as the host takes it: each file after a line with its path, `@@ end` last. */
export function bundleText({ compose, definitions, files, ...manifest }: Bundle): string {
  const all: [string, string][] = [
    ["compose.json", JSON.stringify(compose)],
    ...Object.entries(definitions).map(([name, each]): [string, string] => [
      `definitions/${name}`,
      JSON.stringify(each),
    ]),
    ...Object.entries(files).map(([name, text]): [string, string] => [`files/${name}`, text.replace(/\n$/, "")]),
    // Last, since with it the run is whole.
    ["manifest", manifestText(manifest)],
  ]
  for (const [path, text] of all) {
    if (/^@@ /m.test(text)) throw wrongInput(`a line of ${path} begins with "@@ "`, { fix: "indent it" })
  }
  return [...all.flatMap(([path, text]) => [`@@ ${path}`, text]), "@@ end", ""].join("\n")
}

type Manifest = Omit<Bundle, "compose" | "definitions" | "files">

function manifestText({ tag, services, images, mirror, volumes, networks }: Manifest) {
  const rows = [
    ["tag", tag],
    ...services.map((each) => [
      ...["service", each.svc, each.wave, each.image, each.definition, each.healthPort, each.healthPath],
      ...[each.probeSeconds, each.deadlineSeconds, each.answers, each.stopSeconds].map(Math.ceil),
    ]),
    ...images.map((image) => ["image", image]),
    ...(mirror === undefined ? [] : [["mirror", mirror]]),
    ...volumes.map((volume) => ["volume", volume]),
    ...networks.map((network) => ["network", network]),
  ]
  const odd = [...services.map(({ image }) => image), ...images].find((image) => !patterns.image.test(image))
  if (odd !== undefined) throw wrongInput(`${JSON.stringify(odd)} is no image with a digest`)
  return rows.map((row) => row.join("\t")).join("\n")
}
