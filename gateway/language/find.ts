/** What the words of one hypothesis may mean: as heard, as mended, without what they deny. */
import type { Hypothesis } from '../turn.ts'
import { asksAboutIllness, asksBeside, isUrgent } from './calm-question.ts'
import { dangerIn, findUndenied, isSureAlarm } from './danger.ts'
import { afterNo, hasClauses, joinDenials, withoutDenied, withoutSpaces } from './denial.ts'
import type { EngineParts, Found } from './engine-parts.ts'
import { isAlarm } from './knowledge-base.ts'
import { normalise } from './normalise.ts'
import { dangerBesideQuestion } from './one-breath.ts'
import type { UnderstandOptions } from './port.ts'
import { createReadings, type Readings } from './readings.ts'
import { repairNormal } from './repair.ts'
import { DEFAULT_ANSWER, RISKY_ANSWER } from './thresholds.ts'
import { callsOther, type DeniedCommand, findDeniedCommand, meantInstead } from './unwanted.ts'

/** A mended reading that means something else must be this much better than the words as heard. */
const REPAIR_DISCOUNT = 0.95

/** What one hypothesis may mean, and what follows a "no" of its own. `place`: in the recogniser's list, from 0. */
export function findAll(
  parts: EngineParts,
  { text, confidence }: Hypothesis,
  place: number,
  { expecting }: Pick<UnderstandOptions, 'expecting'>,
): Found[] {
  // The recogniser's own order counts, but less than whether the words make sense here.
  const weight = 0.7 + 0.3 * Math.min(Math.max(confidence, 0), 1) - 0.02 * place
  const readings = createReadings(parts, expecting, weight)
  const whole = joinDenials(text)
  const denied = findDeniedCommand(parts.base, readings, whole)
  if (denied) return besideDenied(parts, readings, denied)
  const meant = meantInstead(parts.base, readings, whole)
  if (meant) return findSaid(parts, readings, meant)
  const rest = afterNo(whole, expecting !== undefined)
  const texts = new Set([whole, withoutSpaces(text) ?? whole, rest ?? whole])
  return [...texts].flatMap((said) => findSaid(parts, readings, said))
}

/**
 * What else is said clearly, or is a danger; else that a command is not wanted. Who says no to a nurse and wants a
 * doctor, or a hand (别叫护士，扶我起来), wants somebody: the call is made.
 */
function besideDenied(
  parts: EngineParts,
  readings: Readings,
  { found, isCall, rest }: DeniedCommand,
): Found[] {
  const denied: Found = { ...found, isDenied: true }
  if (rest === '') return [denied]
  const others = findSaid(parts, readings, rest)
  const { base } = parts
  const first = others.flatMap(({ candidates }) => candidates.slice(0, 1))
  const clear = first.filter(({ confidence }) => confidence >= DEFAULT_ANSWER)
  const calls = clear.some(({ intent }) => base.intents[intent]?.intent.command)
  if (first.some(({ intent }) => isAlarm(base, intent)) || calls) return others
  if (clear.length > 0 && !callsOther(rest)) return others
  return [isCall ? found : denied]
}

/** What the words may mean, as heard and as mended. */
function findSaid({ base, lexicon }: EngineParts, readings: Readings, said: string): Found[] {
  const normal = normalise(said)
  if (normal.text === '') return []
  const certain = readings.certain(normal)
  if (certain) return [certain]
  const asks = asksAboutIllness(normal.plain)
  const likely = readings.likely(normal)
  if (asks || hasClauses(said) || asksBeside(normal.plain)) {
    const danger = dangerIn(base, readings, said, asks)
    // All of the words know better which emergency it is, where they are sure of one; less than this may not reach
    // a threshold that an intent names itself.
    if (danger) return [isSureAlarm(base, likely, RISKY_ANSWER) ? likely : danger]
  }
  const danger = isSureAlarm(base, likely, RISKY_ANSWER)
    ? undefined
    : dangerBesideQuestion(base, readings, said, likely)
  if (danger) return [danger]
  const isCalm = asks && !isUrgent(normal.plain)
  const heard = { ...likely, isCalm }
  const rest = withoutDenied(said)
  // What was mended would have lost its denial.
  if (rest !== undefined) return [findUndenied(base, readings, heard, normalise(rest))]
  const mended = repairNormal(normal, lexicon)
  if (!mended) return [heard]
  const again: Found = readings.certain(mended) ?? { ...readings.likely(mended), isCalm }
  const agrees = again.candidates[0]?.intent === heard.candidates[0]?.intent
  return [heard, agrees ? again : { ...again, weight: again.weight * REPAIR_DISCOUNT }]
}
