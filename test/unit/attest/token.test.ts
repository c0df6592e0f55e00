import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { ciToken } from "../../../cli/identity.ts"
import { signsKeyless } from "../../../cli/keys.ts"
import { keylessSigner, requireIdentity } from "../../../dagger/lib/attest/keyless.ts"
import { smallFleet } from "../../fleets/small.ts"
import { issuer, subject, tokenOf, trusting } from "./sigstore.ts"

let server: Server
let url: string
const pass = "the-pass-of-this-job"
/** What the CI answers with. */
let answer: { status: number; body: unknown }
beforeAll(async () => {
  server = createServer(({ url: asked, headers }, response) => {
    const may = headers.authorization === `Bearer ${pass}` && asked === "/token?api-version=2.0&audience=sigstore"
    response.writeHead(may ? answer.status : 401, { "content-type": "application/json" })
    response.end(JSON.stringify(may ? answer.body : {}))
  })
  await new Promise<void>((up) => server.listen(0, "127.0.0.1", up))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token?api-version=2.0`
})
afterAll(() => server.close())
beforeEach(() => {
  answer = { status: 200, body: { value: tokenOf() } }
  return () => vi.unstubAllEnvs()
})

const inCi = (variables: Record<string, string>) => {
  const none = { SIGSTORE_ID_TOKEN: "", ACTIONS_ID_TOKEN_REQUEST_URL: "", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "" }
  for (const [name, value] of Object.entries({ ...none, ...variables })) vi.stubEnv(name, value)
}
const onGithub = (token = pass) => inCi({ ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token })

describe("the token of a job", () => {
  it("is asked of GitHub and Forgejo, with the audience that Sigstore wants", async () => {
    onGithub()
    expect(await ciToken()).toBe((answer.body as { value: string }).value)
  })

  it("is what GitLab put into a variable", async () => {
    inCi({ SIGSTORE_ID_TOKEN: "of-gitlab\n" })
    expect(await ciToken()).toBe("of-gitlab")
  })

  it("is missing where the job was given none, and each CI's line for it is told", async () => {
    inCi({})
    await expect(ciToken()).rejects.toMatchObject({ exitCode: 3 })
    await expect(ciToken()).rejects.toThrow(
      /no OIDC token[\s\S]*id-token: write[\s\S]*SIGSTORE_ID_TOKEN: \{ aud: sigstore \}/,
    )
  })

  it("is missing where the CI refuses it, and no password is told", async () => {
    onGithub("of-another-job")
    const failed = await ciToken().catch((error) => error)
    expect(failed.message).toMatch(/^http:\/\/127\.0\.0\.1:\d+: the CI answered with no OIDC token/)
    expect(failed.message).not.toContain("of-another-job")
  })
})

describe("before anything is built, a job", () => {
  // As the public Sigstore, whose names for jobs are known.
  const checked = (claims: Record<string, unknown>, now?: Date) => {
    const { fleet } = trusting("/nowhere")
    delete fleet.policy.signing?.sigstore
    return requireIdentity(
      keylessSigner({ fleet, root: "/nowhere" }, async () => tokenOf(claims)),
      now,
    )
  }
  const workflow = (ref: string) => ({ job_workflow_ref: ref })
  const own = subject.replace("https://github.com/", "")

  it("may sign when the fleet trusts what it will be certified as", async () => {
    await checked(workflow(own))
    // What no token says is found out by the first certificate.
    await checked({})
  })

  it("is refused when its branch or workflow is another, with the line that would change it", async () => {
    await expect(checked(workflow(own.replace("heads/main", "heads/try")))).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(
        /heads\/try \(.*whom the fleet does not trust\n {2}fix: .*subject: ".*heads\/try"/,
      ),
    })
  })

  it("is refused when its CI is another", async () => {
    await expect(checked({ iss: "https://gitlab.com" })).rejects.toThrow(
      "the job's token is from https://gitlab.com, and no identity there has that issuer",
    )
  })

  it("is refused when its token has expired, with the time", async () => {
    await expect(checked({ exp: 1_700_000_000 })).rejects.toThrow("it expired at 2023-11-14T22:13:20.000Z")
  })

  it.each(["", "word", "a.b.c", `a.${Buffer.from("{}").toString("base64url")}.c`])(
    "is refused when its token is none, which is not told: %j",
    async (token) => {
      const signer = keylessSigner(trusting("/nowhere"), async () => token)
      const failed = await requireIdentity(signer).catch((error) => error)
      expect(failed.message).toContain("no token that says who the job is")
      if (token) expect(failed.message).not.toContain(token)
    },
  )

  it("needs a fleet that trusts identities", () => {
    expect(() => keylessSigner({ fleet: smallFleet(), root: "/" }, ciToken)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringContaining("policy.signing.identities: names none"),
      }),
    )
  })

  it("is checked by its issuer and its name alone", async () => {
    await checked({ iss: issuer, sub: "whatever" })
  })
})

describe("FAIRLEAD_SIGNING", () => {
  const asked = (way: string, key = "") => {
    vi.stubEnv("FAIRLEAD_SIGNING", way)
    vi.stubEnv("FAIRLEAD_SIGNING_KEY", key)
    return signsKeyless()
  }

  it("says how records are signed: with a key unless it says keyless, and a key that is named is used", () => {
    expect([asked(""), asked("key"), asked("keyless"), asked("keyless", "cosign.key")]).toEqual([
      ...[false, false, true, false],
    ])
  })

  it("refuses any other word", () => {
    expect(() => asked("keyles")).toThrow('FAIRLEAD_SIGNING: "keyles" is no way to sign\n  fix: write key or keyless')
  })
})
