/** Logistic regression on a handful of dense features, by Newton's method; exact and deterministic. */

export interface Logistic {
  /** One weight a feature, then the bias. */
  readonly weights: readonly number[]
}

export interface LogisticOptions {
  /** Ridge penalty towards `prior` (or zero); the bias is free. */
  readonly ridge: number
  readonly prior?: Logistic
  readonly rowWeights?: readonly number[]
}

const STEPS = 25

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** The linear part: log odds of `features`. */
export function logOdds(model: Logistic, features: ArrayLike<number>): number {
  const { weights } = model
  let sum = weights[weights.length - 1] ?? 0
  for (let i = 0; i < weights.length - 1; i++) sum += (weights[i] ?? 0) * (features[i] ?? 0)
  return sum
}

interface Problem extends LogisticOptions {
  readonly rows: readonly ArrayLike<number>[]
  readonly targets: readonly number[]
  readonly width: number
}

/** Fits P(target = 1); targets may be soft (0–1). Rows must all be `width` long. */
export function fitLogistic(
  rows: readonly ArrayLike<number>[],
  targets: readonly number[],
  width: number,
  options: LogisticOptions,
): Logistic {
  const problem: Problem = { ...options, rows, targets, width }
  let weights = options.prior ? [...options.prior.weights] : new Array<number>(width + 1).fill(0)
  let loss = lossOf(problem, weights)
  for (let step = 0; step < STEPS; step++) {
    const move = newtonStep(problem, weights)
    // A full step may overshoot where the curve is flat; halve it until the loss falls.
    let share = 1
    let next = weights
    let nextLoss = Number.POSITIVE_INFINITY
    while (share > 1e-4) {
      next = weights.map((weight, i) => weight - share * (move[i] ?? 0))
      nextLoss = lossOf(problem, next)
      if (nextLoss <= loss) break
      share /= 2
    }
    if (!(nextLoss < loss)) break
    const gained = loss - nextLoss
    weights = next
    loss = nextLoss
    if (gained < 1e-7 * loss) break
  }
  return { weights }
}

const pullOf = (problem: Problem, i: number): number => (i === problem.width ? 1e-6 : problem.ridge)

function lossOf(problem: Problem, weights: readonly number[]): number {
  let loss = 0
  for (let i = 0; i <= problem.width; i++) {
    const away = (weights[i] ?? 0) - (problem.prior?.weights[i] ?? 0)
    loss += 0.5 * pullOf(problem, i) * away * away
  }
  problem.rows.forEach((features, n) => {
    const odds = logOdds({ weights }, features)
    const target = problem.targets[n] ?? 0
    const softplus = Math.max(odds, 0) + Math.log1p(Math.exp(-Math.abs(odds)))
    loss += (problem.rowWeights?.[n] ?? 1) * (softplus - target * odds)
  })
  return loss
}

function newtonStep(problem: Problem, weights: readonly number[]): number[] {
  const { width } = problem
  const gradient = new Float64Array(width + 1)
  const hessian = Array.from({ length: width + 1 }, () => new Float64Array(width + 1))
  for (let i = 0; i <= width; i++) {
    const pull = pullOf(problem, i)
    gradient[i] = pull * ((weights[i] ?? 0) - (problem.prior?.weights[i] ?? 0))
    const row = hessian[i]
    if (row) row[i] = pull
  }
  const model = { weights }
  problem.rows.forEach((features, n) => {
    const weight = problem.rowWeights?.[n] ?? 1
    const p = sigmoid(logOdds(model, features))
    const error = weight * (p - (problem.targets[n] ?? 0))
    const curve = weight * Math.max(p * (1 - p), 1e-6)
    for (let i = 0; i <= width; i++) {
      const x = i === width ? 1 : (features[i] ?? 0)
      if (x === 0) continue
      gradient[i] = (gradient[i] ?? 0) + error * x
      const row = hessian[i]
      if (!row) continue
      for (let j = 0; j <= i; j++) {
        row[j] = (row[j] ?? 0) + curve * x * (j === width ? 1 : (features[j] ?? 0))
      }
    }
  })
  return solve(hessian, gradient)
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
