/**
 * One word for a POSIX shell, whatever stands in it. SSH hands a host one line of text and the user's shell there reads it;
 * this is the only place where words become such text. Between single quotes a shell knows no special character; the quote
 * itself is written outside of them.
 */
export function quoted(word: string): string {
  // No program can be given it: the word would end there.
  if (word.includes("\0")) throw new TypeError("a word for a shell cannot hold a NUL")
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** A command with its arguments, as one line for a POSIX shell. */
export const quotedLine = (argv: readonly string[]): string => argv.map(quoted).join(" ")
