import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { site } from "../../cli/setup/toolbox.ts"
import { isRecent, ourRecords } from "../../cli/setup/toolbox-leftovers.ts"
import {
  stagesOf,
  toolboxFingerprint,
  toolboxFoot,
  toolboxName,
  toolboxParts,
} from "../../dagger/lib/engine/toolbox.ts"

const folder = fileURLToPath(new URL("../../dagger/toolbox", import.meta.url))
const files: Record<string, string> = Object.fromEntries(
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(folder.length + 1))
    .map((path) => [path, readFileSync(join(folder, path), "utf8")]),
)
const dockerfile = files.Dockerfile!
const base = `sha256:${"0".repeat(64)}`

const changes = (path: string, change = `${files[path]}\n`): string[] =>
  toolboxParts.filter(
    (part) => toolboxFingerprint(part, files, base) !== toolboxFingerprint(part, { ...files, [path]: change }, base),
  )

describe("the fingerprint of a toolbox part", () => {
  it("is the same for the same recipe, whatever the order of its files", () => {
    const turned = Object.fromEntries(Object.entries(files).reverse())
    for (const part of toolboxParts) {
      expect(toolboxFingerprint(part, turned, base)).toBe(toolboxFingerprint(part, files, base))
    }
  })

  it("differs from part to part", () => {
    expect(new Set(toolboxParts.map((part) => toolboxFingerprint(part, files, base))).size).toBe(toolboxParts.length)
  })

  it.each([
    ["go.sum", ["build"]],
    ["trivy/go.sum", ["scan"]],
    ["advisories/go.sum", ["scan"]],
    ["advisories/compile.go", ["scan"]],
    ["kubernetes/go.sum", ["kubernetes"]],
    ["kubernetes/check.go", ["kubernetes"]],
    ["lint/go.sum", ["lint"]],
    ["scripts/actionlint", ["lint"]],
    ["requirements/go.lock", ["build", "sbom", "lint", "sign", "scan", "kubernetes"]],
    ["tags/set.go", ["build", "sign"]],
    ["seal/layer.go", ["sbom"]],
    ["tags/fetch.go", ["build", "sign"]],
    ["requirements/sbom.lock", ["sbom"]],
    ["requirements/lint.lock", ["lint"]],
    ["requirements/scan.lock", ["scan"]],
    ["requirements/lock.lock", ["lock"]],
    ["registry.yaml", ["registry"]],
    ["containers.conf", ["run"]],
    ["scripts/podman-on", ["run"]],
    ["host/sshd_config", ["host"]],
    ["host/fairlead-demo-receiver", ["host"]],
    ["scripts/debian", toolboxParts],
    ["scripts/site", toolboxParts],
    ["requirements/scan.in", []],
  ])("a change of %s rebuilds %s", (path, parts) => {
    expect(changes(path)).toEqual(parts)
  })

  it("follows its own stages of the Dockerfile only", () => {
    expect(
      changes("Dockerfile", dockerfile.replace("/toolbox/debian docker-registry", "/toolbox/debian registry")),
    ).toEqual(["registry"])
  })

  it("does not move with a comment", () => {
    expect(changes("Dockerfile", `# Another word.\n${dockerfile}`)).toEqual([])
  })

  it("moves with the base", () => {
    const other = `sha256:${"1".repeat(64)}`
    for (const part of toolboxParts) {
      expect(toolboxFingerprint(part, files, other)).not.toBe(toolboxFingerprint(part, files, base))
    }
  })

  it("names the image by its first twelve digits", () => {
    expect(toolboxName("build", `0123456789abcdef${"0".repeat(48)}`)).toBe("fairlead/toolbox-build:0123456789ab")
  })
})

describe("the toolbox's Dockerfile", () => {
  const named = [
    ...dockerfile.matchAll(/source=([\w./-]+)/g),
    ...dockerfile.matchAll(/^COPY --link (?:--chmod=\d+ )?(\S+)/gm),
  ]
    .map(([, path]) => path!)
    .filter((path) => path !== "scripts")
  const scripts = [...dockerfile.matchAll(/\/toolbox\/(\w+)/g)].map(([, name]) => `scripts/${name}`)

  it("has a target for every part", () => {
    for (const part of toolboxParts) expect(stagesOf(part, dockerfile)[0]).toContain(` AS ${part}\n`)
  })

  it("stands on one image only, and on no remote frontend", () => {
    const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)/gm)].map(([, name]) => name)
    const feet = [...dockerfile.matchAll(/^FROM (\S+)/gm)]
      .map(([, name]) => name!)
      .filter((name) => !stages.includes(name))
    expect(feet).toEqual([toolboxFoot])
    expect(dockerfile).not.toMatch(/^# *syntax=/m)
  })

  it("names only files that are there", () => {
    for (const path of [...named, ...scripts]) expect(Object.keys(files)).toContain(path)
  })

  it("names every file that its own tool is compiled from", () => {
    for (const path of Object.keys(files).filter((each) => each.startsWith("advisories/"))) {
      expect(dockerfile).toContain(`source=${path},`)
    }
  })

  it("mounts its secrets, and hands none over as an argument", () => {
    expect(dockerfile).not.toMatch(/^(ARG|ENV) .*(TOKEN|PASSWORD|INDEX_URL|CERT)/m)
  })
})

