import { squarify } from "./squarify.js"

/**
 * @typedef {import("../data.ts").PageData} PageData
 * @typedef {import("../../sizes.ts").Tile} Tile
 */

const svg = "http://www.w3.org/2000/svg"
const kinds = {
  package: [
    ["python", "Python package"],
    ["debian", "Debian package"],
    ["rest", "everything else"],
  ],
  layer: [
    ["own", "the family's own layer"],
    ["inherited", "a layer of what it stands on"],
  ],
}

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id))

/** @param {number} bytes */
export const human = (bytes) =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${Math.round(bytes / 1e6)} MB`
      : `${Math.round(bytes / 1e3)} kB`

/**
 * One family's sizes as tiles, redrawn for the room that there is: labels keep their size, so that they can be read on a
 * telephone as well.
 * @param {PageData} data
 */
export function treemap(data) {
  const frame = document.getElementById("treemap")
  const area = document.getElementById("treemap-area")
  const family = /** @type {HTMLSelectElement | null} */ (document.getElementById("treemap-family"))
  if (!frame || !area || !family) return
  frame.hidden = false
  const draw = () => {
    const by = /** @type {"package" | "layer"} */ (
      /** @type {HTMLInputElement | null} */ (frame.querySelector("input[name=treemap-by]:checked"))?.value ?? "package"
    )
    const sizes = data.families.find(({ name }) => name === family.value)?.sizes
    if (!sizes) return
    const tiles = (by === "layer" ? sizes.layers : sizes.packages).filter(({ bytes }) => bytes > 0)
    paint(area, tiles, `${family.value} ${by === "layer" ? "by layer, as pulled" : "by package, on disk"}`)
    sum(tiles, by, sizes)
    // The tables of the other families only lengthen the page: who wants one chooses it above.
    for (const table of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".sizetable")))
      table.hidden = table.dataset.family !== family.value
  }
  family.addEventListener("change", draw)
  for (const input of frame.querySelectorAll("input")) input.addEventListener("change", draw)
  let width = 0
  new ResizeObserver(() => {
    if (area.clientWidth === width) return
    width = area.clientWidth
    draw()
  }).observe(area)
  draw()
}

/**
 * @param {Tile[]} tiles
 * @param {"package" | "layer"} by
 * @param {import("../../sizes.ts").Sizes} sizes
 */
function sum(tiles, by, { compressed, uncompressed }) {
  const added = tiles.reduce((bytes, tile) => bytes + tile.bytes, 0)
  const more = added > uncompressed ? ` By their own count its packages come to ${human(added)}.` : ""
  const pulled = `${human(compressed)} as pulled, in ${tiles.length} layers.`
  const said = by === "layer" ? pulled : `${human(uncompressed)} on disk, unpacked.${more}`
  part("treemap-sum").textContent = said
  const key = part("treemap-key")
  key.replaceChildren(
    ...kinds[by]
      .filter(([kind]) => tiles.some((tile) => tile.kind === kind))
      .map(([kind, says]) => {
        const item = document.createElement("li")
        const swatch = document.createElement("span")
        swatch.className = `swatch ${kind}`
        item.append(swatch, says)
        return item
      }),
  )
}

/**
 * @param {HTMLElement} area
 * @param {Tile[]} tiles
 * @param {string} name
 */
function paint(area, tiles, name) {
  const width = area.clientWidth
  const height = Math.round(Math.min(520, Math.max(300, width * 0.5)))
  const all = tiles.reduce((bytes, tile) => bytes + tile.bytes, 0)
  const picture = document.createElementNS(svg, "svg")
  for (const [key, value] of Object.entries({
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "list",
    "aria-label": name,
  }))
    picture.setAttribute(key, String(value))
  const boxes = squarify(
    tiles.map(({ bytes }) => bytes),
    width,
    height,
  )
  tiles.forEach((tile, index) => {
    picture.append(drawn(tile, boxes[index], all, index === 0))
  })
  picture.addEventListener("keydown", (event) => walk(picture, event))
  area.replaceChildren(picture)
}

/**
 * @param {Tile} tile
 * @param {import("./squarify.js").Box} box
 * @param {number} all
 * @param {boolean} first
 */
function drawn(tile, box, all, first) {
  const group = document.createElementNS(svg, "g")
  const share = Math.round((tile.bytes / all) * 1000) / 10
  const said = `${tile.name}, ${tile.detail}: ${human(tile.bytes)}, ${share} %`
  group.setAttribute("class", `tile ${tile.kind}`)
  group.setAttribute("role", "listitem")
  group.setAttribute("tabindex", first ? "0" : "-1")
  group.setAttribute("aria-label", said)
  const rect = document.createElementNS(svg, "rect")
  for (const side of /** @type {const} */ (["x", "y", "width", "height"])) rect.setAttribute(side, box[side].toFixed(2))
  group.append(rect, ...labels(tile, box))
  const tell = () => {
    part("treemap-told").textContent = said
  }
  group.addEventListener("pointerenter", tell)
  group.addEventListener("focus", tell)
  return group
}

/**
 * The name, and the size where there is room for both; nothing where a label could not be read.
 * @param {Tile} tile
 * @param {import("./squarify.js").Box} box
 */
function labels(tile, box) {
  const fits = Math.floor((box.width - 14) / 7.8)
  if (fits < 4 || box.height < 24) return []
  const name = tile.name.length > fits ? `${tile.name.slice(0, fits - 1)}…` : tile.name
  const size = human(tile.bytes)
  return [
    line(name, "name", box.x + 8, box.y + 19),
    ...(box.height >= 42 && size.length <= fits ? [line(size, "size", box.x + 8, box.y + 36)] : []),
  ]
}

/**
 * @param {string} words
 * @param {string} kind
 * @param {number} x
 * @param {number} y
 */
function line(words, kind, x, y) {
  const text = document.createElementNS(svg, "text")
  text.setAttribute("class", kind)
  text.setAttribute("x", x.toFixed(2))
  text.setAttribute("y", y.toFixed(2))
  text.setAttribute("aria-hidden", "true")
  text.textContent = words
  return text
}

/**
 * Arrow keys go from tile to tile, the biggest first; only one of them is a stop of the Tab key.
 * @param {Element} picture
 * @param {KeyboardEvent} event
 */
function walk(picture, event) {
  const tiles = /** @type {SVGElement[]} */ ([...picture.querySelectorAll(".tile")])
  const at = tiles.indexOf(/** @type {SVGElement} */ (document.activeElement))
  const ends = /** @type {Record<string, number>} */ ({ Home: 0, End: tiles.length - 1 })
  const steps = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 })
  const next = ends[event.key] ?? (steps[event.key] === undefined ? -1 : at + steps[event.key])
  if (at < 0 || !tiles[next]) return
  event.preventDefault()
  tiles[at].setAttribute("tabindex", "-1")
  tiles[next].setAttribute("tabindex", "0")
  tiles[next].focus()
}
