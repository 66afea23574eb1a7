/** Whether a pack may take the place of the one that answers now: judged by the questions kept back for it. */
import { GatewayError } from '../errors.ts'
import type { Pack, PackIntent } from './pack-schema.ts'
import type { PackTestFailure, PackTestResult } from './pack-tests.ts'

/** Share of its own test questions a pack must get right where its manifest names no other. */
const DEFAULT_MINIMUM_TEST_SCORE = 0.85
/** Of a longer list the rest looks like its beginning. */
const MAX_LISTED = 20

export interface Tried {
  readonly pack: Pack
  readonly tests: PackTestResult
}

/**
 * Throws `pack.risk-lower` where a question of a high-risk intent was right before and is wrong now, and
 * `pack.score-lower` where too few questions are right, or fewer of those that both versions are tested by:
 * questions that only one of them has say nothing about which is better.
 */
export function refuseWorse({ pack, tests }: Tried, before: Tried | undefined): void {
  const broken = before ? failedOnlyIn(tests, before) : []
  const grave = broken.filter(({ want }) => isGrave(pack.intents, want))
  if (grave.length > 0) throw new GatewayError('pack.risk-lower', { detail: listed(grave) })
  const mended = before ? failedOnlyIn(before.tests, { pack, tests }) : []
  const minimum = pack.manifest.minimumTestScore ?? DEFAULT_MINIMUM_TEST_SCORE
  const isWorse = broken.length > mended.length
  if (tests.score >= minimum && !isWorse) return
  const against = isWorse
    ? `${broken.length} broke that were right before, ${mended.length} were mended`
    : `${minimum} needed`
  throw new GatewayError('pack.score-lower', {
    detail: `${tests.score.toFixed(3)} right, ${against}; ${listed(isWorse ? broken : tests.failures)}`,
  })
}

const isGrave = (intents: readonly PackIntent[], want: string | undefined): boolean =>
  intents.some(({ intent, risk, alert }) => intent === want && (risk === 'high' || alert))

/**
 * Throws `pack.drowns-another` where emergencies and calls for a person are missed among all packs (`after`) that were not
 * (`before`). One pair for each active pack.
 */
export function refuseDrowned(
  packs: readonly {
    readonly pack: Pack
    readonly before: readonly PackTestFailure[]
    readonly after: readonly PackTestFailure[]
  }[],
): void {
  const drowned = packs.flatMap(({ pack, before, after }) => {
    const missed = new Set(before.map(({ text, want }) => keyOf(text, want)))
    const broken = after.filter(({ text, want }) => !missed.has(keyOf(text, want)))
    return broken.length === 0 ? [] : [`${pack.manifest.pack}: ${listed(broken)}`]
  })
  if (drowned.length > 0) {
    throw new GatewayError('pack.drowns-another', { detail: drowned.join('; ') })
  }
}

const keyOf = (text: string, intent: string | undefined): string => `${intent ?? ''}\n${text}`

/** Questions that failed, and that the other version is tested by as well and gets right. */
function failedOnlyIn({ failures }: PackTestResult, other: Tried): readonly PackTestFailure[] {
  const known = new Set(other.pack.tests.map(({ text, intent }) => keyOf(text, intent)))
  const failed = new Set(other.tests.failures.map(({ text, want }) => keyOf(text, want)))
  return failures.filter(({ text, want }) => {
    const key = keyOf(text, want)
    return known.has(key) && !failed.has(key)
  })
}

const listed = (failures: readonly PackTestFailure[]): string =>
  failures
    .slice(0, MAX_LISTED)
    .map(({ text, got, want }) => `"${text}" → ${got ?? 'not known'}, not ${want ?? 'not known'}`)
    .join('; ')
