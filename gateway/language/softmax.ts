/**
 * Multinomial logistic regression by stochastic gradient descent with falling step size.
 *
 * Features are left out at random while training (S. Wager et al., "Dropout Training as Adaptive
 * Regularization", 2013) and labels are smoothed, which keeps the weights of single n-grams modest.
 */
import { addRows } from './add-rows.ts'
import type { DenseWeights, Matrix } from './dataset.ts'
import { type Random, shuffle } from './random.ts'

export interface SoftmaxOptions {
  readonly passes: number
  readonly rate: number
  /**
   * Columns from here on are dense: every row has all of them, and together they tell one thing. None is left
   * out by chance.
   */
  readonly denseFrom: number
  /** Share of the other features left out of each step. */
  readonly dropout: number
  /** Share of each label's certainty spread over all classes. */
  readonly smoothing: number
  readonly rowWeights?: Float32Array
}

/** A step whose squared error is below this changes nothing that survives rounding to 8 bits. */
const SETTLED = 1e-5
/** Classes whose error is within this are left alone: with many classes, nearly all of them. */
const UNMOVED = 1e-3
/** The bias and dense columns move slower than the weights of n-grams: they see every row. */
const BIAS_RATE = 0.1
const DENSE_RATE = 0.3

export function trainSoftmax(
  matrix: Matrix,
  labels: Int32Array,
  classes: number,
  options: SoftmaxOptions,
  random: Random,
): DenseWeights {
  const { rows } = matrix
  const state: State = {
    weights: new Float32Array(matrix.width * classes),
    biases: new Float32Array(classes),
    errors: new Float32Array(classes),
    active: new Int32Array(classes),
    columns: new Int32Array(longestRow(matrix)),
    values: new Float32Array(longestRow(matrix)),
  }
  const order = Int32Array.from({ length: rows }, (_, row) => row)
  const steps = options.passes * rows
  for (let step = 0; step < steps; step++) {
    const at = step % rows
    if (at === 0) shuffle(order, random)
    const row = order[at] as number
    const weight = options.rowWeights?.[row] ?? 1
    const rate = options.rate * (1 - step / steps) * weight
    descend(matrix, row, labels[row] as number, rate, options, state, random)
  }
  return { weights: state.weights, biases: state.biases, classes }
}

interface State {
  readonly weights: Float32Array
  readonly biases: Float32Array
  readonly errors: Float32Array
  readonly active: Int32Array
  readonly columns: Int32Array
  readonly values: Float32Array
}

function longestRow({ starts, rows }: Matrix): number {
  let longest = 0
  for (let row = 0; row < rows; row++) {
    longest = Math.max(longest, (starts[row + 1] as number) - (starts[row] as number))
  }
  return longest
}

function descend(
  matrix: Matrix,
  row: number,
  label: number,
  rate: number,
  options: SoftmaxOptions,
  { weights, biases, errors, active, columns, values }: State,
  random: Random,
): void {
  const classes = biases.length
  const kept = 1 / (1 - options.dropout)
  const end = matrix.starts[row + 1] as number
  let length = 0
  for (let i = matrix.starts[row] as number; i < end; i++) {
    const column = matrix.columns[i] as number
    const isDense = column >= options.denseFrom
    if (!isDense && random() < options.dropout) continue
    columns[length] = column
    values[length++] = (matrix.values[i] as number) * (isDense ? 1 : kept)
  }
  errors.set(biases)
  addRows(errors, weights, columns, values, length)
  if (toErrors(errors, label, options.smoothing) < SETTLED) return
  let moving = 0
  for (let c = 0; c < classes; c++) {
    const error = errors[c] as number
    if (error > UNMOVED || error < -UNMOVED) active[moving++] = c
  }
  for (let k = 0; k < moving; k++) {
    const c = active[k] as number
    biases[c] = (biases[c] as number) - rate * BIAS_RATE * (errors[c] as number)
  }
  for (let i = 0; i < length; i++) {
    const column = columns[i] as number
    const start = column * classes
    const step = rate * (column >= options.denseFrom ? DENSE_RATE : 1) * (values[i] as number)
    for (let k = 0; k < moving; k++) {
      const c = active[k] as number
      weights[start + c] = (weights[start + c] as number) - step * (errors[c] as number)
    }
  }
}

/** Scores to (probability − smoothed target), in place; returns the sum of squares. */
function toErrors(scores: Float32Array, label: number, smoothing: number): number {
  const classes = scores.length
  let highest = Number.NEGATIVE_INFINITY
  for (let c = 0; c < classes; c++) highest = Math.max(highest, scores[c] as number)
  let sum = 0
  for (let c = 0; c < classes; c++) {
    const share = Math.exp((scores[c] as number) - highest)
    scores[c] = share
    sum += share
  }
  let squares = 0
  for (let c = 0; c < classes; c++) {
    const target = (c === label ? 1 - smoothing : 0) + smoothing / classes
    const error = (scores[c] as number) / sum - target
    scores[c] = error
    squares += error * error
  }
  return squares
}
