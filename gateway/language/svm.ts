/**
 * Linear support vector machines, one class against the rest.
 *
 * Dual coordinate descent for the squared hinge loss with shrinking: C.-J. Hsieh et al., "A Dual
 * Coordinate Descent Method for Large-scale Linear SVM", ICML 2008, algorithms 1 and 3.
 */
import type { DenseWeights, Matrix } from './dataset.ts'
import { type Random, shuffle } from './random.ts'

export interface SvmOptions {
  /** Cost of a mistake; larger fits the examples more closely. */
  readonly cost: number
  readonly passes: number
  /** Weight of each row's mistakes, such as less for augmented copies. */
  readonly rowWeights?: Float32Array
}

/** Gaps smaller than this end the descent early. */
const TOLERANCE = 0.1

/** Trains `classes` machines on rows labelled 0 … classes-1. */
export function trainSvm(
  matrix: Matrix,
  labels: Int32Array,
  classes: number,
  options: SvmOptions,
  random: Random,
  onClass?: (done: number) => void,
): DenseWeights {
  const weights = new Float32Array(matrix.width * classes)
  const biases = new Float32Array(classes)
  const own = new Float32Array(matrix.width + 1)
  const squares = rowSquares(matrix)
  for (let wanted = 0; wanted < classes; wanted++) {
    own.fill(0)
    trainOne(matrix, labels, wanted, squares, own, options, random)
    for (let column = 0; column < matrix.width; column++) {
      weights[column * classes + wanted] = own[column] ?? 0
    }
    biases[wanted] = own[matrix.width] ?? 0
    onClass?.(wanted + 1)
  }
  return { weights, biases, classes }
}

function rowSquares(matrix: Matrix): Float32Array {
  const squares = new Float32Array(matrix.rows)
  for (let row = 0; row < matrix.rows; row++) {
    let sum = 1
    const end = matrix.starts[row + 1] ?? 0
    for (let i = matrix.starts[row] ?? 0; i < end; i++) {
      const value = matrix.values[i] ?? 0
      sum += value * value
    }
    squares[row] = sum
  }
  return squares
}

function trainOne(
  matrix: Matrix,
  labels: Int32Array,
  wanted: number,
  squares: Float32Array,
  own: Float32Array,
  options: SvmOptions,
  random: Random,
): void {
  const { starts, columns, values, rows, width } = matrix
  const alphas = new Float32Array(rows)
  const order = Int32Array.from({ length: rows }, (_, row) => row)
  let active = rows
  let shrinkAbove = Number.POSITIVE_INFINITY
  for (let pass = 0; pass < options.passes; pass++) {
    shuffle(order.subarray(0, active), random)
    let largest = Number.NEGATIVE_INFINITY
    let smallest = Number.POSITIVE_INFINITY
    for (let k = 0; k < active; k++) {
      const row = order[k] as number
      const sign = labels[row] === wanted ? 1 : -1
      const slack = 0.5 / (options.cost * (options.rowWeights?.[row] ?? 1))
      const start = starts[row] as number
      const end = starts[row + 1] as number
      let sum = own[width] as number
      for (let i = start; i < end; i++) {
        sum += (own[columns[i] as number] as number) * (values[i] as number)
      }
      const alpha = alphas[row] as number
      const gradient = sign * sum - 1 + alpha * slack
      let projected = gradient
      if (alpha === 0) {
        if (gradient > shrinkAbove) {
          active--
          order[k] = order[active] as number
          order[active] = row
          k--
          continue
        }
        projected = Math.min(gradient, 0)
      }
      if (projected > largest) largest = projected
      if (projected < smallest) smallest = projected
      if (Math.abs(projected) < 1e-9) continue
      const next = Math.max(alpha - gradient / ((squares[row] as number) + slack), 0)
      alphas[row] = next
      const step = (next - alpha) * sign
      own[width] = (own[width] as number) + step
      for (let i = start; i < end; i++) {
        const column = columns[i] as number
        own[column] = (own[column] as number) + step * (values[i] as number)
      }
    }
    if (largest - smallest < TOLERANCE) {
      if (active === rows) return
      active = rows
      shrinkAbove = Number.POSITIVE_INFINITY
    } else shrinkAbove = largest > 0 ? largest : Number.POSITIVE_INFINITY
  }
}
