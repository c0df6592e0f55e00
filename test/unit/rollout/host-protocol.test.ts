import { describe, expect, it } from "vitest"
import { bundleText } from "../../../dagger/lib/rollout/host/bundle.ts"
import type { Bundle } from "../../../dagger/lib/rollout/host/job.ts"
import { readJournalLine, readLook } from "../../../dagger/lib/rollout/host/protocol.ts"
import { scriptText } from "../../../dagger/lib/rollout/host/script.ts"

const digest = `sha256:${"a".repeat(64)}`
const image = `ghcr.io/my-fleet/reference-web@${digest}`
const container =
  "container=service_registry.prev|exited|healthy|ServiceRegistry|7f3a2b|0123456789ab|v1.2.3|137|2|2026-11-22T10:00:00.123456789Z|true|ghcr.io%2Fmy-fleet%2Freference-web%40" +
  `sha256%3A${"a".repeat(64)}`
const answer = (...lines: string[]) =>
  ["version=1", "boot=02398a4c-de27", "uptime=25125", "state=present", "docker=26.1.5+dfsg1", "free=2859167744"]
    .concat(lines, "end=1", "")
    .join("\n")

describe("what a host answers to look", () => {
  it("is read whole", () => {
    const look = readLook(
      "pc2",
      answer(
        container,
        "container=by_hand|running|-||||||0|0|2026-11-22T10:00:00Z|false|nginx".replace("||||||0", "|||||0"),
        "other=somebody,else",
        `image=${image}`,
        "lock=7|7f3a2b|anna@laptop|deploy|70|1|0|400",
        "open=7f3a2b",
        "run=7f3a2b",
        "definition=service_registry.0123456789ab",
        "good=service_registry.7f3a2b",
        "timing=service_registry|1.4",
        'pin={"tag":"v1","reason":"it works","by":"anna@laptop","at":"2026-11-22T10:00:00Z"}',
        "snapshot=000002|7f3a2b|v1.2.3|1",
        `snap=000002|service_registry|0123456789ab|${image}|v1.2.3`,
        "snapshot=000001|7f3a2a||0",
      ),
    )
    expect(look).toEqual({
      host: "pc2",
      docker: "26.1.5+dfsg1",
      freeBytes: 2859167744,
      containers: [
        {
          ...{ name: "service_registry.prev", state: "exited", health: "healthy", service: "ServiceRegistry" },
          ...{ run: "7f3a2b", definition: "0123456789ab", tag: "v1.2.3", exitCode: 137, restarts: 2 },
          ...{ startedAt: "2026-11-22T10:00:00.123456789Z", outOfMemory: true, image },
        },
        {
          ...{ name: "by_hand", state: "running", service: "", exitCode: 0, restarts: 0 },
          ...{ startedAt: "2026-11-22T10:00:00Z", outOfMemory: false, image: "nginx" },
        },
      ],
      others: ["somebody", "else"],
      images: [image],
      lock: {
        ...{ token: 7, run: "7f3a2b", owner: "anna@laptop", verb: "deploy", ageSeconds: 70, heldSeconds: 400 },
        ...{ stale: true, working: false },
      },
      open: ["7f3a2b"],
      runs: ["7f3a2b"],
      definitions: ["service_registry.0123456789ab"],
      good: ["service_registry.7f3a2b"],
      timings: { service_registry: 1.4 },
      snapshots: [
        { seq: 2, run: "7f3a2b", tag: "v1.2.3", services: 1 },
        { seq: 1, run: "7f3a2a", tag: "", services: 0 },
      ],
      kept: [{ seq: 2, services: [{ svc: "service_registry", definition: "0123456789ab", image, tag: "v1.2.3" }] }],
      pin: { tag: "v1", reason: "it works", by: "anna@laptop", at: "2026-11-22T10:00:00Z" },
    })
  })

  it("loses what would steer a terminal", () => {
    const odd = answer(container.replace("ServiceRegistry", "%1B%5D0%3Bowned%07Service%1B%5B2J"))
    expect(readLook("pc2", odd).containers[0]!.service).toBe("Service")
  })

  it.each([
    ["cut off", answer(container).replace("end=1\n", ""), "cut off"],
    ["a line that is none", answer("hello"), "a line is no answer"],
    ["a key that nobody knows", answer("owned=1"), "owned"],
    ["a container with a field too few", answer("container=a|running|-"), "is odd"],
    ["a lock with a name that is none", answer("lock=1|7f3a2b|a b|deploy|1|0|0|1"), "is odd"],
    ["a mark that is none", answer("good=../x.7f3a2b"), "good"],
    ["a pin that is no JSON", answer("pin=hello"), "no JSON"],
    ["another version", answer().replace("version=1", "version=2"), "version"],
    ["no end of lines", answer(...Array.from({ length: 30_000 }, () => "open=7f3a2b")), "more than"],
  ])("refuses %s, and says where", (_, text, why) => {
    expect(() => readLook("pc2", text)).toThrow(/^pc2: what its runner answered to look cannot be read: /)
    expect(() => readLook("pc2", text)).toThrow(why)
  })

  it("says so where Docker does not answer", () => {
    const text = "version=1\nboot=none\nuptime=1\nstate=absent\ndocker-error=Cannot connect\nend=1\n"
    expect(() => readLook("pc2", text)).toThrow("pc2: Docker does not answer: Cannot connect")
  })
})

