/** How sure the box has to be. */
import { isAlarm, type KnowledgeBase } from './knowledge-base.ts'

/** Answered from here up, unless the pack says otherwise; chosen on held-out pack questions. */
export const DEFAULT_ANSWER = 0.55
/** Asked back from here up; below it the box says that it does not know. */
const DEFAULT_CLARIFY = 0.34
/** Added to the threshold of intents whose wrong answer does harm, unless silence does more. */
const HIGH_RISK_EXTRA = 0.15
/** Where a wrong answer does harm it is given from here up, unless the pack says otherwise. */
export const RISKY_ANSWER = DEFAULT_ANSWER + HIGH_RISK_EXTRA

/** From where up an intent is answered, and from where up it is asked back (0–1). `isCalm`: see {@link Found}. */
export function thresholdsOf(
  base: KnowledgeBase,
  intent: number,
  isCalm = false,
): { answer: number; clarify: number } {
  const known = base.intents[intent]
  const usual = base.thresholds?.answer ?? DEFAULT_ANSWER
  const asked = Math.min(base.thresholds?.clarify ?? DEFAULT_CLARIFY, usual)
  const ofRisk = known?.intent.risk === 'high' ? Math.min(usual + HIGH_RISK_EXTRA, 0.95) : usual
  // An emergency that would be asked back is acted on: a false alarm does less harm than the time it takes.
  const own = known?.intent.threshold ?? (isAlarm(base, intent) ? asked : ofRisk)
  const answer = isCalm && isAlarm(base, intent) ? Math.max(own, ofRisk) : own
  return { answer, clarify: Math.min(asked, answer) }
}
