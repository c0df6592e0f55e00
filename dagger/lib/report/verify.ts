import { shortId } from "../attest/key.ts"
import type { Verified } from "../release/verify.ts"
import { pc } from "./colours.ts"
import { line, verdictWord } from "./text.ts"

/** What `verify` says of one image, for people: what it rests on first, the answer last. */
export function verifyText(ref: string, { digest, good, problems, record, signedBy, trusted, sbom }: Verified): string {
  const gates = Object.entries(record?.gates ?? {}).map(([name, { verdict, brief }]) =>
    [name, verdictWord(verdict), brief].filter(Boolean).join(" "),
  )
  const byIdentity = trusted === "policy.signing.identities in fleet.yaml"
  const who = byIdentity ? "identity" : "key"
  const named = `${who} of ${trusted}`
  const revision = record?.revision.slice(0, 7) || "none"
  return [
    line("image", ref),
    line("digest", digest),
    ...(signedBy
      ? [line("signed", byIdentity ? `by ${signedBy}, an ${named}` : `by ${shortId(signedBy)}, a ${named}`)]
      : []),
    ...(record ? [line("record", `of ${record.at.slice(0, 16).replace("T", " ")} UTC, commit ${revision}`)] : []),
    ...(gates.length > 0 ? [line("gates", gates.join(" · "))] : []),
    ...(record ? [line("sbom", sbom === "signed" ? `signed, ${record.packages} packages` : sbom)] : []),
    ...problems.map((each) => line("wrong", each)),
    good ? line("verified", `this very image passed, and a trusted ${who} says so`) : `  ${pc.red("not verified")}`,
  ].join("\n")
}
