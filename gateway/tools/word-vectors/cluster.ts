/** Typical points of a crowd: Lloyd's k-means. */
import type { Random } from '../../language/random.ts'
import { type Dense, zeros } from './matrix.ts'

const ROUNDS = 25

/** Up to `levels` centres. One that loses all its points stays where it is. */
export function cluster(points: Dense, levels: number, random: Random): Dense {
  const centres = farApart(points, Math.min(levels, points.rows), random)
  const chosen = new Int32Array(points.rows).fill(-1)
  for (let round = 0, moved = 1; round < ROUNDS && moved > 0; round++) {
    moved = 0
    for (let point = 0; point < points.rows; point++) {
      const centre = nearest(points, point, centres)
      if (centre !== chosen[point]) moved++
      chosen[point] = centre
    }
    moveToMiddle(centres, points, chosen)
  }
  return centres
}

/** The centre nearest to a point. */
export function nearest(points: Dense, point: number, centres: Dense): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (let centre = 0; centre < centres.rows; centre++) {
    const now = distance(points, point, centres, centre)
    if (now >= least) continue
    least = now
    best = centre
  }
  return best
}

function moveToMiddle(centres: Dense, points: Dense, chosen: Int32Array): void {
  const { width } = points
  const sums = new Float64Array(centres.values.length)
  const sizes = new Int32Array(centres.rows)
  for (let point = 0; point < points.rows; point++) {
    const centre = chosen[point] as number
    sizes[centre] = (sizes[centre] as number) + 1
    for (let i = 0; i < width; i++) {
      const at = centre * width + i
      sums[at] = (sums[at] as number) + (points.values[point * width + i] as number)
    }
  }
  for (let at = 0; at < sums.length; at++) {
    const size = sizes[Math.floor(at / width)] as number
    if (size > 0) centres.values[at] = (sums[at] as number) / size
  }
}

/**
 * Points to start from, each drawn with a chance that grows with the square of its distance from those
 * drawn before (D. Arthur, S. Vassilvitskii, "k-means++", 2007).
 */
function farApart(points: Dense, levels: number, random: Random): Dense {
  const { width, values } = points
  const centres = zeros(levels, width)
  const distances = new Float64Array(points.rows).fill(1)
  for (let level = 0; level < levels; level++) {
    const drawn = draw(distances, random)
    centres.values.set(values.subarray(drawn * width, (drawn + 1) * width), level * width)
    for (let point = 0; point < points.rows; point++) {
      const now = distance(points, point, centres, level)
      if (level === 0 || now < (distances[point] as number)) distances[point] = now
    }
  }
  return centres
}

function draw(weights: Float64Array, random: Random): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i] as number
    if (left < 0) return i
  }
  return weights.length - 1
}

/** Squared. */
function distance(a: Dense, rowOfA: number, b: Dense, rowOfB: number): number {
  const { width } = a
  const from = rowOfA * width
  const to = rowOfB * width
  let sum = 0
  for (let i = 0; i < width; i++) {
    const gap = (a.values[from + i] as number) - (b.values[to + i] as number)
    sum += gap * gap
  }
  return sum
}
