/** What the words of one hypothesis may mean: as heard, as mended, without what they deny. */
import type { Hypothesis } from '../turn.ts'
import { isAlarm, isRaised, isShort } from './alarm.ts'
import { askedAlone } from './bare-value.ts'
import {
  asksAboutIllness,
  asksBeside,
  hasHappened,
  isUrgent,
  partsOfClause,
  toldBeside,
} from './calm-question.ts'
import {
  afterNo,
  clausesOf,
  hasClauses,
  joinDenials,
  namesDanger,
  withoutDenied,
  withoutDeniedLists,
  withoutSpaces,
} from './denial.ts'
import type { EngineParts, Found } from './engine-parts.ts'
import type { KnowledgeBase } from './knowledge-base.ts'
import { type NormalText, normalise } from './normalise.ts'
import type { UnderstandOptions } from './port.ts'
import { prepareQuery } from './question-model.ts'
import { read, shareOut } from './reader.ts'
import { repairNormal } from './repair.ts'
import { slotReader } from './slots.ts'
import { matchTemplate } from './templates.ts'

const MAX_CANDIDATES = 5
/** A mended reading that means something else must be this much better than the words as heard. */
const REPAIR_DISCOUNT = 0.95
/** Of what a rule or an example says whole. */
const EXACT_CONFIDENCE = 0.99
/** Read one by one; who says more in one breath is read as a whole. */
const MOST_CLAUSES = 20
/** From here up a clause that is not certain is an emergency, where an illness is asked about. */
const SURE_ALARM = 0.55
/** From here up all of the words say which it is; less may not reach a threshold that an intent names itself. */
const SURE_OF_WHICH = 0.7

/** What the box has just asked for. */
type FindOptions = Pick<UnderstandOptions, 'expecting'>

/** What one hypothesis may mean, and what follows a "no" of its own. */
export function findAll(
  parts: EngineParts,
  { text, confidence }: Hypothesis,
  place: number,
  options: FindOptions,
): Found[] {
  // The recogniser's own order counts, but less than whether the words make sense here.
  const weight = 0.7 + 0.3 * Math.min(Math.max(confidence, 0), 1) - 0.02 * place
  const heard = joinDenials(text)
  const rest = afterNo(heard, options.expecting !== undefined)
  const readings = new Set([heard, withoutSpaces(text) ?? heard, rest ?? heard])
  return [...readings].flatMap((said) => findSaid(parts, said, weight, options))
}

/** What the words may mean, as heard and as mended. */
function findSaid(parts: EngineParts, said: string, weight: number, options: FindOptions): Found[] {
  const normal = normalise(said)
  if (normal.text === '') return []
  const certain = findCertain(parts, normal, options, weight)
  if (certain) return [certain]
  const asks = asksAboutIllness(normal.plain)
  const likely = findLikely(parts, normal, weight)
  if (asks || hasClauses(said) || asksBeside(normal.plain)) {
    const danger = dangerIn(parts, said, options, { asks, weight })
    // All of the words know better which emergency it is, where they are sure of one.
    if (danger) return [isSureAlarm(parts.base, likely, SURE_OF_WHICH) ? likely : danger]
  }
  const isCalm = asks && !isUrgent(normal.plain)
  const heard = { ...likely, isCalm }
  const rest = withoutDenied(said)
  // What was mended would have lost its denial.
  if (rest !== undefined) return [findUndenied(parts, heard, normalise(rest), options)]
  const mended = repairNormal(normal, parts.lexicon)
  if (!mended) return [heard]
  const again =
    findCertain(parts, mended, options, weight) ??
    ({ ...findLikely(parts, mended, weight), isCalm } satisfies Found)
  const agrees = again.candidates[0]?.intent === heard.candidates[0]?.intent
  if (!agrees) return [heard, { ...again, weight: weight * REPAIR_DISCOUNT }]
  return [heard, again]
}

const isSureAlarm = (base: KnowledgeBase, found: Found, from: number): boolean =>
  isAlarm(base, found.candidates[0]?.intent) && isRaised(base, found, from)

