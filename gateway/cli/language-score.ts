/** How good predictions are: accuracy, calibration, coverage at a precision, refusal. */
import { OUT_OF_SCOPE } from '../language/question-model.ts'

export interface Scored {
  /** The right label; one that begins with `oos` is out of scope. */
  readonly want: string
  readonly got: string
  readonly confidence: number
}

export interface Score {
  readonly n: number
  readonly inScope: number
  readonly accuracy: number | null
  readonly macroF1: number | null
  readonly coverageAt90: number
  readonly coverageAt95: number
  /** Expected calibration error over ten bins. */
  readonly ece: number
  readonly oosAuroc: number | null
  readonly oosRecall: number | null
}

const BINS = 10
export const isOutOfScope = (label: string): boolean => label.startsWith(OUT_OF_SCOPE)
const isRight = ({ want, got }: Scored): boolean => !isOutOfScope(want) && got === want
const share = (part: number, all: number): number | null => (all === 0 ? null : part / all)

export function scorePredictions(rows: readonly Scored[]): Score {
  const inScope = rows.filter(({ want }) => !isOutOfScope(want))
  const foreign = rows.filter(({ want }) => isOutOfScope(want))
  const f1 = [...f1ByLabel(rows).values()]
  return {
    n: rows.length,
    inScope: inScope.length,
    accuracy: share(inScope.filter(isRight).length, inScope.length),
    macroF1: share(
      f1.reduce((sum, { f1: one }) => sum + one, 0),
      f1.length,
    ),
    coverageAt90: coverageAt(rows, 0.9),
    coverageAt95: coverageAt(rows, 0.95),
    ece: calibrationError(rows),
    oosAuroc: auroc(inScope, foreign),
    oosRecall: share(foreign.filter(({ got }) => isOutOfScope(got)).length, foreign.length),
  }
}

export interface LabelScore {
  readonly n: number
  readonly right: number
  readonly f1: number
}

/** F1 of every label that occurs among the wanted ones. */
export function f1ByLabel(rows: readonly Scored[]): Map<string, LabelScore> {
  const counts = new Map<string, { n: number; right: number; given: number }>()
  for (const { want } of rows) {
    if (!isOutOfScope(want)) counts.set(want, { n: 0, right: 0, given: 0 })
  }
  for (const row of rows) {
    const wanted = counts.get(row.want)
    if (wanted) {
      wanted.n++
      if (isRight(row)) wanted.right++
    }
    // An answer to a question out of scope counts against refusal, not against the label.
    const given = isOutOfScope(row.want) ? undefined : counts.get(row.got)
    if (given) given.given++
  }
  return new Map(
    [...counts].map(([label, { n, right, given }]) => [
      label,
      { n, right, f1: right === 0 ? 0 : (2 * right) / (n + given) },
    ]),
  )
}

/** Largest share of in-scope questions answered while `precision` of all answers given are right. */
export function coverageAt(rows: readonly Scored[], precision: number): number {
  const answered = rows.filter(({ got }) => !isOutOfScope(got))
  const sorted = answered.sort((a, b) => b.confidence - a.confidence)
  const all = rows.filter(({ want }) => !isOutOfScope(want)).length
  let right = 0
  let inScope = 0
  let best = 0
  sorted.forEach((row, i) => {
    if (isRight(row)) right++
    if (!isOutOfScope(row.want)) inScope++
    if (sorted[i + 1]?.confidence === row.confidence) return
    if (right / (i + 1) >= precision) best = inScope / Math.max(all, 1)
  })
  return best
}

function calibrationError(rows: readonly Scored[]): number {
  let error = 0
  for (let bin = 0; bin < BINS; bin++) {
    const inBin = rows.filter(
      ({ confidence }) => Math.min(Math.floor(confidence * BINS), BINS - 1) === bin,
    )
    if (inBin.length === 0) continue
    const right = inBin.filter(isRight).length / inBin.length
    const claimed = inBin.reduce((sum, { confidence }) => sum + confidence, 0) / inBin.length
    error += (inBin.length / rows.length) * Math.abs(right - claimed)
  }
  return error
}

/** Chance that a question in scope has the higher confidence than one out of scope; ties count half. */
function auroc(inScope: readonly Scored[], foreign: readonly Scored[]): number | null {
  if (inScope.length === 0 || foreign.length === 0) return null
  const all = [
    ...inScope.map(({ confidence }) => ({ confidence, positive: true })),
    ...foreign.map(({ confidence }) => ({ confidence, positive: false })),
  ].sort((a, b) => a.confidence - b.confidence)
  let sum = 0
  for (let i = 0; i < all.length; ) {
    let j = i
    while (j < all.length && all[j]?.confidence === all[i]?.confidence) j++
    for (let k = i; k < j; k++) if (all[k]?.positive) sum += (i + j + 1) / 2
    i = j
  }
  return (sum - (inScope.length * (inScope.length + 1)) / 2) / (inScope.length * foreign.length)
}
