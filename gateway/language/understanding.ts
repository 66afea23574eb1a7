/** From hypotheses to one understanding: what is certain, what is likely, and whether that is enough. */
import type { Candidate, Hypothesis, Understanding } from '../turn.ts'
import { isAlarm, isRaised, isShort, raisedBehind } from './alarm.ts'
import { askedAlone } from './bare-value.ts'
import { afterNo, namesDanger, withoutDenied } from './denial.ts'
import type { EngineParts, Found } from './engine-parts.ts'
import type { KnowledgeBase } from './knowledge-base.ts'
import { latinWords, type NormalText, normalise } from './normalise.ts'
import type { UnderstandOptions } from './port.ts'
import { prepareQuery } from './question-model.ts'
import { read, shareOut } from './reader.ts'
import { repairNormal } from './repair.ts'
import { findSlots, slotReader } from './slots.ts'
import { matchTemplate } from './templates.ts'

/** Answered from here up, unless the pack says otherwise; chosen on held-out pack questions. */
export const DEFAULT_ANSWER = 0.55
/** Asked back from here up; below it the box says that it does not know. */
export const DEFAULT_CLARIFY = 0.34
/** Added to the threshold of intents whose wrong answer does harm, unless silence does more. */
export const HIGH_RISK_EXTRA = 0.15
/** A recogniser's list is read this far; beyond it hypotheses only repeat. */
export const MAX_HYPOTHESES = 5
const MAX_CANDIDATES = 5
/** Less likely than this part of the likeliest, words alarm nobody and command nothing. */
const LEAST_LIKELY = 0.1
/** A mended reading that means something else must be this much better than the words as heard. */
const REPAIR_DISCOUNT = 0.95

