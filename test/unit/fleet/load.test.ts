import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { loadFleet, parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { changed, refusal, small } from "./small.ts"

describe("a fleet that is right", () => {
  it("comes out with sizes in bytes, defaults filled in and the arch list in torch's spelling", () => {
    const fleet = parseFleet(small)
    expect(fleet.families.root).toEqual({
      alias: "r",
      description: "Root",
      base: "debian",
      dockerfile: "dockerfiles/root.Dockerfile",
      python: "3.11",
      frozen: {},
      budget: { compressed: 45_000_000, uncompressed: 120_000_000 },
      gpu: false,
      args: {},
      system: [],
      packages: [],
      allow: { setuid: [], compilers: [], ports: [] },
    })
    expect(fleet.families.cuda?.args).toEqual({ TORCH_CUDA_ARCH_LIST: "8.9;8.6" })
    expect(fleet.hosts.two?.port).toBe(22)
    expect(fleet.services.FirstService?.gpus).toBe(0)
    expect(fleet.services.ModelService?.gpus).toBe(1)
  })

  it("may use a few aliases", () => {
    expect(parseFleet(small).hosts.two?.profile).toEqual(parseFleet(small).hosts.one?.profile)
  })
})

describe("what is wrong inside one entry", () => {
  it("is a key nobody knows, with the one that was meant", () => {
    expect(refusal(changed("healthPort: 8001", "helthPort: 8001"))).toEqual([
      "fleet.yaml: services.FirstService.healthPort: is missing: TCP port on which GET /health answers; may be the service's own. (line 20)",
      "fleet.yaml: services.FirstService.helthPort: is not known here; did you mean healthPort? (line 20)",
    ])
  })

  it("is a key that resembles nothing, with those that are known", () => {
    expect(refusal(changed("org: small", "org: small, zzzzzzzz: 1"))).toEqual([
      "fleet.yaml: registry.zzzzzzzz: is not known here; known are host, org (line 3)",
    ])
  })

  it.each([
    ["port: 7001", "port: lots", 'services.FirstService.port: "lots" is not a whole number'],
    ["port: 7001", 'port: "7001"', 'services.FirstService.port: "7001" is text; take it out of its quotes'],
    ["port: 7001", "port: 70.5", "services.FirstService.port: 70.5 is not a whole number"],
    ["port: 7001", "port: 70010", "services.FirstService.port: 70010 is more than 65535"],
    ["port: 7001", "port: 0", "services.FirstService.port: 0 is less than 1"],
    ["hosts: [two]", "hosts: two", 'services.SecondService.hosts: "two" is not a list'],
    ["hosts: [two]", "hosts: []", "services.SecondService.hosts: is empty; name at least one"],
    [
      "[cpu, web]",
      "[cpu, wep]",
      'services.SecondService.needs[1]: "wep" is not one of cpu, gpu, gpu-aware, web, llm, audio, vision, docker; did you mean web?',
    ],
    ['torch: "2.2.2"', "torch: 2.2", "families.cuda.frozen.torch: 2.2 is a number; put it in quotes"],
    [
      'torch: "2.2.2"',
      'torch: ">=2.2"',
      'families.cuda.frozen.torch: ">=2.2" is not one exact version such as "2.2.2", in quotes',
    ],
    ["compressed: 45 MB", "compressed: 45", "families.root.budget.compressed: 45 is a number; put it in quotes"],
    [
      "compressed: 45 MB",
      "compressed: 45 megs",
      'families.root.budget.compressed: "45 megs" is not a size such as "45 MB", "2.1 GB" or "512 MiB"',
    ],
    ["gpu: true", "gpu: yes", 'families.cuda.gpu: "yes" is not true or false'],
    ["schema: 1", "schema: 2", "schema: 2 is not 1"],
    [
      "10001:10001",
      "0:0",
      'policy.image.user: "0:0" is not a numeric user and group such as "10001:10001", never root',
    ],
    [
      "plain: { alias",
      "Plain: { alias",
      'families.Plain: "Plain" is not a DNS label: lower-case letters, digits and inner hyphens, at most 63 characters',
    ],
    [
      "alias: p,",
      "alias: p_,",
      'families.plain.alias: "p_" is not a DNS label: lower-case letters, digits and inner hyphens, at most 63 characters',
    ],
    [
      "SecondService:",
      "Second_Service:",
      'services.Second_Service: "Second_Service" is not a service name: a letter, then letters, digits and inner hyphens, at most 63 characters',
    ],
    [
      "SecondService:",
      `${"S".repeat(64)}:`,
      `services.${"S".repeat(64)}: "${"S".repeat(60)}…" is not a service name: a letter, then letters, digits and inner hyphens, at most 63 characters`,
    ],
    [
      'host: "127.0.0.1:5000"',
      "host: https://ghcr.io",
      'registry.host: "https://ghcr.io" is not a registry host such as "ghcr.io" or "127.0.0.1:5000": no scheme, no path, lower case',
    ],
    [
      "org: small",
      "org: Small//Fleet",
      'registry.org: "Small//Fleet" is not a registry path such as "my-fleet": lower-case letters and digits with . _ - or / between them',
    ],
    [
      "debian:bookworm-slim",
      "debian",
      'bases.debian.image: "debian" is not an image reference with a tag, such as "debian:bookworm-slim"',
    ],
    ["suite: bookworm", "suite: sid", 'bases.debian.bootstrap.suite: "sid" is not one of bookworm, trixie'],
    [
      "user: fleet, gpu",
      "user: fleet, hostKey: ssh-rsa AAAA, gpu",
      'hosts.one.hostKey: "ssh-rsa AAAA" is not an SSH host key: "ssh-ed25519" and 68 characters that begin with AAAA, without a comment',
    ],
  ])("%s → %s is refused", (from, to, sentence) => {
    const lines = refusal(changed(from, to)).map((line) => line.replace(/ \(line \d+\)$/, ""))
    expect(lines).toContain(`fleet.yaml: ${sentence}`)
  })

  it("is told by the name of the file that was read", () => {
    expect(() => parseFleet("schema: 2", "yard/fleet.yaml")).toThrow(
      /^yard\/fleet.yaml: schema: 2 is not 1 \(line 1\)$/m,
    )
  })
})

describe("all that is wrong", () => {
  it("is told at once, inside entries and between them, in the order of the file", () => {
    const text = changed(
      "parent: root, lock",
      "parent: rot, lock",
      "port: 7002",
      "port: 7001",
      "keepReleases: 5",
      "keepReleases: one",
    )
    expect(refusal(text)).toEqual([
      'fleet.yaml: families.plain.parent: there is no family "rot"; did you mean root? (line 11)',
      "fleet.yaml: services.FirstService.port: 7001 is also used by services.SecondService.port on two; give one of them another port (line 20)",
      'fleet.yaml: policy.rollout.keepReleases: "one" is not a whole number (line 34)',
    ])
  })

  it("does not call an entry unknown that is there and wrong in itself", () => {
    expect(refusal(changed("compressed: 50 MB", "compressed: much"))).toEqual([
      'fleet.yaml: families.plain.budget.compressed: "much" is not a size such as "45 MB", "2.1 GB" or "512 MiB" (line 11)',
    ])
  })

  it("ends after a hundred things", () => {
    const services = Array.from({ length: 300 }, (_, index) => `  S${index}: {}\n`).join("")
    const lines = refusal(changed("services:\n", `services:\n${services}`))
    expect(lines).toHaveLength(101)
    expect(lines.at(-1)).toBe("fleet.yaml: has more wrong with it; mend these first")
  })
})

describe("hostile values", () => {
  it.each([
    ["dockerfile: dockerfiles/root.Dockerfile", "dockerfile: ../root.Dockerfile"],
    ["dockerfile: dockerfiles/root.Dockerfile", "dockerfile: a/../../root.Dockerfile"],
    ["dockerfile: dockerfiles/root.Dockerfile", "dockerfile: /etc/passwd"],
    ["dockerfile: dockerfiles/root.Dockerfile", "dockerfile: -f"],
    ["dockerfile: dockerfiles/root.Dockerfile", "dockerfile: a/--flag"],
    ["dockerfile: dockerfiles/root.Dockerfile", "dockerfile: a//b"],
    ["dockerfile: dockerfiles/root.Dockerfile", "dockerfile: ./a"],
    ["dockerfile: dockerfiles/root.Dockerfile", 'dockerfile: "a\\nb"'],
    ["dockerfile: dockerfiles/root.Dockerfile", "dockerfile: $(id)"],
    ["dockerfile: dockerfiles/root.Dockerfile", 'dockerfile: "a\\\\b"'],
    ["address: 192.0.2.1", "address: -oProxyCommand=id"],
    ["address: two.example", "address: two.example;id"],
    ["user: fleet, gpu", "user: -l, gpu"],
    ["org: small", "org: -small"],
    ["org: small", "org: small/../other"],
    ["debian:bookworm-slim", "--debian:x"],
    ["FirstService: {", "-FirstService: {"],
    ["FirstService: {", '"$(id)": {'],
    ["alias: r,", 'alias: "r\\nUSER root",'],
    ["description: Root", 'description: "Root\\u001b[2J"'],
    ["python, main.py", 'python, "main.py\\nrm"'],
    ["python, main.py", 'python, "$(id)"'],
    ["python, main.py", 'python, "`id`"'],
    ["[python, main.py]", '["-c", main.py]'],
    ['"89;86"', '"${HOME}"'],
    ['"89;86"', '"$(id)"'],
    ["max_split_size_mb:64", "max\\nmb:64"],
    ["http://observability:9007/ingest/image", "file:///etc/passwd"],
    ["/usr/bin/tini", "/usr/../bin/sh"],
    ["torch: ", '"--index-url": '],
  ])("%s → %s is refused", (from, to) => {
    const lines = refusal(changed(from, to))
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) expect(line).toMatch(/^fleet\.yaml: /)
    // What is wrong is quoted, and cannot steer the terminal that shows it.
    expect(lines.join("")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
  })

  it("are names that objects have by themselves: they mean nothing special", () => {
    expect(refusal(changed("parent: cuda", "parent: constructor"))[0]).toContain('there is no family "constructor"')
    expect(refusal(changed("family: llm", "family: toString"))[0]).toContain('services.ModelService.family: "toString"')
    const fleet = parseFleet(changed("SecondService", "constructor"))
    expect(Object.keys(fleet.services)).toContain("constructor")
    expect(refusal(changed("SecondService:", "__proto__:"))[0]).toContain("services: has a key that is not plain text")
  })
})

describe("loadFleet", () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fleet-"))
  })
  afterEach(() => rm(folder, { recursive: true }))
  const failure = () =>
    loadFleet(folder).then(
      () => "was accepted",
      (error: Error) => error.message,
    )

  it("reads fleet.yaml, whose Dockerfiles and locks need not be there yet", async () => {
    await writeFile(join(folder, "fleet.yaml"), small)
    expect((await loadFleet(folder)).name).toBe("small")
  })

  it("says where it looked when there is none, and what to do", async () => {
    expect(await failure()).toBe(
      `there is no fleet.yaml in ${folder}\n  fix: run this in the folder of a fleet, or start one with \`fairlead init\``,
    )
  })

  it("refuses a file that is not UTF-8", async () => {
    await writeFile(join(folder, "fleet.yaml"), Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]))
    expect(await failure()).toBe("fleet.yaml: is not UTF-8 text\n  fix: save it as UTF-8")
  })

  it("refuses a file that never ends", async () => {
    await symlink("/dev/zero", join(folder, "fleet.yaml"))
    expect(await failure()).toBe(`${join(folder, "fleet.yaml")}: is not a file`)
  })

  it("refuses a file over 2 MB", async () => {
    await writeFile(join(folder, "fleet.yaml"), `${small}#${" ".repeat(2_000_000)}`)
    expect(await failure()).toContain("fleet.yaml: is larger than 2 MB")
  })

  it("refuses a symbolic link out of the repository, also one that leads to nothing", async () => {
    await writeFile(join(folder, "fleet.yaml"), small)
    await symlink(tmpdir(), join(folder, "locks"))
    await mkdir(join(folder, "dockerfiles"))
    await symlink("/nowhere/at/all", join(folder, "dockerfiles", "root.Dockerfile"))
    const [first, second] = (await failure()).split("\n")
    expect(first).toMatch(
      /^fleet\.yaml: families\.root\.dockerfile: dockerfiles\/root\.Dockerfile is a link out of the repository/,
    )
    expect(second).toMatch(
      /^fleet\.yaml: families\.plain\.lock: locks\/plain\.lock is a link out of the repository, to .*; keep it inside \(line 11\)$/,
    )
  })

  it("accepts a symbolic link that stays inside", async () => {
    await writeFile(join(folder, "fleet.yaml"), small)
    await mkdir(join(folder, "elsewhere"))
    await symlink("elsewhere", join(folder, "locks"))
    expect((await loadFleet(folder)).name).toBe("small")
  })
})
