/** Trains the classifier: softmax regression on all features, with what adds to it, as one average. */
import {
  buildMatrix,
  buildVocabulary,
  type DenseWeights,
  type Matrix,
  type PreparedText,
} from './dataset.ts'
import { DEFAULT_FEATURES } from './features.ts'
import { quantise } from './linear-model.ts'
import { type Network, rowsOf, trainNetwork } from './network.ts'
import type { Classifier } from './question-model.ts'
import type { Random } from './random.ts'
import { trainSoftmax } from './softmax.ts'
import { trainSvm } from './svm.ts'
import { createVectoriser } from './vectorise.ts'
import { MEANING_WIDTH } from './word-vectors.ts'

export interface ClassifierExamples {
  readonly clean: readonly PreparedText[]
  /** Misheard copies, in the order of `clean`, or none. */
  readonly copies: readonly PreparedText[]
  /** Class of every text, clean ones first. */
  readonly labels: Int32Array
  readonly classes: number
  /** Texts of the whole set that `clean` may be a fold of; what is judged and what is used must be alike. */
  readonly total: number
  /** Texts of several sentences. */
  readonly isLong: boolean
}

const MINIMUM_TEXTS = 2
/** Keeps the file of a model with any number of classes below 5 MB. */
const MODEL_BYTES = 4_600_000
const BYTES_A_COLUMN = 4.5
const BYTES_A_WEIGHT = 0.45
const BYTES_A_NETWORK_WEIGHT = 0.8
/** A misheard copy counts this much beside its original. */
const COPY_WEIGHT = 0.4
/** Characters, syllables, words, letters, entities, beginning, phrases. */
const VIEW_WEIGHTS = [0.8, 0.5, 1, 1.2, 0.5, 0.5, 0.6]
/**
 * Weight of what the words mean: none with few texts, all of it with many. Five intents of five questions
 * each do not tell which words matter: there 银行几点下班 means nearly what 门诊几点下班 means. The words of
 * a long text mean a little of everything, and very many Chinese texts have each word themselves: there the
 * dense columns double the time of training and gain nothing.
 */
const MEANING = { weight: 1.0, fromTexts: 400, fullyFromTexts: 1500, upToChineseTexts: 8000 }
const SOFTMAX = { rate: 2, dropout: 0.3, smoothing: 0.05 }
const SOFTMAX_STEPS = { alone: 8, withCopies: 7, withNetworks: 6 }
/**
 * What is left out by chance moves a model of few texts by a question in a hundred: three of them, averaged,
 * are one model that hardly depends on the seed. Many texts do that themselves.
 */
const SEVERAL_RUNS = { runs: 3, upToTexts: 3000 }
/** With more classes the machines take most of the time and add nothing measurable. */
const SVM_UP_TO = 100
const SVM = { cost: 0.5, passes: 8 }
/** Margins are smaller than log odds; so much brings the two to one scale. */
const SVM_SHARE = 3
/** Dropout and smoothed labels leave averaged scores too flat by so much; the decision corrects the rest. */
const NETWORK_SHARPNESS = 1.6

interface NetworkPlan {
  /** Lengths of the views that it sees, in the order of VIEW_WEIGHTS; 0 for those that it does not. */
  readonly views: readonly number[]
  /** The commonest features of its views that it sees; rarer ones hardly move it. */
  readonly columns: number
  readonly share: number
}

/**
 * In Chinese three networks see different sides of a text: all, characters, and sounds. What a recogniser
 * misheard misleads one of them and not all.
 */
const THREE_SIDES: readonly NetworkPlan[] = [
  { views: [1, 0.5, 1, 0.3, 0.5, 0.5, 0, 0.5], columns: 24_000, share: 1 / 3 },
  { views: [1, 0, 1, 0.3, 0.5, 0.5, 0, 0], columns: 16_000, share: 1 / 3 },
  { views: [0, 1, 1, 0.3, 0.5, 0, 0, 0], columns: 8_000, share: 1 / 6 },
]
/**
 * Where networks measured better: in English and with fewer texts they are no better than the machines,
 * and with more classes they take most of the time.
 */
