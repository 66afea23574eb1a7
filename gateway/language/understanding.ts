/** From hypotheses to one understanding: what is certain, what is likely, and whether that is enough. */
import type { Candidate, Hypothesis, Understanding } from '../turn.ts'
import { isRaised, raisedBehind } from './alarm.ts'
import type { EngineParts, Found } from './engine-parts.ts'
import { findAll } from './find.ts'
import { isAlarm, type KnowledgeBase } from './knowledge-base.ts'
import { latinWords, type NormalText, normalise } from './normalise.ts'
import type { UnderstandOptions } from './port.ts'
import { findSlots, findUndecided } from './slots.ts'
import { thresholdsOf } from './thresholds.ts'

/** A recogniser's list is read this far; beyond it hypotheses only repeat. */
const MAX_HYPOTHESES = 5
/** Less likely than this part of the likeliest, words alarm nobody and command nothing. */
const LEAST_LIKELY = 0.1

export interface Decided {
  readonly understanding: Understanding
  /** Every reading of every hypothesis. */
  readonly found: readonly Found[]
  /** The one the understanding is drawn from; absent when nothing was said. */
  readonly best: Found | undefined
}

/** The best reading of the hypotheses and what follows from it. */
export function decide(
  parts: EngineParts,
  hypotheses: readonly Hypothesis[],
  options: UnderstandOptions,
): Decided {
  const likeliest = Math.max(...hypotheses.map(({ confidence }) => confidence))
  // Many recognisers say it of their first guess only, and 0 of all others: that is no judgement of them.
  const isTold = hypotheses.slice(1).some(({ confidence }) => confidence > 0)
  const found = hypotheses.slice(0, MAX_HYPOTHESES).flatMap((hypothesis, place) => {
    const all = findAll(parts, hypothesis, place, options)
    const isUnlikely = isTold && hypothesis.confidence < LEAST_LIKELY * likeliest
    return isUnlikely ? all.filter((one) => !actsAtOnce(parts.base, one)) : all
  })
  const best = found.reduce<Found | undefined>(
    (kept, next) => (!kept || scoreOf(next) > scoreOf(kept) ? next : kept),
    undefined,
  )
  if (!best) {
    const normal = normalise(hypotheses[0]?.text ?? '')
    const lang = options.lang ?? normal.lang
    const understanding: Understanding = {
      lang,
      normal: '',
      slots: [],
      candidates: [],
      kind: 'not-known',
      reason: 'empty',
    }
    return { understanding, found, best }
  }
  return { understanding: conclude(parts, best, options), found, best }
}

/** Whether an answer to what was found first calls people, or changes what is heard. */
const actsAtOnce = ({ intents }: KnowledgeBase, { candidates: [first] }: Found): boolean => {
  const { alert, command } = intents[first?.intent ?? -1]?.intent ?? {}
  return alert !== undefined || command !== undefined
}

/** How sure the best of a reading is, with what the recogniser thought of its words. */
export const scoreOf = ({ candidates, weight }: Found): number =>
  (candidates[0]?.confidence ?? 0) * weight

function conclude(parts: EngineParts, found: Found, options: UnderstandOptions): Understanding {
  const { base } = parts
  const candidates = found.candidates.flatMap(({ intent, confidence }): Candidate[] => {
    const known = base.intents[intent]
    return known ? [{ ref: known.ref, confidence }] : []
  })
  const best = candidates[0]
  const intent = found.candidates[0]?.intent ?? -1
  const slots = findSlots(parts, found, options)
  const undecided = findUndecided(parts, found, slots, options)
  const common = {
    lang: (isNeutral(found.normal, base) ? options.lang : undefined) ?? found.normal.lang,
    normal: found.normal.text,
    slots,
    ...(undecided.length > 0 ? { undecided } : {}),
    candidates,
  }
  if (!best)
    return {
      ...common,
      kind: 'not-known',
      reason: base.intents.length === 0 ? 'no-knowledge' : 'out-of-scope',
    }
  const { isCalm } = found
  const { answer, clarify } = thresholdsOf(base, intent, isCalm)
  const isHeard = isAlarm(base, intent) ? isRaised(base, found, answer) : best.confidence >= answer
  const denied = found.isDenied ? { isDenied: true as const } : {}
  if (isHeard) return { ...common, kind: 'intent', best, method: found.method, ...denied }
  const behind = raisedBehind(base, found, (one) => thresholdsOf(base, one, isCalm).answer)
  const grave = candidates[behind ?? -1]
  if (grave) return { ...common, kind: 'intent', best: grave, method: found.method }
  // An emergency too unlikely to be heard is not offered either, nor one that is only asked about: a tap on it would
  // call staff. A word or two may be a piece of one, and who said it is asked.
  const [first, second] = candidates.filter(
    (_, place) => (place === 0 && !isCalm) || !isAlarm(base, found.candidates[place]?.intent),
  )
  const isWorthAsking = best.confidence >= clarify && (first?.confidence ?? 0) >= clarify / 2
  if (isWorthAsking && first && second) {
    return { ...common, kind: 'ambiguous', between: [first, second] }
  }
  return {
    ...common,
    kind: 'not-known',
    reason: best.confidence < clarify / 2 ? 'out-of-scope' : 'low-confidence',
  }
}

/** A number, a sign, or words that Chinese uses as well (CT, WiFi) say nothing about the language. */
const isNeutral = ({ plain }: NormalText, { latinInChinese }: KnowledgeBase): boolean =>
  !/\p{L}/u.test(plain.replace(/[a-z']+/g, '')) &&
  latinWords(plain).every((word) => latinInChinese.has(word))
