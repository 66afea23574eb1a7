/** Training questions with the copies that are made of them. */
import { distort, hesitate, mishear, mistype, rephrase } from './augment.ts'
import { type NormalText, normalise } from './normalise.ts'
import { type EntityNames, prepareQuery, type QueryText } from './question-model.ts'
import type { Random } from './random.ts'

export interface TrainingQuestion {
  readonly text: string
  /** Number of its label, or -1: nothing in this model answers it. */
  readonly label: number
}

export interface Example {
  readonly query: QueryText
  /** As misheard or mistyped. */
  readonly noisy: QueryText
  /** Where the label has no second question: made-up copies in its place. */
  readonly copies?: {
    /** Said differently: the label is right. */
    readonly same: QueryText
    /** Nearly the same words with another meaning: no label is right. */
    readonly wrong: QueryText
  }
  readonly label: number
}

export function prepareExamples(
  questions: readonly TrainingQuestion[],
  entityNames: EntityNames,
  random: Random,
): Example[] {
  const counts = new Map<number, number>()
  for (const { label } of questions) counts.set(label, (counts.get(label) ?? 0) + 1)
  const normals = questions.map(({ text }) => normalise(text))
  const prepare = (text: string): QueryText => prepareQuery(normalise(text), entityNames)
  return questions.map(({ label }, i): Example => {
    const normal: NormalText = normals[i] ?? normalise('')
    const noisy =
      normal.lang === 'zh'
        ? hesitate(mishear(normal.text, random), random)
        : mistype(normal.text, random)
    const donor = normals[Math.floor(random() * normals.length)]?.text ?? ''
    return {
      query: prepareQuery(normal, entityNames),
      noisy: prepare(noisy),
      label,
      ...(counts.get(label) === 1 && label >= 0
        ? {
            copies: {
              same: prepare(rephrase(normal.text, random)),
              wrong: prepare(distort(normal.text, donor, random)),
            },
          }
        : {}),
    }
  })
}
