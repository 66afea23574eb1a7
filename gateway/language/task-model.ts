/** Models trained from tables of labelled texts, outside any pack: `kefu-edge language …`. */
import { refusalThreshold } from './calibrate.ts'
import { LanguageModelError } from './model-error.ts'
import { readModel, writeModel } from './model-file.ts'
import { normalise } from './normalise.ts'
import { buildQuestionIndex } from './question-index.ts'
import { OUT_OF_SCOPE, prepareQuery, type StoredQuestion } from './question-model.ts'
import { createReader, type Evidence, read } from './reader.ts'
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

/** Search beside the classifier costs room for the texts; long ones repay it least. */
const SEARCH_UP_TO_CHARACTERS = 40
/** A foreign question refused is worth this much of an answer given right. */
const WORTH_OF_REFUSING = 0.15
const FAQ_WORTH_OF_REFUSING = 0.1
/** An FAQ is asked far more than it answers; half of training looks at what it does not hold. */
const FAQ_HIDDEN_WEIGHT = 0.3
const NO_ENTITIES = (): readonly string[] => []

/** Trains on labelled texts; rows labelled `oos` teach what to refuse. Deterministic by seed. */
export function trainTask(
  rows: readonly LabelledText[],
  options: {
    readonly task: Task
    readonly seed: number
    readonly onProgress?: (share: number) => void
  },
): Uint8Array {
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
    hiddenWeight: isFaq ? FAQ_HIDDEN_WEIGHT : 0,
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  })
  const refuseBelow = refusalThreshold(judged, isFaq ? FAQ_WORTH_OF_REFUSING : WORTH_OF_REFUSING)
  return writeModel({
    model,
    ...(search ? { questions } : {}),
    about: { task: options.task, refuseBelow },
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
    ? buildQuestionIndex(stored.map(({ text }) => prepareQuery(normalise(text), NO_ENTITIES)))
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

/** The best label has its confidence; what is left over is shared by rank among the others. */
export function shareOut(
  evidence: readonly Evidence[],
  confidence: number,
): { readonly item: Evidence; readonly score: number }[] {
  const odds = evidence.map(({ rank }) => 1 / (1 + Math.exp(-rank)))
  const others = Math.max(
    odds.slice(1).reduce((sum, one) => sum + one, 0),
    1,
  )
  return evidence.map((item, i) => {
    if (i === 0) return { item, score: confidence }
    return { item, score: Math.min(confidence, ((1 - confidence) * (odds[i] ?? 0)) / others) }
  })
}