describe("the locks of the toolbox", () => {
  const locks = Object.keys(files).filter((path) => path.endsWith(".lock"))

  it.each(locks)("%s has a hash for every package, and names no index", (path) => {
    const packages = files[path]!.split(/\n(?=\S)/).filter((each) => /^[a-z]/.test(each))
    expect(packages.length).toBeGreaterThan(0)
    for (const each of packages) expect(each).toMatch(/^[a-z0-9._-]+==\S+ \\\n\s+--hash=sha256:[0-9a-f]{64}/)
    expect(files[path]).not.toMatch(/https?:/)
  })

  it.each(locks)("%s is what its .in asks for", (path) => {
    for (const wanted of files[path.replace(/lock$/, "in")]!.trim().split("\n"))
      expect(files[path]).toContain(`${wanted} \\`)
  })

  it("pins BuildKit and Trivy to the releases that were tried", () => {
    expect(files["go.mod"]).toContain("github.com/moby/buildkit v0.26.3")
    expect(files["trivy/go.mod"]).toContain("github.com/aquasecurity/trivy v0.69.3")
  })

  it("writes databases with the module that this Trivy reads them with", () => {
    const module = /github\.com\/aquasecurity\/trivy-db v\S+/
    expect(module.exec(files["advisories/go.mod"]!)?.[0]).toBe(module.exec(files["trivy/go.mod"]!)?.[0])
  })
})

describe("what a site adds to a build of the toolbox", () => {
  it("passes index addresses on as shell assignments that cannot become commands", () => {
    expect(
      site({ PIP_INDEX_URL: "https://u:p'$(id)@mirror/simple", GOPROXY: "https://mirror/go", HOME: "/root" }),
    ).toBe("PIP_INDEX_URL='https://u:p'\\''$(id)@mirror/simple'\nGOPROXY='https://mirror/go'\n")
  })

  it("is nothing where nothing is set", () => {
    expect(site({})).toBe("")
  })
})

describe("Docker's build cache", () => {
  it("gives back only what the toolbox's Dockerfile made", () => {
    const record = (id: string, description: string) =>
      `ID:\t\t${id}\nSize:\t\t1MB\nDescription:\t${description}\nType:\t\tregular\n`
    const told = [
      record("one", "mount / from exec /bin/sh -c /toolbox/debian skopeo"),
      record("two", 'cached mount /go/cache from exec /bin/sh -c make with id "/fairlead-go-cache"'),
      record("copied", "[build 2/3] LINK COPY --from=buildkit --link /toolbox-out/ /usr/local/bin/"),
      record("configured", "[registry 2/2] COPY --link registry.yaml /etc/docker/registry/config.yml"),
      record("host", "[host 5/5] LINK COPY --chmod=0755 host/fairlead-demo-host host/nvidia-smi /usr/local/bin/"),
      record("three", "mount / from exec /bin/sh -c apt-get update"),
      record("four", "local source for context"),
    ]
    expect(ourRecords(`${told.join("\n")}\nReclaimable:\t1GB\nTotal:\t1GB\n`)).toEqual([
      "one",
      "two",
      "copied",
      "configured",
      "host",
    ])
  })
})

describe("an image of an earlier toolbox", () => {
  const tagged = "2026-11-22 12:45:57.685462947 +0000 UTC\n"

  it("is kept for a week, since another clone may be at work with it", () => {
    expect(isRecent(tagged, Date.parse("2026-11-29T12:00:00Z"))).toBe(true)
    expect(isRecent(tagged, Date.parse("2026-11-29T13:00:00Z"))).toBe(false)
  })

  it("is old when Docker does not know when it was named", () => {
    expect(isRecent("0001-01-01 00:00:00 +0000 UTC", Date.parse("2026-11-29T13:00:00Z"))).toBe(false)
    expect(isRecent("", 0)).toBe(false)
  })
})
