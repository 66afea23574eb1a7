/** Takes up what the box asked back: a missing slot, or which of two was meant. */
import type { Library } from '../knowledge/library.ts'
import type { Phrases } from '../skills/phrases.ts'
import type { Candidate, KnowledgeRef, Slot, Turn, Understanding } from '../turn.ts'

/** A clear new question wins over the one the box has asked. */
const NEW_QUESTION_CONFIDENCE = 0.85

type Titles = Pick<Library, 'entry'>

/** What was heard, read as an answer to the box's own question where it is one. */
export function continuePending(
  turn: Turn,
  heard: Understanding,
  phrases: Phrases,
  library: Titles,
): Understanding {
  const { pending } = turn.session
  if (!pending) return heard
  if (heard.kind === 'intent' && heard.method === 'template') return heard
  if (pending.kind === 'choice') return choose(turn, heard, pending.between, phrases, library)
  if (isGrave(heard, [pending.ref], library) && !isBareSlot(heard)) return heard
  if (heard.kind === 'intent' && heard.best.confidence >= NEW_QUESTION_CONFIDENCE) {
    if (heard.best.ref.intent !== pending.ref.intent && !isBareSlot(heard)) return heard
  }
  const known: Slot[] = Object.entries(pending.slots).map(([name, value]) => ({
    name,
    value,
    text: String(value),
    entity: name,
  }))
  const found = heard.slots.filter((slot) => pending.slots[slot.name] === undefined)
  return intentOf(heard, { ref: pending.ref, confidence: 1 }, [...known, ...found])
}

/** Whether something else was heard that does harm when it goes unheard: then the box's own question waits. */
function isGrave(heard: Understanding, asked: readonly KnowledgeRef[], library: Titles): boolean {
  if (heard.kind === 'not-known') return false
  const meant = heard.kind === 'intent' ? [heard.best] : heard.between
  return meant.some(
    ({ ref }) =>
      library.entry(ref)?.intent.risk === 'high' && !asked.some((one) => isSame(one, ref)),
  )
}

const isSame = (one: KnowledgeRef, other: KnowledgeRef): boolean =>
  one.pack === other.pack && one.intent === other.intent

/** "心内科" alone names a slot and nothing else. */
const isBareSlot = (heard: Understanding): boolean =>
  heard.slots.some((slot) => slot.text.length * 2 > heard.normal.length)

function choose(
  turn: Turn,
  heard: Understanding,
  between: readonly KnowledgeRef[],
  phrases: Phrases,
  library: Titles,
): Understanding {
  const text = heard.normal.trim()
  const ordinal = ['choice-first', 'choice-second'].findIndex((name) =>
    phrases.all(name, heard.lang).includes(text),
  )
  const byTitle = between.findIndex((ref) => {
    const title = library.entry(ref)?.intent.title
    return [title?.zh, title?.en].some(
      (one) => one !== undefined && one === turn.hypotheses[0]?.text,
    )
  })
  const ref = between[ordinal >= 0 ? ordinal : byTitle]
  if (ref) return intentOf(heard, { ref, confidence: 1 }, heard.slots)
  if (heard.kind === 'intent') return heard
  if (isGrave(heard, between, library)) return heard
  const offered = heard.candidates.find(({ ref }) => between.some((one) => isSame(one, ref)))
  return heard.kind === 'ambiguous' && offered ? intentOf(heard, offered, heard.slots) : heard
}

const intentOf = (
  heard: Understanding,
  best: Candidate,
  slots: readonly Slot[],
): Understanding => ({
  lang: heard.lang,
  normal: heard.normal,
  candidates: heard.candidates,
  slots,
  kind: 'intent',
  best,
  method: 'exact',
})