const EXACT_CONFIDENCE = 0.99

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
  const allowed = allowedIntents(parts.base, options)
  const likeliest = Math.max(...hypotheses.map(({ confidence }) => confidence))
  const found = hypotheses.slice(0, MAX_HYPOTHESES).flatMap((hypothesis, place) => {
    const all = findAll(parts, hypothesis, place, { ...options, allowed })
    const isUnlikely = hypothesis.confidence < LEAST_LIKELY * likeliest
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

function allowedIntents(
  base: KnowledgeBase,
  { packs }: UnderstandOptions,
): ((intent: number) => boolean) | undefined {
  if (!packs) return undefined
  const wanted = new Set(packs)
  return (intent) => {
    const known = base.intents[intent]
    // What no pack answers may be said to any device.
    return known === undefined || wanted.has(known.ref.pack)
  }
}

interface FindOptions extends Pick<UnderstandOptions, 'expecting'> {
  readonly allowed: ((intent: number) => boolean) | undefined
}

/** What one hypothesis may mean, and what follows a "no" of its own. */
function findAll(
  parts: EngineParts,
  { text, confidence }: Hypothesis,
  place: number,
  options: FindOptions,
): Found[] {
  // The recogniser's own order counts, but less than whether the words make sense here.
  const weight = 0.7 + 0.3 * Math.min(Math.max(confidence, 0), 1) - 0.02 * place
  const rest = afterNo(text, options.expecting !== undefined)
  return [text, ...(rest === undefined ? [] : [rest])].flatMap((said) =>
    findSaid(parts, said, weight, options),
  )
}

/** What the words may mean, as heard and as mended. */
function findSaid(parts: EngineParts, said: string, weight: number, options: FindOptions): Found[] {
  const normal = normalise(said)
  if (normal.text === '') return []
  const { allowed } = options
  const certain = findCertain(parts, normal, options, weight)
  if (certain) return [certain]
  const heard = findLikely(parts, normal, allowed, weight)
  const rest = withoutDenied(said)
  // What was mended would have lost its denial.
  if (rest !== undefined) return [findUndenied(parts, heard, normalise(rest), options)]
  const mended = repairNormal(normal, parts.lexicon)
  if (!mended) return [heard]
  const again =
    findCertain(parts, mended, options, weight) ?? findLikely(parts, mended, allowed, weight)
  const agrees = again.candidates[0]?.intent === heard.candidates[0]?.intent
  if (!agrees) return [heard, { ...again, weight: weight * REPAIR_DISCOUNT }]
  return [heard, again]
}

function findCertain(
  parts: EngineParts,
  normal: NormalText,
  { allowed, expecting }: FindOptions,
  weight: number,
): Found | undefined {
  const { base } = parts
  for (const text of new Set([normal.plain, normal.bare, normal.text])) {
    for (const template of base.templatesFor(text)) {
      if (template.lang !== normal.lang || (allowed && !allowed(template.intent))) continue
      if (template.firsts && !template.firsts.has(text.charAt(0))) continue
      const match = matchTemplate(template.node, text, slotReader(parts, template.intent))
      if (match) {
        const candidates = [{ intent: template.intent, confidence: EXACT_CONFIDENCE }]
        return {
          normal: { ...normal, text },
          method: 'template',
          candidates,
          slots: match.slots,
          weight,
        }
      }
    }
  }
  const only =
    onlyOne(base.titles.get(normal.text), allowed) ?? onlyOne(base.exact.get(normal.text), allowed)
  const candidates =
    only !== undefined
      ? [{ intent: only, confidence: EXACT_CONFIDENCE }]
      : askedAlone(base, normal.text, expecting, allowed)
  return candidates && { normal, method: 'exact', candidates, slots: {}, weight }
}

/** The one intent that may be meant; undefined where none or several may. */
function onlyOne(
  intents: readonly number[] = [],
  allowed: ((intent: number) => boolean) | undefined,
): number | undefined {
  const [only, ...others] = intents.filter((intent) => !allowed || allowed(intent))
  return others.length === 0 ? only : undefined
}

/** What was `heard` where its words deny a danger: no emergency, unless the `rest` of them is one. */
function findUndenied(
  parts: EngineParts,
  heard: Found,
  rest: NormalText,
  options: FindOptions,
): Found {
  const { base } = parts
  const certain = rest.text === '' ? undefined : findCertain(parts, rest, options, heard.weight)
  if (certain && isAlarm(base, certain.candidates[0]?.intent)) return certain
  if (!isAlarm(base, heard.candidates[0]?.intent)) return heard
  if (certain) return certain
  const likely = findLikely(parts, rest, options.allowed, heard.weight)
  // What the pain was denied of (胸口, there is) is left, and no danger with it.
  const isSame = likely.candidates[0]?.intent === heard.candidates[0]?.intent
  const isEmpty = isShort(likely) || (isSame && !namesDanger(rest.text))
  return isEmpty ? { ...heard, candidates: [] } : likely
}

function findLikely(
  parts: EngineParts,
  normal: NormalText,
  allowed: ((intent: number) => boolean) | undefined,
  weight: number,
): Found {
  const reading = read(parts.reader, prepareQuery(normal, parts.entityNames), allowed)
  const [first] = reading.evidence
  const candidates = shareOut(reading.evidence.slice(0, MAX_CANDIDATES), reading.confidence).map(
    ({ item, score }) => ({ intent: item.label, confidence: score }),
  )
  const method = first && first.match > 0 && first.probability < 0.5 ? 'retrieval' : 'classifier'
  return { normal, method, candidates, slots: {}, reading, weight }
}

function conclude(parts: EngineParts, found: Found, options: UnderstandOptions): Understanding {
  const { base } = parts
  const candidates = found.candidates.flatMap(({ intent, confidence }): Candidate[] => {
    const known = base.intents[intent]
    return known ? [{ ref: known.ref, confidence }] : []
  })
  const best = candidates[0]
  const intent = found.candidates[0]?.intent ?? -1
  const common = {
    lang: (isNeutral(found.normal, base) ? options.lang : undefined) ?? found.normal.lang,
    normal: found.normal.text,
    slots: findSlots(parts, found, options),
    candidates,
  }
  if (!best)
    return {
      ...common,
      kind: 'not-known',
      reason: base.intents.length === 0 ? 'no-knowledge' : 'out-of-scope',
    }
  const { answer, clarify } = thresholdsOf(base, intent)
  const isHeard = isAlarm(base, intent) ? isRaised(base, found, answer) : best.confidence >= answer
  if (isHeard) return { ...common, kind: 'intent', best, method: found.method }
  const behind = raisedBehind(base, found, (one) => thresholdsOf(base, one).answer)
  const grave = candidates[behind ?? -1]
  if (grave) return { ...common, kind: 'intent', best: grave, method: found.method }
  // An emergency too unlikely to be heard is not offered either: a tap on it would call staff.
  const other = candidates.find(
    (_, place) => place > 0 && !isAlarm(base, found.candidates[place]?.intent),
  )
  if (best.confidence >= clarify && other) {
    return { ...common, kind: 'ambiguous', between: [best, other] }
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

/** From where up an intent is answered, and from where up it is asked back (0–1). */
export function thresholdsOf(
  base: KnowledgeBase,
  intent: number,
): { answer: number; clarify: number } {
  const known = base.intents[intent]
  const pack = known?.pack.manifest.thresholds
  const usual = pack?.answer ?? DEFAULT_ANSWER
  const asked = Math.min(pack?.clarify ?? DEFAULT_CLARIFY, usual)
  const ofRisk = known?.intent.risk === 'high' ? Math.min(usual + HIGH_RISK_EXTRA, 0.95) : usual
  // An emergency that would be asked back is acted on: a false alarm does less harm than the time it takes.
  const answer = known?.intent.threshold ?? (isAlarm(base, intent) ? asked : ofRisk)
  return { answer, clarify: Math.min(asked, answer) }
}
