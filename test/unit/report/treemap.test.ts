import { describe, expect, it } from "vitest"
import { squarify } from "../../../dagger/lib/report/html/page/squarify.js"

const area = (boxes: { width: number; height: number }[]) => boxes.reduce((sum, box) => sum + box.width * box.height, 0)

describe("the treemap", () => {
  it("covers the whole area with boxes as big as their values, none over another", () => {
    const values = [6, 6, 4, 3, 2, 2, 1]
    const boxes = squarify(values, 600, 400)
    expect(area(boxes)).toBeCloseTo(600 * 400, 6)
    boxes.forEach((box, index) => {
      expect(box.width * box.height).toBeCloseTo((values[index]! / 24) * 600 * 400, 6)
      expect(box.x).toBeGreaterThanOrEqual(0)
      expect(box.x + box.width).toBeLessThanOrEqual(600 + 1e-6)
      expect(box.y + box.height).toBeLessThanOrEqual(400 + 1e-6)
      for (const other of boxes.slice(index + 1)) {
        const wide = Math.min(box.x + box.width, other.x + other.width) - Math.max(box.x, other.x)
        const high = Math.min(box.y + box.height, other.y + other.height) - Math.max(box.y, other.y)
        expect(Math.min(wide, high)).toBeLessThan(1e-6)
      }
    })
  })

  it("gives the squares of the paper's own example: no box is longer than three times its width", () => {
    const longest = squarify([6, 6, 4, 3, 2, 2, 1], 6, 4).map(({ width, height }) =>
      Math.max(width / height, height / width),
    )
    expect(Math.max(...longest)).toBeLessThan(3.01)
  })

  it("answers in the values' own order, whatever it is", () => {
    const [small, big] = squarify([1, 3], 100, 100)
    expect(small!.width * small!.height).toBeCloseTo(2500, 6)
    expect(big!.width * big!.height).toBeCloseTo(7500, 6)
  })

  it("bears one value, thousands, zeros and none", () => {
    expect(squarify([5], 300, 200)).toEqual([{ x: 0, y: 0, width: 300, height: 200 }])
    expect(squarify([], 300, 200)).toEqual([])
    expect(area(squarify([0, 0], 300, 200))).toBe(0)
    const many = squarify([...Array.from({ length: 5000 }, (_, index) => 1 / (index + 1)), 0], 1200, 500)
    expect(area(many)).toBeCloseTo(1200 * 500, 3)
    expect(many.at(-1)!.width * many.at(-1)!.height).toBeCloseTo(0, 6)
  })
})
