/** Trains the linear classifier: support vector machines and softmax regression, averaged into one. */
import {
  buildMatrix,
  buildVocabulary,
  type DenseWeights,
  type Matrix,
  type PreparedText,
} from './dataset.ts'
import { DEFAULT_FEATURES, VIEW } from './features.ts'
import { quantise } from './linear-model.ts'
import type { Classifier } from './question-model.ts'
import type { Random } from './random.ts'
import { trainSoftmax } from './softmax.ts'
import { trainSvm } from './svm.ts'
import { createVectoriser } from './vectorise.ts'

export interface ClassifierExamples {
  readonly clean: readonly PreparedText[]
  /** Misheard copies, in the order of `clean`, or none. */
  readonly copies: readonly PreparedText[]
  /** Class of every text, clean ones first. */
  readonly labels: Int32Array
  readonly classes: number
  /** Texts of several sentences, where the views are worth being trained apart as well. */
  readonly isLong: boolean
}

const MINIMUM_TEXTS = 2
/** Keeps the file of a model with any number of classes below 5 MB. */
const MODEL_BYTES = 4_600_000
const BYTES_A_COLUMN = 4.5
const BYTES_A_WEIGHT = 0.7
/** A misheard copy counts this much beside its original. */
const COPY_WEIGHT = 0.4
/** Characters, syllables, words, letters, entities, beginning. */
const VIEW_WEIGHTS = [1, 0.5, 1, 1.2, 0.5, 0.5]
/** With more classes the machines take most of the time and add nothing measurable. */
const SVM_UP_TO = 100
const SVM = { cost: 0.5, passes: 8 }
const SOFTMAX = { rate: 2, dropout: 0.3, smoothing: 0.05 }
const SOFTMAX_STEPS = { alone: 8, withCopies: 7 }
/** Margins are smaller than log odds; so much brings the two to one scale. */
const SVM_SHARE = 3
/** Turns the averaged scores into probabilities; the decision above corrects the rest. */
const SHARPNESS = 1

export function trainClassifier(examples: ClassifierExamples, random: Random): Classifier {
  const { clean, copies, labels, classes, isLong } = examples
  const features = DEFAULT_FEATURES
  const limit = Math.floor(MODEL_BYTES / (BYTES_A_COLUMN + BYTES_A_WEIGHT * classes))
  const vocabulary = buildVocabulary(clean, features, MINIMUM_TEXTS, limit)
  const vectoriser = createVectoriser(vocabulary, VIEW_WEIGHTS)
  const originals = buildMatrix(clean, features, vectoriser)
  const all =
    copies.length > 0 ? buildMatrix([...clean, ...copies], features, vectoriser) : originals
  const rowWeights = Float32Array.from(labels, (_, i) => (i < clean.length ? 1 : COPY_WEIGHT))
  const passes = copies.length > 0 ? SOFTMAX_STEPS.withCopies : SOFTMAX_STEPS.alone
  const smooth = trainSoftmax(all, labels, classes, { ...SOFTMAX, passes, rowWeights }, random)
  if (classes <= SVM_UP_TO) addSvm(smooth, originals, labels, random)
  if (isLong) addViews(smooth, originals, vectoriser.views, labels, random)
  return {
    features,
    viewWeights: VIEW_WEIGHTS,
    vocabulary,
    linear: quantise(smooth, SHARPNESS),
  }
}

/** Both are linear in the same features, so their sum is one linear model and costs nothing more to use. */
function addSvm(sum: DenseWeights, matrix: Matrix, labels: Int32Array, random: Random): void {
  const svm = trainSvm(matrix, labels, sum.classes, SVM, random)
  for (let i = 0; i < sum.weights.length; i++) {
    sum.weights[i] = (sum.weights[i] ?? 0) + SVM_SHARE * (svm.weights[i] ?? 0)
  }
  for (let c = 0; c < sum.classes; c++) {
    sum.biases[c] = (sum.biases[c] ?? 0) + SVM_SHARE * (svm.biases[c] ?? 0)
  }
}

/**
 * Views of the text trained each by itself, so that none leans on another that noise may take away.
 * A view's columns are scaled back to unit length for it.
 */
const LONE_VIEWS = [
  { views: [VIEW.pinyin], share: 0.25 },
  { views: [VIEW.head], share: 0.25 },
  { views: [VIEW.character, VIEW.word, VIEW.letters], share: 0.5 },
] as const
const LONE_PASSES = 5

function addViews(
  sum: DenseWeights,
  matrix: Matrix,
  viewOf: Uint8Array,
  labels: Int32Array,
  random: Random,
): void {
  for (const { views, share } of LONE_VIEWS) {
    const alone = onlyViews(matrix, viewOf, views)
    const options = { ...SOFTMAX, passes: LONE_PASSES }
    const { weights, biases } = trainSoftmax(alone, labels, sum.classes, options, random)
    for (let i = 0; i < sum.weights.length; i++) {
      sum.weights[i] = (sum.weights[i] ?? 0) + share * (weights[i] ?? 0)
    }
    for (let c = 0; c < sum.classes; c++) {
      sum.biases[c] = (sum.biases[c] ?? 0) + share * (biases[c] ?? 0)
    }
  }
}

function onlyViews(matrix: Matrix, viewOf: Uint8Array, views: readonly number[]): Matrix {
  const wanted = new Set(views)
  const starts = new Int32Array(matrix.rows + 1)
  const columns = new Int32Array(matrix.columns.length)
  const values = new Float32Array(matrix.columns.length)
  let end = 0
  for (let row = 0; row < matrix.rows; row++) {
    const last = matrix.starts[row + 1] ?? 0
    for (let i = matrix.starts[row] ?? 0; i < last; i++) {
      const column = matrix.columns[i] ?? 0
      const view = viewOf[column] ?? 0
      if (!wanted.has(view)) continue
      columns[end] = column
      values[end++] = (matrix.values[i] ?? 0) / (VIEW_WEIGHTS[view] ?? 1)
    }
    starts[row + 1] = end
  }
  return { ...matrix, starts, columns: columns.slice(0, end), values: values.slice(0, end) }
}
