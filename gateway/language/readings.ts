/** The one reader of a text as it stands: by a rule or an example of the pack, else by what was learnt. */
import { askedAlone } from './bare-value.ts'
import type { EngineParts, Found } from './engine-parts.ts'
import type { NormalText } from './normalise.ts'
import type { UnderstandOptions } from './port.ts'
import { prepareQuery } from './question-model.ts'
import { read, shareOut } from './reader.ts'
import { slotReader } from './slots.ts'
import { matchTemplate } from './templates.ts'

const MAX_CANDIDATES = 5
/** Of what a rule or an example says whole. */
const EXACT_CONFIDENCE = 0.99

/** Readings of texts that one hypothesis holds; each carries the hypothesis' weight. */
export interface Readings {
  /** What a rule, a title, an example or a name alone says; undefined where none does. */
  certain(normal: NormalText): Found | undefined
  /** What classifier and search make of it. */
  likely(normal: NormalText): Found
  /** What is certain, else what is likely. */
  surest(normal: NormalText): Found
}

/** `expecting`: what the box has just asked for. `weight`: what the recogniser thought of the words (0–1). */
export function createReadings(
  parts: EngineParts,
  expecting: UnderstandOptions['expecting'],
  weight: number,
): Readings {
  const { base } = parts

  function byTemplate(normal: NormalText): Found | undefined {
    for (const text of new Set([normal.plain, normal.bare, normal.text])) {
      for (const template of base.templatesFor(text)) {
        if (template.lang !== normal.lang) continue
        if (template.firsts && !template.firsts.has(text.charAt(0))) continue
        const match = matchTemplate(template.node, text, slotReader(parts, template.intent))
        if (!match) continue
        const candidates = [{ intent: template.intent, confidence: EXACT_CONFIDENCE }]
        const { slots } = match
        return { normal: { ...normal, text }, method: 'template', candidates, slots, weight }
      }
    }
    return undefined
  }

  function byWords(normal: NormalText): Found | undefined {
    const only = onlyOne(base.titles.get(normal.text)) ?? onlyOne(base.exact.get(normal.text))
    const candidates =
      only !== undefined
        ? [{ intent: only, confidence: EXACT_CONFIDENCE }]
        : askedAlone(base, normal.text, expecting)
    return candidates && { normal, method: 'exact', candidates, slots: {}, weight }
  }

  function likely(normal: NormalText): Found {
    const reading = read(parts.reader, prepareQuery(normal, parts.entityNames))
    const [first] = reading.evidence
    const candidates = shareOut(reading.evidence.slice(0, MAX_CANDIDATES), reading.confidence).map(
      ({ item, score }) => ({ intent: item.label, confidence: score }),
    )
    const method = first && first.match > 0 && first.probability < 0.5 ? 'retrieval' : 'classifier'
    return { normal, method, candidates, slots: {}, reading, weight }
  }

  const certain = (normal: NormalText): Found | undefined => byTemplate(normal) ?? byWords(normal)
  return { certain, likely, surest: (normal) => certain(normal) ?? likely(normal) }
}

/** The one intent that may be meant; undefined where none or several may. */
const onlyOne = ([only, ...others]: readonly number[] = []): number | undefined =>
  others.length === 0 ? only : undefined
