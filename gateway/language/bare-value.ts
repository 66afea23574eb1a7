/** A value of a list said alone (厕所, CT, pain management): a name and no sentence, so nothing is guessed from it. */
import type { PackIntent } from '../knowledge/pack-schema.ts'
import type { Found } from './engine-parts.ts'
import { longestAt } from './entities/lists.ts'
import type { KnowledgeBase } from './knowledge-base.ts'
import type { UnderstandOptions } from './port.ts'

/** Surer than a guess, less sure than a whole question. */
const ALONE_CONFIDENCE = 0.9
/** Each of two that are asked back: below what anything is answered from. */
const EITHER_CONFIDENCE = 0.45

/**
 * What `text` asks when all of it is one value as written: what the box has just asked for it, else the
 * intent that its list names (`alone`; of lists that share the name the first), else the intents that cannot do without such a value, the first two
 * for a question back. Never an emergency. Undefined when the text is no such value.
 */
export function askedAlone(
  base: KnowledgeBase,
  text: string,
  expecting: UnderstandOptions['expecting'],
): Found['candidates'] | undefined {
  const named = longestAt(base.lists, text, 0).filter(
    ({ exact, end }) => exact && end === text.length,
  )
  const own = expecting?.ref.pack === base.pack ? expecting : undefined
  const answers = named.filter(({ list }) => list === own?.entity)
  const asked = answers.length > 0
  for (const hit of asked ? answers : named) {
    const known = base.intents.flatMap(({ intent }, number) =>
      isAskedByName(intent, hit.list) ? [{ number, name: intent.intent }] : [],
    )
    const wanted = asked ? own?.ref.intent : base.aloneAsks.get(hit.list)
    const only = known.length === 1 ? known[0] : known.find(({ name }) => name === wanted)
    if (only) return [{ intent: only.number, confidence: ALONE_CONFIDENCE }]
    const either = known.slice(0, 2)
    if (either.length > 0) {
      return either.map(({ number }) => ({ intent: number, confidence: EITHER_CONFIDENCE }))
    }
  }
  return undefined
}

/** Whether a value of the list alone may ask the intent: it cannot do without one, and nobody is in danger. */
export const isAskedByName = ({ alert, slots = [] }: PackIntent, list: string): boolean =>
  alert === undefined && slots.some(({ entity, required }) => required === true && entity === list)
