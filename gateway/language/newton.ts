/** Newton's method with halved steps, and the linear system that each step solves. */

export interface Descent {
  readonly steps: number
  /** Smallest share of a step that is tried; it ends when a step gains less than a thousandth of that. */
  readonly precision: number
  lossOf(weights: readonly number[]): number
  /** The full step, to be subtracted. */
  stepOf(weights: readonly number[]): readonly number[]
}

/** The weights of the lowest loss that was found from `start` on; never worse than `start`. */
export function descend(start: readonly number[], descent: Descent): number[] {
  const { steps, precision, lossOf, stepOf } = descent
  let weights = [...start]
  let loss = lossOf(weights)
  for (let step = 0; step < steps; step++) {
    const move = stepOf(weights)
    // A full step may overshoot where the curve is flat; halve it until the loss falls.
    let share = 1
    let next = weights
    let nextLoss = Number.POSITIVE_INFINITY
    while (share > precision) {
      next = weights.map((weight, i) => weight - share * (move[i] ?? 0))
      nextLoss = lossOf(next)
      if (nextLoss <= loss) break
      share /= 2
    }
    if (!(nextLoss < loss)) break
    const gained = loss - nextLoss
    weights = next
    loss = nextLoss
    if (gained < (precision / 1000) * loss) break
  }
  return weights
}

/** Solves a symmetric positive system given by its lower half (Cholesky). */
export function solve(lower: Float64Array[], right: Float64Array): number[] {
  const size = right.length
  const factor = lower.map((row) => Float64Array.from(row))
  const at = (i: number, j: number): number => factor[i]?.[j] ?? 0
  for (let i = 0; i < size; i++) {
    const row = factor[i]
    if (!row) continue
    for (let j = 0; j <= i; j++) {
      let sum = row[j] ?? 0
      for (let k = 0; k < j; k++) sum -= (row[k] ?? 0) * at(j, k)
      row[j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / at(j, j)
    }
  }
  const middle = new Array<number>(size).fill(0)
  for (let i = 0; i < size; i++) {
    let sum = right[i] ?? 0
    for (let k = 0; k < i; k++) sum -= at(i, k) * (middle[k] ?? 0)
    middle[i] = sum / at(i, i)
  }
  const out = new Array<number>(size).fill(0)
  for (let i = size - 1; i >= 0; i--) {
    let sum = middle[i] ?? 0
    for (let k = i + 1; k < size; k++) sum -= at(k, i) * (out[k] ?? 0)
    out[i] = sum / at(i, i)
  }
  return out
}
