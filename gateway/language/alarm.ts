/** When a guess is sure enough to call people: an emergency that is missed harms one, false alarms harm all. */
import type { Found } from './engine-parts.ts'
import { isAlarm, type KnowledgeBase } from './knowledge-base.ts'
import { DEFAULT_ANSWER } from './thresholds.ts'

/** So few units (characters, English words) may be a piece of any sentence. */
const PIECE_UNITS = 3
/** They are one where the example most like them covers them, and they cover no more than this of it. */
const PIECE_COVERS = 0.9
const WHOLE_COVERED = 0.8

/** Whether the emergency that was found first is heard. `answer`: its own threshold (0–1). */
export function isRaised(base: KnowledgeBase, found: Found, answer: number): boolean {
  const [first] = found.candidates
  if (!first || isPiece(found)) return false
  if (first.confidence >= answer) return true
  // Which of two emergencies it is, staff will see; a question back would cost the time. Together they have to be as
  // sure as any other answer.
  return sumOfAlarms(base, found) >= Math.max(answer, DEFAULT_ANSWER)
}

/**
 * The emergency behind something likelier that is not sure enough to be answered: 拉肚子还便血不止 is a sick
 * stomach first. Its place among the candidates; undefined where there is none. `answerOf`: threshold of an intent.
 */
export function raisedBehind(
  base: KnowledgeBase,
  found: Found,
  answerOf: (intent: number) => number,
): number | undefined {
  if (isShort(found) || isAlarm(base, found.candidates[0]?.intent)) return undefined
  const place = found.candidates.findIndex(({ intent }) => isAlarm(base, intent))
  const alarm = found.candidates[place]
  return alarm && sumOfAlarms(base, found) >= answerOf(alarm.intent) ? place : undefined
}

const sumOfAlarms = (base: KnowledgeBase, { candidates }: Found): number =>
  candidates
    .filter(({ intent }) => isAlarm(base, intent))
    .reduce((sum, { confidence }) => sum + confidence, 0)

/**
 * Whether what was said is a piece of what the emergency's own example says: 不清楚 of 说话不清楚, water of "my
 * water broke". Guesses only; a template or an example said whole is no piece.
 */
function isPiece(found: Found): boolean {
  const first = found.reading?.evidence[0]
  return (
    isShort(found) && (!first || (first.covers > PIECE_COVERS && first.covered < WHOLE_COVERED))
  )
}

/** Whether a guess rests on a word or two. */
export const isShort = ({ reading }: Found): boolean =>
  reading !== undefined && reading.surroundings.length <= PIECE_UNITS
