/** Training questions with the copies that are made of them. */
import { distort, hesitate, mishear, misplace, mistype, rephrase } from './augment.ts'
import { FOREIGN_MATTERS } from './data/foreign-matters.ts'
import { normalise } from './normalise.ts'
import { type EntityNames, prepareStored, type QueryText } from './question-model.ts'
import { type Random, seededRandom } from './random.ts'

const COPY_KINDS = 4
/** Share of made-up paraphrases that are misheard as well. */
const MISHEARD_COPIES = 0.25

export interface TrainingQuestion {
  readonly text: string
  /** Number of its label, or -1: nothing in this model answers it. */
  readonly label: number
}

export interface Example {
  readonly query: QueryText
  /** As misheard or mistyped; made when asked for, the same each time. */
  readonly noisy: () => QueryText
  /** The same kind of question about a matter that no question here names; in Chinese only. */
  readonly misplaced: () => QueryText | undefined
  /** Where the label has no second question: made-up copies in its place. */
  readonly copies?: {
    /** Said differently: the label is right. */
    readonly same: () => QueryText
    /** Nearly the same words with another meaning: no label is right. */
    readonly wrong: () => QueryText
  }
  readonly label: number
}

/** Prepares questions; each copy has its own random numbers, so order and sampling change nothing. */
export function prepareExamples(
  questions: readonly TrainingQuestion[],
  entityNames: EntityNames,
  seed: number,
): Example[] {
  const counts = new Map<number, number>()
  for (const { label } of questions) counts.set(label, (counts.get(label) ?? 0) + 1)
  const prepare = (text: string): QueryText => prepareStored(normalise(text), entityNames)
  const everything = questions.map(({ text }) => normalise(text).text).join('\n')
  const ours = new Set(FOREIGN_MATTERS.filter((matter) => everything.includes(matter)))
  return questions.map(({ text: raw, label }, i): Example => {
    const { text, lang } = normalise(raw)
    const randomOf = (kind: number): Random =>
      seededRandom(Math.imul(seed + 1, 0x9e3779b1) + i * COPY_KINDS + kind)
    const copy = (kind: number, make: (random: Random) => string) => (): QueryText =>
      prepare(make(randomOf(kind)))
    const donor = (random: Random): string =>
      normalise(questions[Math.floor(random() * questions.length)]?.text ?? '').text
    return {
      query: prepare(raw),
      noisy: copy(0, (random) =>
        lang === 'zh' ? hesitate(mishear(text, random), random) : mistype(text, random),
      ),
      label,
      misplaced: () => {
        const other = misplace(text, (matter) => ours.has(matter), randomOf(3))
        return other === undefined ? undefined : prepare(other)
      },
      ...(counts.get(label) === 1 && label >= 0
        ? {
            copies: {
              same: copy(1, (random) => {
                const other = rephrase(text, random)
                return random() < MISHEARD_COPIES ? mishear(other, random) : other
              }),
              wrong: copy(2, (random) => distort(text, donor(random), random)),
            },
          }
        : {}),
    }
  })
}
