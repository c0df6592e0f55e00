import { z } from "zod"
import { spelled } from "../fleet/names.ts"

// Letters of URLs and mail addresses; a star would be taken for a pattern by whoever reads it.
const subjectSchema = spelled({
  pattern: /^[A-Za-z0-9](?:[A-Za-z0-9._~:/@+%-]{1,498})[A-Za-z0-9]$/,
  right:
    'the whole name in a certificate, such as "https://github.com/OWNER/REPO/.github/workflows/fairlead-ship.yml@refs/heads/main"; a pattern is a subjectPattern',
})

// Anybody gets a certificate of the public Sigstore: without an owner that is written out, a stranger's workflow would count.
const subjectPatternSchema = spelled({
  pattern: /^(?=[^*]*\*)https:\/\/[A-Za-z0-9.:-]+\/[A-Za-z0-9._~-]+\/[A-Za-z0-9._~:/@+%*-]{1,400}$/,
  right:
    'a pattern such as "https://github.com/OWNER/REPO/.github/workflows/fairlead-ship.yml@refs/tags/*": an https URL with its host and owner written out and at least one star',
})

/** Somebody who signs without a key: what a certificate of Sigstore has to say. */
export const identitySchema = z
  .strictObject({
    issuer: spelled({
      pattern: /^https:\/\/[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,253})(?:\/[A-Za-z0-9._~/-]{0,200})?$/,
      right: 'the https URL of who vouches for it, such as "https://token.actions.githubusercontent.com"',
    }).describe("Who vouches for it: the issuer of the CI's OIDC tokens, letter by letter."),
    subject: subjectSchema.optional().describe("Who it is, letter by letter: on GitHub a workflow file at a ref."),
    subjectPattern: subjectPatternSchema
      .optional()
      .describe("In place of subject: the whole of it, where a star stands for one or more characters but / and @."),
  })
  .refine(({ subject, subjectPattern }) => (subject === undefined) !== (subjectPattern === undefined), {
    error: "write a subject or a subjectPattern, one of them",
  })

/** Whose signatures count beside those of keys. */
export type TrustedIdentity = z.infer<typeof identitySchema>

/** What a certificate says of who signed. */
export interface Identity {
  issuer: string
  subject: string
}

/** How an identity is told: in messages, in reports, in the list of releases. */
export const identityName = ({ issuer, subject }: Identity): string => `${subject} (${issuer})`

/** The same of one in fleet.yaml. */
export const trustedName = ({ issuer, subject, subjectPattern }: TrustedIdentity): string =>
  identityName({ issuer, subject: subject ?? subjectPattern ?? "" })

/** Whether it is one of these: the same issuer and the whole subject. */
export const isAmong = (trusted: readonly TrustedIdentity[], { issuer, subject }: Identity): boolean =>
  trusted.some(
    (each) =>
      each.issuer === issuer &&
      (each.subjectPattern === undefined ? each.subject === subject : whole(each.subjectPattern).test(subject)),
  )

// Neither "/" nor "@", so that no other file, branch or owner fits in; and nothing that steers a terminal.
const star = "[A-Za-z0-9._~:+%-]+"

const whole = (pattern: string): RegExp => new RegExp(`^${pattern.split("*").map(literal).join(star)}$`)

const literal = (text: string): string => text.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")