const NETWORKS = { fromTexts: 3000, upToClasses: 100 }
const NETWORK_UNITS = 64
/** Rows that a network is shown in all, and the passes within which that is done. */
const NETWORK_STEPS = 40_000
const NETWORK_PASSES = { least: 6, most: 25 }
/** Copies make twice the rows. */
const COPY_PASSES = 0.6

export function trainClassifier(examples: ClassifierExamples, random: Random): Classifier {
  const { clean, copies, labels, classes } = examples
  const meaning = meaningWeight(examples)
  const features = { ...DEFAULT_FEATURES, meaning: meaning > 0 }
  const plans = plansFor(examples)
  const vocabulary = buildVocabulary(clean, features, MINIMUM_TEXTS, mostColumns(plans, classes))
  const viewWeights = [...VIEW_WEIGHTS, meaning]
  const vectoriser = createVectoriser(vocabulary, viewWeights)
  const matrix = buildMatrix([...clean, ...copies], features, vectoriser)
  const rowWeights = Float32Array.from(labels, (_, i) => (i < clean.length ? 1 : COPY_WEIGHT))
  const hasCopies = copies.length > 0
  const passes = hasCopies ? SOFTMAX_STEPS.withCopies : SOFTMAX_STEPS.alone
  const options = {
    ...SOFTMAX,
    passes: plans.length > 0 ? SOFTMAX_STEPS.withNetworks : passes,
    rowWeights,
    denseFrom: vocabulary.hashes.length,
  }
  const runs = examples.total <= SEVERAL_RUNS.upToTexts ? SEVERAL_RUNS.runs : 1
  const smooth = averageSoftmax(runs, () => trainSoftmax(matrix, labels, classes, options, random))
  if (plans.length === 0 && classes <= SVM_UP_TO) {
    addSvm(smooth, firstRows(matrix, clean.length), labels, random)
  }
  const data = { matrix, viewWeights, viewOf: vectoriser.views, labels, classes, rowWeights }
  const networkPasses = Math.round(passesOf(clean.length) * (hasCopies ? COPY_PASSES : 1))
  const networks = plans.map((plan) => networkFor(plan, data, networkPasses, random))
  return {
    features,
    viewWeights,
    vocabulary,
    linear: {
      classes,
      ...quantise(smooth.weights, classes),
      biases: smooth.biases,
      share: 1 - plans.reduce((sum, { share }) => sum + share, 0),
      networks,
      sharpness: plans.length > 0 ? NETWORK_SHARPNESS : 1,
    },
  }
}

function meaningWeight({ clean, total, isLong }: ClassifierExamples): number {
  if (isLong || total < MEANING.fromTexts) return 0
  if (total > MEANING.upToChineseTexts && isChinese(clean)) return 0
  return MEANING.weight * Math.min(1, total / MEANING.fullyFromTexts)
}

function plansFor({ clean, classes, total }: ClassifierExamples): readonly NetworkPlan[] {
  if (total < NETWORKS.fromTexts || classes > NETWORKS.upToClasses) return []
  return isChinese(clean) ? THREE_SIDES : []
}

const isChinese = (texts: readonly PreparedText[]): boolean =>
  texts.filter(({ lang }) => lang === 'zh').length * 2 > texts.length

/** Columns that leave room for the networks. */
function mostColumns(plans: readonly NetworkPlan[], classes: number): number {
  const rows = plans.reduce((sum, { columns }) => sum + columns, 0)
  const left = MODEL_BYTES - rows * NETWORK_UNITS * BYTES_A_NETWORK_WEIGHT
  return Math.floor(left / (BYTES_A_COLUMN + BYTES_A_WEIGHT * classes))
}

const firstRows = (matrix: Matrix, rows: number): Matrix => ({ ...matrix, rows })

/** Scores are linear in the weights, so the average of the weights is the average of the scores. */
function averageSoftmax(runs: number, train: () => DenseWeights): DenseWeights {
  const sum = train()
  for (let run = 1; run < runs; run++) addTo(sum, train(), 1)
  scaleBy(sum, 1 / runs)
  return sum
}

