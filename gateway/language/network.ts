/**
 * Small neural networks of one hidden layer, beside the linear classifier.
 *
 * A network sees only the commonest features of some views of the text, so it errs elsewhere than the
 * linear model does, and the average of several errs less than each (L. K. Hansen and P. Salamon, "Neural
 * Network Ensembles", 1990).
 */
import { addRows } from './add-rows.ts'
import type { Matrix } from './dataset.ts'
import { type Random, shuffle } from './random.ts'
import type { SparseVector } from './vectorise.ts'

/** As it answers: input weights in 8 bits, one scale a hidden unit. */
export interface Network {
  readonly units: number
  /** Columns of the vocabulary that it sees, in the order of its rows. */
  readonly columns: Int32Array
  /** Column of the vocabulary → row of `input`, or -1. */
  readonly rowOf: Int32Array
  /** Rows × units. */
  readonly input: Int8Array
  readonly inputScales: Float32Array
  readonly inputBiases: Float32Array
  /** Classes × units. */
  readonly output: Float32Array
  readonly outputBiases: Float32Array
  /** Its share in the average of scores. */
  readonly share: number
}

/** As it is trained, on a matrix whose columns are its rows. */
export interface DenseNetwork {
  readonly units: number
  readonly input: Float32Array
  readonly inputBiases: Float32Array
  readonly output: Float32Array
  readonly outputBiases: Float32Array
}

export interface NetworkOptions {
  readonly units: number
  readonly passes: number
  readonly rowWeights?: Float32Array
}

const RATE = 0.06
const INPUT_DROPOUT = 0.2
const HIDDEN_DROPOUT = 0.3
const SMOOTHING = 0.05
/** First weights of the input, uniform within ±; small, so that features seldom seen say little. */
const INPUT_SPREAD = 0.02
/** Steps of a column shrink with the gradients it has seen (AdaGrad, Duchi et al., 2011); from here. */
const FIRST_SQUARE = 0.1
/** The bias of a class moves slower than its weights: it sees every row. */
const BIAS_RATE = 0.3
/** Classes whose error is within this are left alone. */
const UNMOVED = 1e-3
/** A gradient whose square is below this changes nothing that survives rounding to 8 bits. */
const SETTLED = 1e-8

interface State extends DenseNetwork {
  readonly inputSquares: Float32Array
  readonly outputSquares: Float32Array
  biasSquare: number
  /** Features of the row at hand that were not left out. */
  readonly columns: Int32Array
  readonly values: Float32Array
  /** Hidden units that fired and were not left out, their values and errors. */
  readonly firing: Int32Array
  readonly hidden: Float32Array
  readonly errors: Float32Array
  readonly scores: Float32Array
}

/** Stochastic gradient descent with dropout on features and hidden units, and smoothed labels. */
export function trainNetwork(
  matrix: Matrix,
  labels: Int32Array,
  classes: number,
  options: NetworkOptions,
  random: Random,
): DenseNetwork {
  const state = createState(matrix, classes, options.units, random)
  const order = Int32Array.from({ length: matrix.rows }, (_, row) => row)
  const steps = options.passes * matrix.rows
  for (let step = 0; step < steps; step++) {
    const at = step % matrix.rows
    if (at === 0) shuffle(order, random)
    const row = order[at] as number
    const rate = RATE * (1 - step / steps)
    const length = pickFeatures(matrix, row, state, random)
    const firing = fire(length, state, random)
    const rowWeight = options.rowWeights?.[row] ?? 1
    const square = learnOutput(labels[row] as number, firing, rate, rowWeight, state)
    if (square >= SETTLED) learnInput(length, firing, rate, square, state)
  }
  const { units, input, inputBiases, output, outputBiases } = state
  return { units, input, inputBiases, output, outputBiases }
}

function createState(matrix: Matrix, classes: number, units: number, random: Random): State {
  let longest = 0
  for (let row = 0; row < matrix.rows; row++) {
    longest = Math.max(longest, (matrix.starts[row + 1] as number) - (matrix.starts[row] as number))
  }
  const spread = (length: number, size: number): Float32Array => {
    const values = new Float32Array(length)
    for (let i = 0; i < length; i++) values[i] = (random() * 2 - 1) * size
    return values
  }
  return {
    units,
    input: spread(matrix.width * units, INPUT_SPREAD),
    inputBiases: new Float32Array(units),
    output: spread(classes * units, Math.sqrt(3 / units)),
    outputBiases: new Float32Array(classes),
    inputSquares: new Float32Array(matrix.width).fill(FIRST_SQUARE),
    outputSquares: new Float32Array(classes).fill(FIRST_SQUARE),
    biasSquare: FIRST_SQUARE,
    columns: new Int32Array(longest),
    values: new Float32Array(longest),
    firing: new Int32Array(units),
    hidden: new Float32Array(units),
    errors: new Float32Array(units),
    scores: new Float32Array(classes),
  }
}

