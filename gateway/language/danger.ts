/** Emergencies among other words: in a clause of its own, beside a question, behind what is denied. */
import { isRaised, isShort } from './alarm.ts'
import { hasHappened, partsOfClause, toldBeside } from './calm-question.ts'
import { namesDanger, saysNothing, toldClauses, withoutDenied } from './denial.ts'
import type { Found } from './engine-parts.ts'
import { isAlarm, type KnowledgeBase } from './knowledge-base.ts'
import { type NormalText, normalise } from './normalise.ts'
import type { Readings } from './readings.ts'
import { DEFAULT_ANSWER } from './thresholds.ts'

/** Read one by one; who says more in one breath is read as a whole. */
const MOST_CLAUSES = 20

/** Whether what was `found` first is an emergency, as sure as `from` (0–1) by itself or with others. */
export const isSureAlarm = (base: KnowledgeBase, found: Found, from: number): boolean =>
  isAlarm(base, found.candidates[0]?.intent) && isRaised(base, found, from)

/**
 * The clause of what was `said` that says by itself that somebody is in danger: 不舒服，胸口疼. Where an illness is
 * asked about (`asks`) it need not be a rule: 我骨折了，多少钱.
 */
export function dangerIn(
  base: KnowledgeBase,
  readings: Readings,
  said: string,
  asks: boolean,
): Found | undefined {
  for (const clause of toldClauses(said).flatMap(partsOfClause).slice(0, MOST_CLAUSES)) {
    const normal = normalise(clause)
    const certain = readings.certain(normal)
    const happened = hasHappened(clause)
    // An illness that is an example of an emergency (骨折) may be named for any reason; what has happened is told.
    const isPlain = happened || certain?.method === 'template'
    if (certain && isPlain && isAlarm(base, certain.candidates[0]?.intent)) return certain
    const beside = dangerBeside(base, readings, clause)
    if (beside) return beside
    if (!asks || !happened || withoutDenied(clause) !== undefined) continue
    const found = certain ?? readings.likely(normal)
    if (isSureAlarm(base, found, DEFAULT_ANSWER)) return found
  }
  return undefined
}

/** The danger that a clause tells beside what it asks: 胸口疼 of 胸口疼挂什么科. */
const dangerBeside = (base: KnowledgeBase, readings: Readings, clause: string): Found | undefined =>
  toldBeside(clause)
    .filter((part) => withoutDenied(part) === undefined)
    .map((part) => readings.surest(normalise(part)))
    .find((found) => !isShort(found) && isSureAlarm(base, found, DEFAULT_ANSWER))

/** What was `heard` where its words deny a danger: no emergency, unless the `rest` of them is one. */
export function findUndenied(
  base: KnowledgeBase,
  readings: Readings,
  heard: Found,
  rest: NormalText,
): Found {
  const certain = rest.text === '' ? undefined : readings.certain(rest)
  if (certain && isAlarm(base, certain.candidates[0]?.intent)) return certain
  if (!isAlarm(base, heard.candidates[0]?.intent)) {
    if (!saysNothing(rest.text)) return heard
    // Nothing is left that could be a danger behind what is likelier: 没头晕、胸闷.
    return { ...heard, candidates: heard.candidates.filter(({ intent }) => !isAlarm(base, intent)) }
  }
  if (certain) return certain
  const likely = readings.likely(rest)
  // What the pain was denied of (胸口, there is) is left, and no danger with it.
  const isSame = likely.candidates[0]?.intent === heard.candidates[0]?.intent
  const isEmpty = isShort(likely) || (isSame && !namesDanger(rest.text))
  return isEmpty ? { ...heard, candidates: [] } : likely
}
