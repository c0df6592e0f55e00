import { z } from "zod"
import { Problem } from "../problem.ts"
import { type Identity, identityName, isAmong, type TrustedIdentity } from "./identity.ts"

/** What an OIDC token of a CI says; its signature is Sigstore's to check. */
const claimsSchema = z.object({
  iss: z.string(),
  exp: z.number(),
  /** GitHub: the workflow file that the job is written in, at its ref. */
  job_workflow_ref: z.string().optional(),
  /** GitLab: the same. */
  ci_config_ref_uri: z.string().optional(),
})

type Claims = z.infer<typeof claimsSchema>

/** How a CI is told to give a job a token. */
export const tokenFix =
  "GitHub: permissions: { id-token: write }; Forgejo: enable-openid-connect: true; GitLab: id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }. `fairlead ci` writes them"

/** The claims of a token that has not expired. Whatever is wrong, the token itself is never told: for its minutes it is a password. */
export function claimsOf(token: string, now: Date): Claims {
  const read = claimsSchema.safeParse(payloadOf(token))
  const where = "the CI's OIDC token"
  if (!read.success)
    throw new Problem("it is no token that says who the job is", {
      where,
      why: "it is no JWT with iss and exp",
      fix: tokenFix,
    })
  const { exp } = read.data
  if (exp * 1000 > now.getTime()) return read.data
  throw new Problem(`it expired at ${new Date(exp * 1000).toISOString()}`, {
    where,
    why: "a job gets it when it begins, and this one took longer",
    fix: "run the job again: what it built is reused where the runner keeps it; on GitLab it lives as long as the job's timeout",
  })
}

function payloadOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"))
  } catch {
    return undefined
  }
}

/**
 * Refuses, before anything is built, a job that the public Sigstore would certify as somebody whom the fleet does not
 * trust. How another Sigstore names jobs is its own affair: there the first signature tells.
 */
export function requireTrusted(claims: Claims, trusted: readonly TrustedIdentity[]): void {
  const where = "fleet.yaml: policy.signing.identities"
  if (!trusted.some(({ issuer }) => issuer === claims.iss))
    throw new Problem(`the job's token is from ${claims.iss}, and no identity there has that issuer`, {
      where,
      fix: `name the job there, with issuer: ${claims.iss}`,
    })
  const identity = certifiedAs(claims)
  if (identity && !isAmong(trusted, identity)) throw new Problem(...untrusted(identity))
}

/** What is wrong with a job that the fleet does not trust, and the lines that would change it. */
export const untrusted = (identity: Identity): ConstructorParameters<typeof Problem> => [
  `this job signs as ${identityName(identity)}, whom the fleet does not trust`,
  {
    where: "fleet.yaml: policy.signing.identities",
    fix: `where it should, commit this there: { issuer: "${identity.issuer}", subject: "${identity.subject}" }`,
  },
]

/** As the public Fulcio names jobs of GitHub and of gitlab.com. */
function certifiedAs({ iss, job_workflow_ref: github, ci_config_ref_uri: gitlab }: Claims): Identity | undefined {
  if (iss === "https://token.actions.githubusercontent.com" && github)
    return { issuer: iss, subject: `https://github.com/${github}` }
  return iss === "https://gitlab.com" && gitlab ? { issuer: iss, subject: `https://${gitlab}` } : undefined
}
