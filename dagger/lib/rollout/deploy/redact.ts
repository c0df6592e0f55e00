/**
 * What a container printed, without what looks like a secret: it is shown, and may end up in a ticket. Better one word too
 * many hidden than one password shown. What a host writes down goes through `redact` in host/sh/base.sh, which is the same.
 */
export const redacted = (text: string): string =>
  text
    .replace(named, (_, name: string, between: string) => `${name}${between}${hidden}`)
    .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, (_, scheme: string) => `${scheme} ${hidden}`)
    .replace(/(:\/\/[^\s/:@]{1,200}):[^\s/@]{1,500}@/g, `$1:${hidden}@`)
    .replace(known, hidden)
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, hidden)

const hidden = "[hidden]"

const named =
  /([A-Za-z0-9_.-]{0,60}(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|authorization|cookie)[A-Za-z0-9_-]{0,30})("?'?\s*[:=]\s*(?:(?:Bearer|Basic)\s+)?)("[^"\n]*"?|'[^'\n]*'?|[^\s,;&"'}\]]+)/gi

// GitHub, GitLab, AWS, Slack, Google, OpenAI-like, JSON Web Tokens. Source: the providers' own token formats.
const known =
  /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,}|hf_[A-Za-z0-9]{20,}|sk-[\w-]{20,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+)/g
