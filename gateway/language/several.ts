/**
 * Several packs, each read by what it has learnt itself: what one understands alone it understands beside
 * others too, and the surest is heard.
 */
import type { Hypothesis, Understanding } from '../turn.ts'
import type { EngineParts } from './engine-parts.ts'
import { normalise } from './normalise.ts'
import type { UnderstandOptions } from './port.ts'
import { type Decided, decide, scoreOf } from './understanding.ts'

/**
 * An emergency or a call for a nurse is heard over a question of another pack that is surer by so much: less,
 * and emergencies of the shipped packs went under in each other; more only raised false alarms.
 */
const URGENT_EXTRA = 0.15

export interface Judged {
  readonly parts: EngineParts
  readonly decided: Decided
}

/** What each pack that may answer makes of the words, the one that is heard first; empty when none may. */
export function judge(
  all: readonly EngineParts[],
  hypotheses: readonly Hypothesis[],
  options: UnderstandOptions,
): readonly Judged[] {
  const { packs, expecting } = options
  const wanted = packs ? all.filter(({ base }) => packs.includes(base.pack)) : all
  const judged = wanted.map((parts) => ({ parts, decided: decide(parts, hypotheses, options) }))
  const owner = expecting && judged.find(({ parts: { base } }) => base.pack === expecting.ref.pack)
  // Of two that are as sure the one that has asked is heard; else the order of the packs counts.
  const inOrder = owner ? [owner, ...judged.filter((one) => one !== owner)] : judged
  const [first, ...others] = inOrder.sort((a, b) => weightOf(b) - weightOf(a))
  if (!first) return []
  if (!owner || owner === first) return [first, ...others]
  return [{ ...first, decided: withAsked(first.decided, owner.decided, expecting.slot) }, ...others]
}

/** What is understood where no pack may answer. */
export function understandNothing(
  hypotheses: readonly Hypothesis[],
  options: UnderstandOptions,
  reason: 'no-knowledge' | 'out-of-scope',
): Understanding {
  const normal = normalise(hypotheses[0]?.text ?? '')
  const lang = options.lang ?? normal.lang
  const said = { lang, normal: normal.text, slots: [], candidates: [] }
  return { ...said, kind: 'not-known', reason: normal.text === '' ? 'empty' : reason }
}

function weightOf({ parts, decided: { best, understanding } }: Judged): number {
  if (!best) return 0
  const known = parts.base.intents[best.candidates[0]?.intent ?? -1]?.intent
  const isUrgent = known?.alert === 'emergency' || known?.command === 'call-nurse'
  return scoreOf(best) + (isUrgent && understanding.kind === 'intent' ? URGENT_EXTRA : 0)
}

/** The value that the box has asked for is one of the pack that asked. */
function withAsked(heard: Decided, owner: Decided, name: string): Decided {
  const asked = owner.understanding.slots.filter((slot) => slot.name === name)
  const rest = heard.understanding.slots.filter((slot) => slot.name !== name)
  return { ...heard, understanding: { ...heard.understanding, slots: [...asked, ...rest] } }
}
