/** Logistic regression on a handful of dense features, by Newton's method; exact and deterministic. */
import { descend, solve } from './newton.ts'

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
  const start = options.prior ? options.prior.weights : new Array<number>(width + 1).fill(0)
  const weights = descend(start, {
    steps: STEPS,
    precision: 1e-4,
    lossOf: (at) => lossOf(problem, at),
    stepOf: (at) => newtonStep(problem, at),
  })
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
