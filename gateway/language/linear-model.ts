/** The classifier as it answers: int8 weights, one scale a class, probabilities by a tempered softmax. */
import type { DenseWeights } from './dataset.ts'
import type { SparseVector } from './vectorise.ts'

export interface LinearModel {
  readonly classes: number
  /** Columns × classes. */
  readonly weights: Int8Array
  readonly scales: Float32Array
  readonly biases: Float32Array
  /** Sharpness of the softmax, found on held-out examples. */
  readonly sharpness: number
}

const LEVELS = 127
/** Levels this small decide nothing; as zeros they make the file smaller. */
const NEGLIGIBLE = 1

/** Rounds weights to 8 bits, each class on its own scale. */
export function quantise(dense: DenseWeights, sharpness: number): LinearModel {
  const { classes, weights } = dense
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
  return { classes, weights: small, scales, biases: dense.biases, sharpness }
}

/** Margins of all classes for `vector`, into `scores`. */
export function scoreClasses(model: LinearModel, vector: SparseVector, scores: Float32Array): void {
  const { classes, weights, scales, biases } = model
  scores.fill(0)
  for (let i = 0; i < vector.length; i++) {
    const value = vector.values[i] as number
    const start = (vector.columns[i] as number) * classes
    for (let c = 0; c < classes; c++) {
      scores[c] = (scores[c] as number) + value * (weights[start + c] as number)
    }
  }
  for (let c = 0; c < classes; c++) {
    scores[c] = (scores[c] as number) * (scales[c] as number) + (biases[c] as number)
  }
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
