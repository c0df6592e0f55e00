// The treemap's geometry, without a page in sight. Source: Bruls, Huizing, van Wijk, "Squarified Treemaps", 2000.

/**
 * @typedef {{ x: number, y: number, width: number, height: number }} Box
 */

/**
 * A box for each value, in the values' order, together exactly as big as the whole: rows are filled as long as that makes
 * their boxes more square. Values of 0 get a box without area.
 * @param {readonly number[]} values
 * @param {number} width
 * @param {number} height
 * @returns {Box[]}
 */
export function squarify(values, width, height) {
  const sum = values.reduce((all, value) => all + value, 0)
  const boxes = values.map(() => ({ x: 0, y: 0, width: 0, height: 0 }))
  if (sum <= 0 || width <= 0 || height <= 0) return boxes
  const order = values.map((_, index) => index).sort((a, b) => values[b] - values[a])
  const areas = order.map((index) => (values[index] / sum) * width * height)
  const free = { x: 0, y: 0, width, height }
  for (let from = 0; from < areas.length; ) {
    const side = Math.min(free.width, free.height)
    let to = from + 1
    while (to < areas.length && worst(areas.slice(from, to + 1), side) <= worst(areas.slice(from, to), side)) to++
    const last = to === areas.length
    place(areas.slice(from, to), free, last).forEach((box, index) => {
      boxes[order[from + index]] = box
    })
    from = to
  }
  return boxes
}

/**
 * How far from a square the worst box of a row is.
 * @param {number[]} row
 * @param {number} side
 */
function worst(row, side) {
  const sum = row.reduce((all, area) => all + area, 0)
  if (sum === 0 || side === 0) return 0
  const smallest = Math.min(...row) || Number.MIN_VALUE
  return Math.max((side * side * Math.max(...row)) / (sum * sum), (sum * sum) / (side * side * smallest))
}

/**
 * Puts a row along the shorter side of what is free, and takes it from there. The last row takes all that is left, so that
 * no sliver remains of rounding.
 * @param {number[]} row
 * @param {Box} free
 * @param {boolean} last
 * @returns {Box[]}
 */
function place(row, free, last) {
  const sum = row.reduce((all, area) => all + area, 0)
  const upright = free.width >= free.height
  const side = upright ? free.height : free.width
  const depth = last ? (upright ? free.width : free.height) : side > 0 ? sum / side : 0
  let at = upright ? free.y : free.x
  const boxes = row.map((area) => {
    const length = sum > 0 ? (area / sum) * side : 0
    const box = upright
      ? { x: free.x, y: at, width: depth, height: length }
      : { x: at, y: free.y, width: length, height: depth }
    at += length
    return box
  })
  if (upright) {
    free.x += depth
    free.width = Math.max(0, free.width - depth)
  } else {
    free.y += depth
    free.height = Math.max(0, free.height - depth)
  }
  return boxes
}
