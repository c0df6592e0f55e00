/** Whether a path of a build context is left out. */
export type Ignored = (path: string) => boolean

/**
 * Reads a .dockerignore as BuildKit does: the last pattern that matches a path, or a folder that it is in, decides.
 * Source: the documentation of docker build, ".dockerignore files", and github.com/moby/patternmatcher.
 */
export function ignoredBy(text: string): Ignored {
  const patterns = text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "" && line !== "!")
    .map((line) => {
      const kept = line.startsWith("!")
      return { kept, matches: expression(cleaned(kept ? line.slice(1).trim() : line)) }
    })
  return (path) => {
    const parts = path.split("/")
    const line = parts.map((_, index) => parts.slice(0, index + 1).join("/"))
    const last = patterns.findLast(({ matches }) => line.some((each) => matches.test(each)))
    return last !== undefined && !last.kept
  }
}

/** "./a//b/" is "a/b". */
function cleaned(pattern: string): string {
  const parts: string[] = []
  for (const part of pattern.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return parts.join("/")
}

function expression(pattern: string): RegExp {
  const source = pattern.replace(
    /\*\*\/|\*\*|\*|\?|\[\^?[^\]]+\]|\\.|[\s\S]/gu,
    (token) =>
      ({ "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" })[token] ??
      (/^\[.+\]$/.test(token) ? token : escaped(token.replace(/^\\(.)$/u, "$1"))),
  )
  return new RegExp(`^${source}$`, "su")
}

const escaped = (text: string): string => text.replace(/[\\^$.|?*+()[\]{}/]/g, "\\$&")
