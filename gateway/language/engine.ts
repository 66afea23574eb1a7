/** The language engine: words in, understanding out. No I/O; the clock is passed in. */
import type { Pack } from '../knowledge/pack-schema.ts'
import type { Candidate, Hypothesis, Slot, Understanding } from '../turn.ts'
import { ENTITY_READERS, findEntities } from './entities/extract.ts'
import { findListValues, longestAt } from './entities/lists.ts'
import { foreignExamples } from './foreign-examples.ts'
import { buildKnowledgeBase, type KnowledgeBase, listNames, packTexts } from './knowledge-base.ts'
import { LanguageModelError } from './model-error.ts'
import { readModel, writeModel } from './model-file.ts'
import { type NormalText, normalise } from './normalise.ts'
import type {
  Explanation,
  LanguageEngine,
  LanguageModule,
  TrainedModel,
  UnderstandOptions,
} from './port.ts'
import { buildQuestionIndex } from './question-index.ts'
import { type EntityNames, OUT_OF_SCOPE, prepareQuery } from './question-model.ts'
import { createReader, type Reader, type Reading, read, shareOut } from './reader.ts'
import { buildPairLexicon, type PairLexicon, repairNormal } from './repair.ts'
import { matchTemplate, type SlotReader } from './templates.ts'
import { trainQuestionModel } from './trainer.ts'

/** Answered from here up, unless the pack says otherwise; chosen on held-out pack questions. */
export const DEFAULT_ANSWER = 0.55
/** Asked back from here up; below it the box says that it does not know. */
export const DEFAULT_CLARIFY = 0.34
/** Added to the threshold of intents whose wrong answer does harm. */
export const HIGH_RISK_EXTRA = 0.15
/** A recogniser's list is read this far; beyond it hypotheses only repeat. */
export const MAX_HYPOTHESES = 5
const MAX_CANDIDATES = 5
/** How many questions training on packs reckons with that no intent answers. */
const FOREIGN_SHARE = 0.2
/** A mended reading must be this much better than the words as heard. */
const REPAIR_DISCOUNT = 0.95

export interface LanguageModuleOptions {
  /** What 明天 counts from; milliseconds since 1970. */
  readonly now: () => number
}

/** The language room as the house uses it. */
export function createLanguageModule(options: LanguageModuleOptions): LanguageModule {
  return { train: trainPacks, load: (packs, model) => loadEngine(packs, model, options.now) }
}

/** Trains on the packs' questions; the same packs and seed give the same bytes. */
export function trainPacks(
  packs: readonly Pack[],
  options: { readonly seed: number; readonly onProgress?: (share: number) => void },
): TrainedModel {
  const base = buildKnowledgeBase(packs)
  const label = base.intents.length
  const foreign = foreignExamples(packs, base).map((text) => ({ text, label }))
  const { model } = trainQuestionModel(
    [...base.questions, ...foreign],
    [...base.intents.map((known) => known.label), OUT_OF_SCOPE],
    {
      seed: options.seed,
      classify: true,
      search: true,
      foreignShare: FOREIGN_SHARE,
      entityNames: listNames(base),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    },
  )
  return writeModel({
    model,
    questions: foreign,
    about: { task: 'packs', packs: digests(packs) },
  })
}

const digests = (packs: readonly Pack[]): string[] => packs.map((pack) => pack.digest)

interface EngineParts {
  readonly base: KnowledgeBase
  readonly reader: Reader
  readonly entityNames: EntityNames
  readonly lexicon: PairLexicon
  readonly now: () => number
}

/** An engine from packs and the model trained on them. Throws {@link LanguageModelError}. */
export function loadEngine(
  packs: readonly Pack[],
  bytes: TrainedModel,
  now: () => number,
): LanguageEngine {
  const { model, about, questions: foreign = [] } = readModel(bytes)
  if (JSON.stringify(about.packs) !== JSON.stringify(digests(packs))) {
    throw new LanguageModelError(
      'model.other-packs',
      'The language model was trained on other packs than those installed',
    )
  }
  const base = buildKnowledgeBase(packs)
  const entityNames = listNames(base)
  const stored = [...base.questions, ...foreign]
  const index = buildQuestionIndex(
    stored.map(({ text }) => prepareQuery(normalise(text), entityNames)),
  )
  const labels = Int32Array.from(stored, ({ label }) => label)
  const reader = createReader(model, index, labels)
  const parts = { base, reader, entityNames, lexicon: buildPairLexicon(packTexts(base)), now }
  return {
    understand: (hypotheses, options = {}) => decide(parts, hypotheses, options).understanding,
    explain: (hypotheses, options = {}) => explain(parts, hypotheses, options),
  }
}

interface Found {
  readonly normal: NormalText
  readonly method: 'template' | 'exact' | 'classifier' | 'retrieval'
  readonly candidates: readonly { readonly intent: number; readonly confidence: number }[]
  readonly slots: Readonly<Record<string, unknown>>
  readonly reading?: Reading
  readonly weight: number
}

const EXACT_CONFIDENCE = 0.99

function decide(
  parts: EngineParts,
  hypotheses: readonly Hypothesis[],
  options: UnderstandOptions,
): { readonly understanding: Understanding; readonly found: readonly Found[] } {
  const allowed = allowedIntents(parts.base, options)
  const found = hypotheses
    .slice(0, MAX_HYPOTHESES)
    .flatMap((hypothesis, place) => findAll(parts, hypothesis, place, options, allowed))
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
    return { understanding, found }
  }
  return { understanding: conclude(parts, best, options), found }
}

