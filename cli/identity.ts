import { loadSign } from "../dagger/lib/attest/packages.ts"
import { tokenFix } from "../dagger/lib/attest/token.ts"
import { Problem } from "../dagger/lib/problem.ts"

/** What Sigstore wants a token to be for. */
const audience = "sigstore"

/**
 * The OIDC token that says which job of a CI this is: GitHub and Forgejo answer with a fresh one each time, GitLab puts one
 * into SIGSTORE_ID_TOKEN. It is handed on to Sigstore and to nobody else.
 */
export async function ciToken(): Promise<string> {
  const {
    SIGSTORE_ID_TOKEN: given,
    ACTIONS_ID_TOKEN_REQUEST_URL: url,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: pass,
  } = process.env
  if (given) return given.trim()
  if (!url || !pass)
    throw new Problem("the CI gave this job no OIDC token", {
      where: "FAIRLEAD_SIGNING=keyless",
      why: "neither SIGSTORE_ID_TOKEN nor ACTIONS_ID_TOKEN_REQUEST_URL and …_TOKEN are set",
      fix: `${tokenFix}; or sign with a key: FAIRLEAD_SIGNING_KEY=cosign.key`,
    })
  const { CIContextProvider } = await loadSign()
  const token: unknown = await new CIContextProvider(audience).getToken().catch(() => undefined)
  if (typeof token === "string") return token
  throw new Problem("the CI answered with no OIDC token", {
    where: new URL(url).origin,
    why: "ACTIONS_ID_TOKEN_REQUEST_URL was asked for one with the audience sigstore",
    fix: `run the job again; if it stays, see that it may have one. ${tokenFix}`,
  })
}
