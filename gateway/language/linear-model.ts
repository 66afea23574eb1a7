/** The classifier as it answers: int8 weights, one scale a class, probabilities by a tempered softmax. */
import { addRows } from './add-rows.ts'
import { addNetworkScores, type Network } from './network.ts'
import type { SparseVector } from './vectorise.ts'

export interface LinearModel {
  readonly classes: number
  /** Columns × classes. */
  readonly weights: Int8Array
  readonly scales: Float32Array
  readonly biases: Float32Array
  /** Its share in the average of scores; the networks have the rest. */
  readonly share: number
  readonly networks: readonly Network[]
  /** Sharpness of the softmax, found on held-out examples. */
  readonly sharpness: number
}

const LEVELS = 127
/** Levels this small decide nothing; as zeros they make the file smaller. */
const NEGLIGIBLE = 1

export interface RoundedWeights {
  readonly weights: Int8Array
  readonly scales: Float32Array
}

/** Rounds weights (columns × classes) to 8 bits, each class on its own scale. */
export function quantise(weights: Float32Array, classes: number): RoundedWeights {
  const scales = new Float32Array(classes)
  for (let i = 0; i < weights.length; i++) {
    const size = Math.abs(weights[i] ?? 0)
    if (size > (scales[i % classes] ?? 0)) scales[i % classes] = size
  }
  for (let c = 0; c < classes; c++) scales[c] = (scales[c] || 1) / LEVELS
  const small = new Int8Array(weights.length)
  for (let i = 0; i < weights.length; i++) {
    const level = Math.round((weights[i] ?? 0) / (scales[i % classes] ?? 1))
    small[i] = Math.abs(level) <= NEGLIGIBLE ? 0 : level
  }
  return { weights: small, scales }
}

/** Scores of all classes for `vector`, averaged over the linear model and its networks, into `scores`. */
export function scoreClasses(model: LinearModel, vector: SparseVector, scores: Float32Array): void {
  const { classes, weights, scales, biases, share, networks } = model
  scores.fill(0)
  addRows(scores, weights, vector.columns, vector.values, vector.length)
  for (let c = 0; c < classes; c++) {
    const score = (scores[c] as number) * (scales[c] as number) + (biases[c] as number)
    scores[c] = share * score
  }
  for (const network of networks) addNetworkScores(network, vector, scores)
}

/** Probabilities from margins, into `probabilities` (may be the same array). */
export function softmax(
  scores: Float32Array,
  sharpness: number,
  probabilities: Float32Array,
): void {
  let highest = Number.NEGATIVE_INFINITY
  for (const score of scores) if (score > highest) highest = score
  let sum = 0
  for (let c = 0; c < scores.length; c++) {
    const share = Math.exp(((scores[c] as number) - highest) * sharpness)
    probabilities[c] = share
    sum += share
  }
  for (let c = 0; c < scores.length; c++) probabilities[c] = (probabilities[c] as number) / sum
}