describe("a journal line", () => {
  it("is read", () => {
    expect(readJournalLine("pc2", "12 2026-11-22T10:00:00Z 7 healthy service_registry 1.4")).toEqual({
      ...{ number: 12, at: "2026-11-22T10:00:00Z", token: 7, event: "healthy", subject: "service_registry" },
      detail: "1.4",
    })
    expect(readJournalLine("pc2", "1 2026-11-22T10:00:00Z 7 switching alpha -").detail).toBe("")
  })
  it.each(["", "1 now 7 healthy a -", "1 2026-11-22T10:00:00Z 7 owned a -", "1 2026-11-22T10:00:00Z 7 healthy a"])(
    "that is %j is refused",
    (text) => expect(() => readJournalLine("pc2", text)).toThrow("cannot be read"),
  )
})

describe("a bundle", () => {
  const bundle: Bundle = {
    tag: "v1",
    services: [
      {
        ...{ svc: "alpha", wave: "all", image, definition: "0123456789ab", healthPort: 80, healthPath: "/health" },
        ...{ probeSeconds: 2, deadlineSeconds: 60, answers: 3, stopSeconds: 10 },
      },
    ],
    images: [image],
    volumes: ["f_data"],
    networks: ["f"],
    compose: { services: {} },
    definitions: { "alpha.0123456789ab": { image } },
    files: { "0123456789ab.json": '{\n  "a": 1\n}\n' },
  }

  it("is one text, its manifest last and an end that shows that nothing was cut off", () => {
    expect(bundleText(bundle).split("\n")).toEqual([
      "@@ compose.json",
      '{"services":{}}',
      "@@ definitions/alpha.0123456789ab",
      JSON.stringify({ image }),
      "@@ files/0123456789ab.json",
      ...["{", '  "a": 1', "}"],
      "@@ manifest",
      "tag\tv1",
      `service\talpha\tall\t${image}\t0123456789ab\t80\t/health\t2\t60\t3\t10`,
      `image\t${image}`,
      "volume\tf_data",
      "network\tf",
      ...["@@ end", ""],
    ])
  })

  it("names the registry that is asked first, where there is one", () => {
    expect(bundleText({ ...bundle, mirror: "mainpc:5000" })).toContain(`\nimage\t${image}\nmirror\tmainpc:5000\n`)
  })

  it("refuses an image without a digest, and a file that looks like two", () => {
    expect(() => bundleText({ ...bundle, images: ["nginx:latest"] })).toThrow("no image with a digest")
    expect(() => bundleText({ ...bundle, files: { "0123456789ab.json": "{\n@@ manifest\n}" } })).toThrow(
      'begins with "@@ "',
    )
  })
})

it("the runner begins on its last lines only, so that one that was cut off does nothing", () => {
  const lines = scriptText().trimEnd().split("\n")
  expect(lines.slice(-2)).toEqual(['main "$@"', "exit"])
  expect(lines.filter((line) => /^main /.test(line))).toHaveLength(1)
})
