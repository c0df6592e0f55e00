// What the search box finds, without a page in sight.

/**
 * @typedef {import("../data.ts").PageData} PageData
 * @typedef {{ name: string, lower: string, versions: { version: string, kind: string, families: number[] }[] }} Named
 * @typedef {{ services: { text: string, index: number }[], packages: Named[] }} Index
 * @typedef {{ services: number[], packages: { name: string, versions: Named["versions"] }[] }} Found
 */

/**
 * Everything in lower case, packages by their name: made once, so that a key stroke only walks through lists.
 * @param {PageData} data
 * @returns {Index}
 */
export function indexOf(data) {
  /** @type {Map<string, Named>} */
  const packages = new Map()
  for (const [name, version, kind, families] of data.packages) {
    const known = packages.get(name)
    if (known) known.versions.push({ version, kind, families })
    else packages.set(name, { name, lower: name.toLowerCase(), versions: [{ version, kind, families }] })
  }
  const services = data.services.map(({ name, snake, family, hosts, port, healthPort }, index) => {
    const { name: image } = data.families[family]
    return { index, text: `${name} ${snake} ${image} ${hosts.join(" ")} ${port} ${healthPort}`.toLowerCase() }
  })
  // Short names first: what is looked for as "torch" is torch before torchaudio. Sorted here, no key stroke sorts again.
  const sorted = [...packages.values()].sort((a, b) => a.name.length - b.name.length || (a.name < b.name ? -1 : 1))
  return { services, packages: sorted }
}

// "who runs torch 2.2?" asks for torch 2.2.
const idle = new Set([
  "who",
  "what",
  "which",
  "runs",
  "run",
  "uses",
  "use",
  "has",
  "have",
  "with",
  "is",
  "where",
  "the",
  "on",
  "service",
  "services",
])

/**
 * The words that are looked for: "torch==2.2.2" and "who runs torch 2.2.2?" are two, a name and a version.
 * @param {string} query
 * @returns {string[]}
 */
export function wordsOf(query) {
  const words = query
    .toLowerCase()
    .split(/[\s=?,;"']+/)
    .filter(Boolean)
  const meant = words.filter((word) => !idle.has(word))
  return meant.length > 0 ? meant : words
}

/**
 * Packages whose name has every word in it, except for words that begin a version; and services in whose name, family,
 * hosts or ports every word is. The nearest name first.
 * @param {Index} index
 * @param {string} query
 * @returns {Found}
 */
export function search(index, query) {
  const words = wordsOf(query)
  if (words.length === 0) return { services: [], packages: [] }
  const services = index.services.filter(({ text }) => words.every((word) => text.includes(word)))
  /** @type {Found["packages"][]} */
  const ranks = [[], [], [], []]
  for (const { name, lower, versions } of index.packages) {
    const named = words.filter((word) => lower.includes(word))
    if (named.length === 0) continue
    const asked = words.filter((word) => !lower.includes(word))
    const fitting =
      asked.length === 0 ? versions : versions.filter(({ version }) => asked.every((word) => begins(version, word)))
    if (fitting.length > 0) ranks[rankOf(lower, named[0])].push({ name, versions: fitting })
  }
  return { services: services.map(({ index }) => index), packages: ranks.flat() }
}

/**
 * "2.2" begins 2.2.2+cu121 and 1:2.2-1, and not 12.2 or 2.21.
 * @param {string} version
 * @param {string} word
 */
function begins(version, word) {
  const bare = version.toLowerCase().replace(/^\d+:/, "")
  const wanted = word.replace(/^v(?=\d)/, "").replace(/\.$/, "")
  return [version.toLowerCase(), bare].some(
    (each) =>
      each.startsWith(wanted) &&
      !/^\d/.test(each.slice(wanted.length) && /\d$/.test(wanted) ? each.slice(wanted.length) : ""),
  )
}

/**
 * @param {string} name
 * @param {string} word
 */
function rankOf(name, word) {
  if (name === word) return 0
  if (name.startsWith(word)) return 1
  return /[-_.\s]/.test(name[name.indexOf(word) - 1] ?? "") ? 2 : 3
}
