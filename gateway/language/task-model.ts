/** Models trained from tables of labelled texts, outside any pack: `kefu-edge language …`. */
import { refusalThreshold } from './calibrate.ts'
import { LanguageModelError } from './model-error.ts'
import { readModel, writeModel } from './model-file.ts'
import { normalise } from './normalise.ts'
import { buildQuestionIndex } from './question-index.ts'
import { OUT_OF_SCOPE, prepareQuery, prepareStored, type StoredQuestion } from './question-model.ts'
import { createReader, type Evidence, read, shareOut } from './reader.ts'
import { trainQuestionModel } from './trainer.ts'

/** `classify`: many examples a label. `faq`: an answer has one or two questions, found by search. */
export type Task = 'classify' | 'faq'

export interface LabelledText {
  readonly text: string
  readonly label: string
}

export interface TaskPrediction {
  /** `oos` when refused. */
  readonly label: string
  /** That the best label is right, 0–1; given also when refused. */
  readonly confidence: number
  /** Best first. */
  readonly top: readonly { readonly label: string; readonly score: number }[]
}

export interface TaskModel {
  readonly task: Task
  readonly labels: readonly string[]
  predict(text: string, top?: number): TaskPrediction
}

/** Search beside the classifier costs room for the texts; on longer ones it gains nothing measurable. */
const SEARCH_UP_TO_CHARACTERS = 40
/**
 * A foreign question refused is worth this much of an answer given right, and more where many of the
 * examples are foreign.
 */
const WORTH_OF_REFUSING = 0.06
const WORTH_BY_SHARE = 0.7
const FAQ_WORTH_OF_REFUSING = 0.02
/** An FAQ is asked more than it answers: about this share of what people ask is not in it. */
const FAQ_FOREIGN_SHARE = 0.3
/** Of fewer rows a handful is held out, and a threshold fitted on them may refuse the questions themselves. */
export const FEW_ROWS = 50
const FEW_ROWS_REFUSE_BELOW = 0.5
const NO_ENTITIES = (): readonly string[] => []

/**
 * Trains on labelled texts; rows labelled `oos` teach what to refuse. A row that says what an earlier one says
 * counts once. Deterministic by seed.
 */
export function trainTask(
  given: readonly LabelledText[],
  options: {
    readonly task: Task
    readonly seed: number
    readonly onProgress?: (share: number) => void
  },
): Uint8Array {
  const rows = distinct(given)
  const labels = [...new Set(rows.map(({ label }) => label))].sort()
  const numbers = new Map(labels.map((label, i) => [label, i]))
  const questions = rows.map(({ text, label }): StoredQuestion => {
    return { text, label: numbers.get(label) ?? -1 }
  })
  const characters = rows.reduce((sum, { text }) => sum + text.length, 0) / Math.max(rows.length, 1)
  const isFaq = options.task === 'faq'
  const search = isFaq || characters <= SEARCH_UP_TO_CHARACTERS
  const { model, judged } = trainQuestionModel(questions, labels, {
    seed: options.seed,
    classify: !isFaq,
    search,
    foreignShare: isFaq ? FAQ_FOREIGN_SHARE : 0,
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  })
  const foreign =
    rows.filter(({ label }) => label === OUT_OF_SCOPE).length / Math.max(rows.length, 1)
  const worth = isFaq ? FAQ_WORTH_OF_REFUSING : WORTH_OF_REFUSING + WORTH_BY_SHARE * foreign
  const refused = refusalThreshold(judged, worth)
  const refuseBelow = rows.length < FEW_ROWS ? Math.min(refused, FEW_ROWS_REFUSE_BELOW) : refused
  return writeModel({
    model,
    ...(search ? { questions } : {}),
    about: { task: options.task, refuseBelow },
  })
}

/**
 * Records of a site repeat what is popular. A question that meets its twin among the examples takes itself for
 * known, and whatever is fitted on held-out questions takes all of them for easy.
 */
export function distinct(rows: readonly LabelledText[]): readonly LabelledText[] {
  const seen = new Set<string>()
  return rows.filter(({ text, label }) => {
    const key = `${label}\n${normalise(text).text}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/** Opens a model that {@link trainTask} made. Throws {@link LanguageModelError}. */
export function openTask(bytes: Uint8Array): TaskModel {
  const { model, questions, about } = readModel(bytes)
  const { task, refuseBelow } = about
  if ((task !== 'classify' && task !== 'faq') || typeof refuseBelow !== 'number') {
    throw new LanguageModelError(
      'model.other-packs',
      'This model was trained on packs, not a table',
    )
  }
  const stored = questions ?? []
  const index = questions
    ? buildQuestionIndex(stored.map(({ text }) => prepareStored(normalise(text), NO_ENTITIES)))
    : undefined
  const reader = createReader(
    model,
    index,
    Int32Array.from(stored, ({ label }) => label),
  )
  const labelOf = ({ label }: Evidence): string => model.labels[label] ?? OUT_OF_SCOPE
  return {
    task,
    labels: model.labels,
    predict(text, top = 3) {
      const normal = normalise(text)
      if (normal.text === '') return { label: OUT_OF_SCOPE, confidence: 0, top: [] }
      const reading = read(reader, prepareQuery(normal, NO_ENTITIES))
      const [first] = reading.evidence
      const { confidence } = reading
      return {
        label: first && confidence >= refuseBelow ? labelOf(first) : OUT_OF_SCOPE,
        confidence,
        top: shareOut(reading.evidence, confidence)
          .slice(0, top)
          .map(({ item, score }) => ({ label: labelOf(item), score })),
      }
    },
  }
}