const scoreOf = ({ candidates, weight }: Found): number => (candidates[0]?.confidence ?? 0) * weight

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

/** What one hypothesis may mean, as heard and as mended. */
function findAll(
  parts: EngineParts,
  hypothesis: Hypothesis,
  place: number,
  options: UnderstandOptions,
  allowed: ((intent: number) => boolean) | undefined,
): Found[] {
  const normal = normalise(hypothesis.text)
  if (normal.text === '') return []
  // The recogniser's own order counts, but less than whether the words make sense here.
  const weight = 0.7 + 0.3 * Math.min(Math.max(hypothesis.confidence, 0), 1) - 0.02 * place
  const certain = findCertain(parts, normal, options, allowed, weight)
  if (certain) return [certain]
  const heard = findLikely(parts, normal, allowed, weight)
  const mended = repairNormal(normal, parts.lexicon)
  if (!mended) return [heard]
  const again =
    findCertain(parts, mended, options, allowed, weight * REPAIR_DISCOUNT) ??
    findLikely(parts, mended, allowed, weight * REPAIR_DISCOUNT)
  return [heard, again]
}

function findCertain(
  parts: EngineParts,
  normal: NormalText,
  options: UnderstandOptions,
  allowed: ((intent: number) => boolean) | undefined,
  weight: number,
): Found | undefined {
  const { base } = parts
  for (const text of new Set([normal.plain, normal.bare, normal.text])) {
    for (const template of base.templates) {
      if (template.lang !== normal.lang || (allowed && !allowed(template.intent))) continue
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
  const known = (base.exact.get(normal.text) ?? []).filter((intent) => !allowed || allowed(intent))
  const [only] = known
  if (known.length !== 1 || only === undefined || options.expecting) return undefined
  return {
    normal,
    method: 'exact',
    candidates: [{ intent: only, confidence: EXACT_CONFIDENCE }],
    slots: {},
    weight,
  }
}

/** Words at a place that fill a template's slot: a value of its list, or a general entity. */
function slotReader(parts: EngineParts, intent: number): SlotReader {
  const known = parts.base.intents[intent]
  return (name, text, at) => {
    const slot = known?.intent.slots?.find((wanted) => wanted.name === name)
    const entity = slot?.entity ?? name
    const reader = ENTITY_READERS[entity]
    if (reader) {
      return reader(text, parts.now())
        .filter((hit) => hit.start === at)
        .map(({ end, value }) => ({ end, value }))
    }
    return longestAt(parts.base.lists, text, at)
      .filter((hit) => hit.list === entity && hit.pack === known?.ref.pack)
      .map(({ end, value }) => ({ end, value }))
  }
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
    lang: options.lang !== undefined && isNeutral(found.normal) ? options.lang : found.normal.lang,
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
  if (best.confidence >= answer) return { ...common, kind: 'intent', best, method: found.method }
  const second = candidates[1]
  if (best.confidence >= clarify && second) {
    return { ...common, kind: 'ambiguous', between: [best, second] }
  }
  return {
    ...common,
    kind: 'not-known',
    reason: best.confidence < clarify / 2 ? 'out-of-scope' : 'low-confidence',
  }
}

/** A bare number or sign says nothing about the language. */
const isNeutral = (normal: NormalText): boolean => !/\p{L}/u.test(normal.plain)

export function thresholdsOf(
  base: KnowledgeBase,
  intent: number,
): { answer: number; clarify: number } {
  const known = base.intents[intent]
  const pack = known?.pack.manifest.thresholds
  const extra = known?.intent.risk === 'high' ? HIGH_RISK_EXTRA : 0
  const answer = known?.intent.threshold ?? Math.min((pack?.answer ?? DEFAULT_ANSWER) + extra, 0.95)
  return { answer, clarify: Math.min(pack?.clarify ?? DEFAULT_CLARIFY, answer) }
}

function findSlots(parts: EngineParts, found: Found, options: UnderstandOptions): Slot[] {
  const { base, now } = parts
  const text = found.normal.text
  const nowMs = now()
  const slots = new Map<string, Slot>()
  const { expecting } = options
  const offer = (name: string, entity: string, pack: string): void => {
    if (slots.has(name)) return
    const fixed = found.slots[name]
    if (typeof fixed === 'string' || typeof fixed === 'number') {
      slots.set(name, { name, value: fixed, text: String(fixed), entity })
      return
    }
    const [hit] = findEntities(base.lists, pack, entity, text, nowMs)
    if (hit) slots.set(name, { name, value: hit.value, text: hit.text, entity })
  }
  if (expecting) offer(expecting.slot, expecting.entity, expecting.ref.pack)
  const known = base.intents[found.candidates[0]?.intent ?? -1]
  for (const slot of known?.intent.slots ?? []) offer(slot.name, slot.entity, known?.ref.pack ?? '')
  for (const hit of findListValues(base.lists, text)) {
    if ([...slots.values()].some((slot) => slot.entity === hit.list)) continue
    offer(hit.list, hit.list, hit.pack)
  }
  return [...slots.values()]
}

function explain(
  parts: EngineParts,
  hypotheses: readonly Hypothesis[],
  options: UnderstandOptions,
): Explanation {
  const { understanding, found } = decide(parts, hypotheses, options)
  return {
    understanding,
    steps: found.map((item) => ({
      stage: item.method,
      detail: { normal: item.normal.text, weight: item.weight, candidates: item.candidates },
    })),
  }
}