/**
 * The clause that says by itself that somebody is in danger: 不舒服，胸口疼. Where an illness is asked about (`asks`) it
 * need not be a rule: 我骨折了，多少钱.
 */
function dangerIn(
  parts: EngineParts,
  said: string,
  options: FindOptions,
  { asks, weight }: { readonly asks: boolean; readonly weight: number },
): Found | undefined {
  const { base } = parts
  for (const clause of clausesOf(withoutDeniedLists(said))
    .flatMap(partsOfClause)
    .slice(0, MOST_CLAUSES)) {
    const normal = normalise(clause)
    const certain = findCertain(parts, normal, options, weight)
    const happened = hasHappened(clause)
    // An illness that is an example of an emergency (骨折) may be named for any reason; what has happened is told.
    const isPlain = happened || certain?.method === 'template'
    if (certain && isPlain && isAlarm(base, certain.candidates[0]?.intent)) return certain
    const beside = dangerBeside(parts, clause, options, weight)
    if (beside) return beside
    if (!asks || !happened || withoutDenied(clause) !== undefined) continue
    const found = certain ?? findLikely(parts, normal, weight)
    if (isSureAlarm(base, found, SURE_ALARM)) return found
  }
  return undefined
}

/** The danger that a clause tells beside what it asks: 胸口疼 of 胸口疼挂什么科. */
function dangerBeside(
  parts: EngineParts,
  clause: string,
  options: FindOptions,
  weight: number,
): Found | undefined {
  const told = toldBeside(clause).filter((part) => withoutDenied(part) === undefined)
  return told
    .map(normalise)
    .map(
      (normal) => findCertain(parts, normal, options, weight) ?? findLikely(parts, normal, weight),
    )
    .find((found) => !isShort(found) && isSureAlarm(parts.base, found, SURE_ALARM))
}

function findCertain(
  parts: EngineParts,
  normal: NormalText,
  { expecting }: FindOptions,
  weight: number,
): Found | undefined {
  const { base } = parts
  for (const text of new Set([normal.plain, normal.bare, normal.text])) {
    for (const template of base.templatesFor(text)) {
      if (template.lang !== normal.lang) continue
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
  const only = onlyOne(base.titles.get(normal.text)) ?? onlyOne(base.exact.get(normal.text))
  const candidates =
    only !== undefined
      ? [{ intent: only, confidence: EXACT_CONFIDENCE }]
      : askedAlone(base, normal.text, expecting)
  return candidates && { normal, method: 'exact', candidates, slots: {}, weight }
}

/** The one intent that may be meant; undefined where none or several may. */
const onlyOne = ([only, ...others]: readonly number[] = []): number | undefined =>
  others.length === 0 ? only : undefined

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
  if (!isAlarm(base, heard.candidates[0]?.intent)) {
    if (rest.text !== '') return heard
    // Nothing is left that could be a danger behind what is likelier: 没头晕、胸闷.
    return { ...heard, candidates: heard.candidates.filter(({ intent }) => !isAlarm(base, intent)) }
  }
  if (certain) return certain
  const likely = findLikely(parts, rest, heard.weight)
  // What the pain was denied of (胸口, there is) is left, and no danger with it.
  const isSame = likely.candidates[0]?.intent === heard.candidates[0]?.intent
  const isEmpty = isShort(likely) || (isSame && !namesDanger(rest.text))
  return isEmpty ? { ...heard, candidates: [] } : likely
}

function findLikely(parts: EngineParts, normal: NormalText, weight: number): Found {
  const reading = read(parts.reader, prepareQuery(normal, parts.entityNames))
  const [first] = reading.evidence
  const candidates = shareOut(reading.evidence.slice(0, MAX_CANDIDATES), reading.confidence).map(
    ({ item, score }) => ({ intent: item.label, confidence: score }),
  )
  const method = first && first.match > 0 && first.probability < 0.5 ? 'retrieval' : 'classifier'
  return { normal, method, candidates, slots: {}, reading, weight }
}
