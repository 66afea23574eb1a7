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
] as const
const COUNTED = [
  'acknowledged',
  ...BROKEN,
  'bitFlips',
  'bitFlipsFound',
  'samples',
  'refused',
  'answersLost',
] as const

type Counted = (typeof COUNTED)[number]

export interface Sum extends Readonly<Record<Counted, number>> {
  readonly rounds: number
  readonly broken: number
  readonly seconds: number
  readonly faults: Readonly<Record<string, { readonly rounds: number; readonly broken: number }>>
  /** Faults that this machine cannot make. */
  readonly skipped: readonly string[]
  /** Fault and seed of the rounds to run again. */
  readonly brokenRounds: readonly string[]
}

export function createTally(skipped: readonly string[]) {
  const reports: RoundReport[] = []
  return {
    add: (report: RoundReport) => void reports.push(report),
    sum(): Sum {
      const faults: Record<string, { rounds: number; broken: number }> = {}
      for (const report of reports) {
        const { rounds, broken } = faults[report.fault] ?? { rounds: 0, broken: 0 }
        const isBroken = brokenIn(report) > 0
        faults[report.fault] = { rounds: rounds + 1, broken: broken + (isBroken ? 1 : 0) }
      }
      const broken = reports.filter((report) => brokenIn(report) > 0)
      const counts = COUNTED.map((name) => [name, reports.reduce((sum, one) => sum + one[name], 0)])
      return {
        rounds: reports.length,
        ...(Object.fromEntries(counts) as Record<Counted, number>),
        broken: broken.length,
        seconds: Math.round(reports.reduce((sum, one) => sum + one.seconds, 0)),
        faults,
        skipped,
        brokenRounds: broken.map(({ fault, seed }) => `--only ${fault} --seed ${seed}`),
      }
    },
  }
}
