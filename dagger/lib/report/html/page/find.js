import { indexOf, search, wordsOf } from "./search.js"

/** @typedef {import("../data.ts").PageData} PageData */

const most = 20

/**
 * The search box: answers while it is typed, and "/" goes there from anywhere.
 * @param {PageData} data
 */
export function find(data) {
  const input = /** @type {HTMLInputElement} */ (document.getElementById("find"))
  const said = /** @type {HTMLElement} */ (document.getElementById("find-said"))
  const found = /** @type {HTMLElement} */ (document.getElementById("found"))
  const hint = said.textContent ?? ""
  const index = indexOf(data)
  const show = () => {
    const words = wordsOf(input.value)
    if (words.length === 0) {
      said.textContent = hint
      return found.replaceChildren()
    }
    const { services, packages } = search(index, input.value)
    said.textContent = summary(data, services.length, packages)
    const shown = packages.slice(0, most).map((each, at) => packageResult(data, each, words, at < 3))
    const exact = packages[0]?.name.toLowerCase() === words[0]
    const listed = services.slice(0, most).map((each) => serviceResult(data, each, words))
    found.replaceChildren(...(exact ? [...shown, ...listed] : [...listed, ...shown]))
  }
  input.addEventListener("input", show)
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return
    input.value = ""
    show()
  })
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target)
    if (
      event.key !== "/" ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      target.matches("input, select, textarea")
    )
      return
    event.preventDefault()
    input.focus()
    input.select()
    input.scrollIntoView({ block: "nearest" })
  })
  // A browser that goes back keeps what was typed.
  if (input.value) show()
}

/** @typedef {ReturnType<typeof search>["packages"][number]} Package */

/**
 * @param {PageData} data
 * @param {number} services
 * @param {Package[]} packages
 */
function summary(data, services, packages) {
  const parts = [
    services > 0 ? counted(services, "service") : "",
    packages.length > 0
      ? `${counted(packages.length, "package")} that ${counted(carriers(data, packages), "service runs on", "services run on")}`
      : "",
  ].filter(Boolean)
  const cut = Math.max(0, services - most) + Math.max(0, packages.length - most)
  const silent = data.families.filter(({ known }) => !known)
  const gap =
    silent.length > 0
      ? ` Packages of ${counted(silent.length, "family", "families")} are not known: ${silent.map(({ name }) => name).join(", ")}.`
      : ""
  return `${parts.join(", ") || "Nothing found"}${cut > 0 ? `; ${cut} of them not shown, type more` : ""}.${gap}`
}

/**
 * How many services have any of these in their image.
 * @param {PageData} data
 * @param {Package[]} packages
 */
const carriers = (data, packages) => {
  const families = new Set(packages.flatMap(({ versions }) => versions.flatMap((each) => each.families)))
  return [...families].reduce((sum, family) => sum + data.families[family].services.length, 0)
}

/**
 * @param {number} number
 * @param {string} one
 */
const counted = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`

/**
 * @param {PageData} data
 * @param {Package} found
 * @param {string[]} words
 * @param {boolean} open
 */
function packageResult(data, { name, versions }, words, open) {
  const item = element("article", "found")
  for (const { version, kind, families } of versions) {
    const head = element("h3")
    head.append(...marked(name, words), " ", ...marked(version, words), element("span", "quiet", ` ${kind}`))
    const services = families.flatMap((family) => data.families[family].services)
    const where = families.map((family) => `${data.families[family].name} (${data.families[family].standing})`)
    item.append(head, element("p", "", `In ${where.join(", ")}.`))
    if (services.length === 0) item.append(element("p", "quiet", "No service runs on it."))
    else if (open) item.append(byHost(data, services))
    else item.append(element("p", "quiet", `${counted(services.length, "service")} run on it.`))
  }
  return item
}

/**
 * @param {PageData} data
 * @param {number[]} services
 */
function byHost(data, services) {
  const list = element("dl", "by")
  /** @type {Map<string, string[]>} */
  const hosts = new Map()
  for (const { name, hosts: on } of services.map((service) => data.services[service]))
    for (const host of on) hosts.set(host, [...(hosts.get(host) ?? []), name])
  for (const [host, names] of hosts)
    list.append(element("dt", "", `${host}, ${names.length}`), element("dd", "", names.join(", ")))
  return list
}

/**
 * @param {PageData} data
 * @param {number} at
 * @param {string[]} words
 */
function serviceResult(data, at, words) {
  const { name, snake, family, hosts, port, healthPort } = data.services[at]
  const item = element("article", "found")
  const head = element("h3")
  head.append(...marked(name, words), element("span", "quiet", " service"))
  const image = data.families[family]
  item.append(
    head,
    element(
      "p",
      "",
      `On ${hosts.join(", ")}, image ${image.name} (${image.standing}), port ${port}, health ${healthPort}.`,
    ),
    element("p", "quiet", snake),
  )
  return item
}

/**
 * A text with what was looked for marked in it.
 * @param {string} text
 * @param {string[]} words
 * @returns {(string | Node)[]}
 */
function marked(text, words) {
  const lower = text.toLowerCase()
  const hit = words
    .map((word) => ({ word, at: lower.indexOf(word) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at || b.word.length - a.word.length)[0]
  if (!hit) return [text]
  const end = hit.at + hit.word.length
  return [text.slice(0, hit.at), element("mark", "", text.slice(hit.at, end)), ...marked(text.slice(end), words)]
}

/**
 * An element with a text, never with markup: names come from images.
 * @param {string} tag
 * @param {string} [kind]
 * @param {string} [text]
 */
function element(tag, kind = "", text = "") {
  const made = document.createElement(tag)
  if (kind) made.className = kind
  made.textContent = text
  return made
}
