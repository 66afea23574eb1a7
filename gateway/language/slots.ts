/** Slots of an intent, read from the words. */
import type { Slot } from '../turn.ts'
import type { EngineParts, Found } from './engine-parts.ts'
import { ENTITY_READERS, findEntity, namedValues } from './entities/extract.ts'
import { findListValues, longestAt } from './entities/lists.ts'
import type { KnowledgeBase } from './knowledge-base.ts'
import type { UnderstandOptions } from './port.ts'
import type { SlotReader } from './templates.ts'

/** Words at a place that fill a template's slot: a value of its list, or a general entity. */
export function slotReader(parts: Pick<EngineParts, 'base' | 'now'>, intent: number): SlotReader {
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
    return longestAt(parts.base.lists, text, at, entity).map(({ end, value }) => ({ end, value }))
  }
}

/** Slots that the words fill. One that they fill with two values stays open: see {@link findUndecided}. */
export function findSlots(parts: EngineParts, found: Found, options: UnderstandOptions): Slot[] {
  const { base, now } = parts
  const text = found.normal.text
  const nowMs = now()
  const slots = new Map<string, Slot>()
  const offer = (name: string, entity: string): void => {
    if (slots.has(name)) return
    const fixed = found.slots[name]
    if (typeof fixed === 'string' || typeof fixed === 'number') {
      slots.set(name, { name, value: fixed, text: String(fixed), entity })
      return
    }
    const hit = findEntity(base.lists, entity, text, nowMs)
    if (hit) slots.set(name, { name, value: hit.value, text: hit.text, entity })
  }
  for (const { name, entity } of wantedSlots(base, found, options)) offer(name, entity)
  for (const { list, start, end } of findListValues(base.lists, text)) {
    // Words that two lists share are named once, for whom needs them.
    const isTaken = ({ entity, text: words }: Slot): boolean =>
      entity === list || words === text.slice(start, end)
    if (![...slots.values()].some(isTaken)) offer(list, list)
  }
  return [...slots.values()]
}

/** The values of the first slot that the words leave open between two or more; empty where there is none. */
export function findUndecided(
  { base }: EngineParts,
  found: Found,
  filled: readonly Slot[],
  options: UnderstandOptions,
): Slot[] {
  for (const { name, entity } of wantedSlots(base, found, options)) {
    if (entity in ENTITY_READERS || filled.some((slot) => slot.name === name)) continue
    const values = namedValues(base.lists, entity, found.normal.text)
    if (values.length > 1) return values.map((value) => ({ ...value, name, entity }))
  }
  return []
}

/** What the box has asked for, unless it is of another pack's list, then what the best intent needs. */
function wantedSlots(
  base: KnowledgeBase,
  { candidates: [first] }: Found,
  { expecting }: UnderstandOptions,
): readonly { readonly name: string; readonly entity: string }[] {
  const needed = base.intents[first?.intent ?? -1]?.intent.slots ?? []
  if (!expecting) return needed
  const { ref, slot: name, entity } = expecting
  return ref.pack === base.pack || entity in ENTITY_READERS ? [{ name, entity }, ...needed] : needed
}
