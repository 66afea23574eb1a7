/** Sums rounds up into the one line that a run ends with. */
import type { RoundReport } from './round.ts'

/** How many promises a round broke. */
export const brokenIn = (report: RoundReport): number =>
  BROKEN.reduce((sum, name) => sum + report[name], report.bitFlips - report.bitFlipsFound)

const BROKEN = [
  'lost',
  'changed',
  'doubled',
  'coreWrong',
  'unbalanced',
  'notWhole',
  'notDelivered',
  'ended',
  'stuck',
  'blind',
] as const
const COUNTED = [
  'acknowledged',
  ...BROKEN,
  'bitFlips',
  'bitFlipsFound',
  'samples',
  'databaseSamples',
  'unreadable',
  'folding',
  'folded',
  'refused',
  'answersLost',
] as const

type Counted = (typeof COUNTED)[number]

export interface Sum extends Readonly<Record<Counted, number>> {
  readonly rounds: number
  readonly broken: number
  readonly seconds: number
  readonly faults: Readonly<
    Record<string, { readonly rounds: number; readonly broken: number; readonly bites: number }>
  >
  /** Faults that took effect in none of their rounds, so that these show nothing. */
  readonly toothless: readonly string[]
  /** Faults that this machine cannot make. */
  readonly skipped: readonly string[]
  /** Fault and seed of the rounds to run again. */
  readonly brokenRounds: readonly string[]
}

/** No promise broke, and every fault took effect. */
export const hasHeld = (sum: Sum): boolean => sum.broken === 0 && sum.toothless.length === 0

/** Rounds of a fault that may miss, after which it must have met something. */
const ROUNDS_TO_BITE = 3

/** The thread that folds the log is no fault, but its rounds show nothing either where it never started. */
const FOLD_THREAD = 'fold-thread'

function toothlessIn(reports: readonly RoundReport[]): string[] {
  const folding = reports.filter((report) => report.folding > 0)
  const hasNoThread =
    folding.length >= ROUNDS_TO_BITE && folding.every(({ folded }) => folded === 0)
  const names = [...new Set(reports.map(({ fault }) => fault))]
  const toothless = names.filter((name) => {
    const rounds = reports.filter(({ fault }) => fault === name)
    const isJudged = rounds.length >= ROUNDS_TO_BITE || rounds.some(({ mayMiss }) => !mayMiss)
    return isJudged && rounds.every(({ bites }) => bites === 0)
  })
  return hasNoThread ? [...toothless, FOLD_THREAD] : toothless
}

export function createTally(skipped: readonly string[]) {
  const reports: RoundReport[] = []
  return {
    add: (report: RoundReport) => void reports.push(report),
    sum(): Sum {
      const faults: Record<string, { rounds: number; broken: number; bites: number }> = {}
      for (const report of reports) {
        const before = faults[report.fault] ?? { rounds: 0, broken: 0, bites: 0 }
        faults[report.fault] = {
          rounds: before.rounds + 1,
          broken: before.broken + (brokenIn(report) > 0 ? 1 : 0),
          bites: before.bites + report.bites,
        }
      }
      const broken = reports.filter((report) => brokenIn(report) > 0)
      const counts = COUNTED.map((name) => [name, reports.reduce((sum, one) => sum + one[name], 0)])
      return {
        rounds: reports.length,
        ...(Object.fromEntries(counts) as Record<Counted, number>),
        broken: broken.length,
        seconds: Math.round(reports.reduce((sum, one) => sum + one.seconds, 0)),
        faults,
        toothless: toothlessIn(reports),
        skipped,
        brokenRounds: broken.map(({ fault, seed }) => `--only ${fault} --seed ${seed}`),
      }
    },
  }
}