function addTo(sum: DenseWeights, other: DenseWeights, factor: number): void {
  for (let i = 0; i < sum.weights.length; i++) {
    sum.weights[i] = (sum.weights[i] ?? 0) + factor * (other.weights[i] ?? 0)
  }
  for (let c = 0; c < sum.classes; c++) {
    sum.biases[c] = (sum.biases[c] ?? 0) + factor * (other.biases[c] ?? 0)
  }
}

function scaleBy({ weights, biases }: DenseWeights, factor: number): void {
  for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] ?? 0) * factor
  for (let c = 0; c < biases.length; c++) biases[c] = (biases[c] ?? 0) * factor
}

/** Both are linear in the same features, so their sum is one linear model and costs nothing more to use. */
function addSvm(sum: DenseWeights, matrix: Matrix, labels: Int32Array, random: Random): void {
  addTo(sum, trainSvm(matrix, labels, sum.classes, SVM, random), SVM_SHARE)
}

const passesOf = (rows: number): number =>
  Math.min(Math.max(NETWORK_STEPS / rows, NETWORK_PASSES.least), NETWORK_PASSES.most)

interface NetworkData {
  readonly matrix: Matrix
  readonly viewWeights: readonly number[]
  /** View of every column. */
  readonly viewOf: Uint8Array
  readonly labels: Int32Array
  readonly classes: number
  readonly rowWeights: Float32Array
}

function networkFor(
  plan: NetworkPlan,
  { matrix, viewWeights, viewOf, labels, classes, rowWeights }: NetworkData,
  passes: number,
  random: Random,
): Network {
  const gains = plan.views.map((length, view) => length / (viewWeights[view] || 1))
  const sees = (column: number): boolean => (plan.views[viewOf[column] ?? 0] ?? 0) > 0
  const dense = matrix.width - MEANING_WIDTH
  const columns: number[] = []
  for (let column = dense; column < matrix.width; column++) if (sees(column)) columns.push(column)
  // A vocabulary has its commonest features first.
  for (let column = 0; column < dense && columns.length < plan.columns; column++) {
    if (sees(column)) columns.push(column)
  }
  const seen = Int32Array.from(columns)
  const rowOf = rowsOf(seen, matrix.width)
  const rowGains = Float32Array.from(columns, (column) => gains[viewOf[column] ?? 0] ?? 1)
  const part = onlyColumns(matrix, rowOf, rowGains)
  const options = { units: NETWORK_UNITS, passes, rowWeights }
  const trained = trainNetwork(part, labels, classes, options, random)
  // The gains go into the weights, so that all networks read the same vector.
  for (let i = 0; i < trained.input.length; i++) {
    trained.input[i] = (trained.input[i] ?? 0) * (rowGains[Math.floor(i / trained.units)] ?? 1)
  }
  const { weights, scales } = quantise(trained.input, trained.units)
  return {
    units: trained.units,
    columns: seen,
    rowOf,
    input: weights,
    inputScales: scales,
    inputBiases: trained.inputBiases,
    output: trained.output,
    outputBiases: trained.outputBiases,
    share: plan.share,
  }
}

function onlyColumns(matrix: Matrix, rowOf: Int32Array, rowGains: Float32Array): Matrix {
  const starts = new Int32Array(matrix.rows + 1)
  const columns = new Int32Array(matrix.columns.length)
  const values = new Float32Array(matrix.columns.length)
  let end = 0
  for (let row = 0; row < matrix.rows; row++) {
    const last = matrix.starts[row + 1] ?? 0
    for (let i = matrix.starts[row] ?? 0; i < last; i++) {
      const kept = rowOf[matrix.columns[i] ?? 0] ?? -1
      if (kept < 0) continue
      columns[end] = kept
      values[end++] = (matrix.values[i] ?? 0) * (rowGains[kept] ?? 1)
    }
    starts[row + 1] = end
  }
  return { rows: matrix.rows, width: rowGains.length, starts, columns, values }
}
