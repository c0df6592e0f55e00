import type { Accepted, Finding, Judged } from "../gates/verdict.ts"
import type { Risk } from "./risk.ts"

/** Where an acceptance has to hold: this family, with these very packages, on this day. */
export interface AcceptedFor {
  family: string
  contents: string
  now: Date
}

/**
 * A gate's answer with what risks.yaml lets pass: FAIL becomes ACCEPTED when every finding is accepted. An acceptance that
 * has passed, or that was given for other packages, lets nothing pass, and the finding says so.
 */
export function withAcceptances<F>(judged: Judged<F>, risks: readonly Risk[], on: AcceptedFor): Judged<F> {
  if (judged.verdict !== "FAIL" || risks.length === 0) return judged
  const accepted: Accepted[] = []
  const findings = judged.findings.filter((finding) => {
    const risk = risks.find((each) => covers(each, finding, on))
    if (!risk || !finding.risk) return true
    const { reason, by, reviewBy } = risk
    accepted.push({ what: finding.what, id: finding.risk.ids[0]!, package: finding.risk.package, reason, by, reviewBy })
    return false
  })
  return { ...judged, findings, accepted, verdict: findings.length === 0 ? "ACCEPTED" : "FAIL" }
}

function covers(risk: Risk, { risk: found }: Finding, { family, contents, now }: AcceptedFor): boolean {
  if (!found || risk.families[family] !== contents) return false
  if (now.toISOString().slice(0, 10) > risk.reviewBy) return false
  return (risk.id === "*" || found.ids.includes(risk.id)) && (risk.package === "*" || risk.package === found.package)
}