function pickFeatures(
  { starts, columns, values }: Matrix,
  row: number,
  state: State,
  random: Random,
): number {
  const kept = 1 / (1 - INPUT_DROPOUT)
  const end = starts[row + 1] as number
  let length = 0
  for (let i = starts[row] as number; i < end; i++) {
    if (random() < INPUT_DROPOUT) continue
    state.columns[length] = columns[i] as number
    state.values[length++] = (values[i] as number) * kept
  }
  return length
}

/** The hidden layer; returns how many units fire. */
function fire(length: number, state: State, random: Random): number {
  const { units, input, hidden, firing } = state
  hidden.set(state.inputBiases)
  addRows(hidden, input, state.columns, state.values, length)
  const kept = 1 / (1 - HIDDEN_DROPOUT)
  let count = 0
  for (let u = 0; u < units; u++) {
    const value = hidden[u] as number
    if (value <= 0 || random() < HIDDEN_DROPOUT) continue
    firing[count] = u
    hidden[count++] = value * kept
  }
  return count
}

/** Probabilities, their errors, and a step of the output; returns the mean square of hidden errors. */
function learnOutput(
  label: number,
  firing: number,
  rate: number,
  rowWeight: number,
  state: State,
): number {
  const { units, output, outputBiases, outputSquares, hidden, errors, scores } = state
  const classes = scores.length
  let highest = Number.NEGATIVE_INFINITY
  for (let c = 0; c < classes; c++) {
    const start = c * units
    let sum = outputBiases[c] as number
    for (let k = 0; k < firing; k++) {
      sum += (hidden[k] as number) * (output[start + (state.firing[k] as number)] as number)
    }
    scores[c] = sum
    if (sum > highest) highest = sum
  }
  let total = 0
  for (let c = 0; c < classes; c++) {
    const share = Math.exp((scores[c] as number) - highest)
    scores[c] = share
    total += share
  }
  let energy = 1
  for (let k = 0; k < firing; k++) {
    energy += (hidden[k] as number) ** 2
    errors[k] = 0
  }
  for (let c = 0; c < classes; c++) {
    const target = (c === label ? 1 - SMOOTHING : 0) + SMOOTHING / classes
    const error = rowWeight * ((scores[c] as number) / total - target)
    if (error < UNMOVED && error > -UNMOVED) continue
    const square = (outputSquares[c] as number) + (error * error * energy) / units
    outputSquares[c] = square
    const step = (rate * error) / Math.sqrt(square)
    outputBiases[c] = (outputBiases[c] as number) - step * BIAS_RATE
    const start = c * units
    for (let k = 0; k < firing; k++) {
      const at = start + (state.firing[k] as number)
      const weight = output[at] as number
      errors[k] = (errors[k] as number) + error * weight
      output[at] = weight - step * (hidden[k] as number)
    }
  }
  let square = 0
  const kept = 1 / (1 - HIDDEN_DROPOUT)
  for (let k = 0; k < firing; k++) {
    const error = (errors[k] as number) * kept
    errors[k] = error
    square += error * error
  }
  return square / units
}

function learnInput(
  length: number,
  firing: number,
  rate: number,
  square: number,
  state: State,
): void {
  const { units, input, inputBiases, inputSquares, errors } = state
  state.biasSquare += square
  const biasStep = rate / Math.sqrt(state.biasSquare)
  for (let k = 0; k < firing; k++) {
    const u = state.firing[k] as number
    inputBiases[u] = (inputBiases[u] as number) - biasStep * (errors[k] as number)
  }
  for (let i = 0; i < length; i++) {
    const column = state.columns[i] as number
    const value = state.values[i] as number
    const seen = (inputSquares[column] as number) + square * value * value
    inputSquares[column] = seen
    const step = (rate * value) / Math.sqrt(seen)
    const start = column * units
    for (let k = 0; k < firing; k++) {
      const at = start + (state.firing[k] as number)
      input[at] = (input[at] as number) - step * (errors[k] as number)
    }
  }
}

/** Column → row, from the columns that a network sees. */
export function rowsOf(columns: Int32Array, width: number): Int32Array {
  const rowOf = new Int32Array(width).fill(-1)
  columns.forEach((column, row) => {
    rowOf[column] = row
  })
  return rowOf
}

/** Adds the network's scores of all classes, by its share, to `scores`. */
export function addNetworkScores(
  network: Network,
  vector: SparseVector,
  scores: Float32Array,
): void {
  const { units, rowOf, input, inputScales, output, outputBiases, share } = network
  const hidden = new Float32Array(units)
  for (let i = 0; i < vector.length; i++) {
    const row = rowOf[vector.columns[i] as number] as number
    if (row < 0) continue
    const start = row * units
    const value = vector.values[i] as number
    for (let u = 0; u < units; u++) {
      hidden[u] = (hidden[u] as number) + value * (input[start + u] as number)
    }
  }
  for (let u = 0; u < units; u++) {
    const value =
      (hidden[u] as number) * (inputScales[u] as number) + (network.inputBiases[u] as number)
    hidden[u] = value > 0 ? value : 0
  }
  for (let c = 0; c < scores.length; c++) {
    const start = c * units
    let sum = outputBiases[c] as number
    for (let u = 0; u < units; u++) sum += (hidden[u] as number) * (output[start + u] as number)
    scores[c] = (scores[c] as number) + share * sum
  }
}
