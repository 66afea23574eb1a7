/** Takes up what the box asked back for: a missing slot. */
import type { Library } from '../knowledge/library.ts'
import type {
  Candidate,
  KnowledgeRef,
  PendingQuestion,
  Slot,
  Turn,
  Understanding,
} from '../turn.ts'
import type { Phrases } from './phrases.ts'
import { type ChoiceSaid, createChoiceWords, createUnsureReader, formsOf } from './said-as.ts'

/** A new question that names a value which the box waits for has to be as clear as this to be one. */
const NEW_QUESTION_CONFIDENCE = 0.85
/** Above this part of what was said, the value is the answer and nothing else was said. */
const WHOLE_SHARE = 0.5
/** Below this part of what was said, the value belongs to something else: 儿科今天能打疫苗吗 is not "儿科". */
const LEAST_SHARE = 1 / 3

/** Ways in which words are sure to mean an entry. */
const CERTAIN: ReadonlySet<string> = new Set(['template', 'exact'])

type Entries = Pick<Library, 'entry'>
type PendingSlot = Extract<PendingQuestion, { kind: 'slot' }>

/** What was heard, read as the value that the box has asked for where it is one. */
export type ContinuePending = (turn: Turn, heard: Understanding) => Understanding

export function createContinuePending(phrases: Phrases, library: Entries): ContinuePending {
  const saysUnsure = createUnsureReader(phrases)
  const saysOf = createChoiceWords(phrases)
  return (turn, heard) => {
    const { pending } = turn.session
    if (pending?.kind !== 'slot' || isSilence(heard)) return heard
    const text = turn.hypotheses[0]?.text ?? ''
    const { between } = pending
    const said = between && saysOf(formsOf(text))
    if (said) {
      const value = between[POINTED_AT[said]]
      return answered({ ...heard, slots: value ? [value] : [] }, pending, true)
    }
    // What a pack says to 不知道 itself counts before the box's own words.
    const isCertain = heard.kind === 'intent' && CERTAIN.has(heard.method)
    const isUnsure = !isCertain && saysUnsure(text)
    return isUnsure ? answered(heard, pending, false) : readAnswer(heard, pending, library)
  }
}

/** "A or B first?": with both, or whatever comes, the first is begun with. */
const POINTED_AT: Readonly<Record<ChoiceSaid, number>> = {
  'choice-first': 0,
  'choice-unclear': 0,
  'choice-second': 1,
  'choice-neither': -1,
}

/** Silence answers nothing and is no try: the question stays. */
const isSilence = (heard: Understanding): boolean =>
  heard.kind === 'not-known' && heard.reason === 'empty'

function readAnswer(heard: Understanding, pending: PendingSlot, library: Entries): Understanding {
  if (heard.kind === 'intent' && heard.method === 'template') return heard
  const share = shareOfAnswer(heard, pending)
  if (isSomethingElse(heard, share, pending.ref, library)) return heard
  return answered(heard, pending, share >= LEAST_SHARE || isAbout(heard, pending.ref))
}

/** The intent that the box has asked for, with what was heard for it; `hasValue`: the slot's own value too. */
function answered(heard: Understanding, pending: PendingSlot, hasValue: boolean): Understanding {
  const known: Slot[] = Object.entries(pending.slots).map(([name, value]) => ({
    name,
    value,
    text: String(value),
    entity: name,
  }))
  const found = heard.slots.filter(
    ({ name }) => pending.slots[name] === undefined && (hasValue || name !== pending.slot),
  )
  return intentOf(heard, { ref: pending.ref, confidence: sureOf(pending, heard) }, [
    ...known,
    ...found,
  ])
}

/** How much of what was said (0–1) is the value that the box waits for, or the values between which it is open. */
function shareOfAnswer(
  { slots, undecided = [], normal }: Understanding,
  { slot, entity }: PendingSlot,
): number {
  const isValue = (one: Slot) => one.name === slot && one.entity === entity
  const values = [...slots, ...undecided].filter(isValue)
  const length = values.reduce((sum, { text }) => sum + text.length, 0)
  return length / Math.max(1, normal.length)
}

/** Whether what was heard leaves the box's question where it is. `share` as of `shareOfAnswer`. */
function isSomethingElse(
  heard: Understanding,
  share: number,
  asked: KnowledgeRef,
  library: Entries,
): boolean {
  if (share > WHOLE_SHARE) return false
  if (isGrave(heard, [asked], library)) return true
  if (heard.kind === 'not-known' || isAbout(heard, asked)) return false
  if (heard.kind === 'ambiguous') return share > 0 && share < LEAST_SHARE
  return share < LEAST_SHARE || heard.best.confidence >= NEW_QUESTION_CONFIDENCE
}

const isAbout = ({ kind, candidates: [best] }: Understanding, ref: KnowledgeRef): boolean =>
  kind !== 'not-known' && best !== undefined && isSame(best.ref, ref)

/** An answer to the box's question makes it no surer of what was asked in the first place. */
const sureOf = (pending: PendingSlot, heard: Understanding): number =>
  Math.max(
    pending.confidence ?? 0,
    ...heard.candidates.flatMap(({ ref, confidence }) =>
      isSame(ref, pending.ref) ? [confidence] : [],
    ),
  )

/** Whether something else was heard that does harm when it goes unheard: then the box's own question waits. */
export function isGrave(
  heard: Understanding,
  asked: readonly KnowledgeRef[],
  library: Entries,
): boolean {
  if (heard.kind === 'not-known') return false
  const meant = heard.kind === 'intent' ? [heard.best] : heard.between
  return meant.some(
    ({ ref }) =>
      library.entry(ref)?.intent.risk === 'high' && !asked.some((one) => isSame(one, ref)),
  )
}

export const isSame = (one: KnowledgeRef, other: KnowledgeRef): boolean =>
  one.pack === other.pack && one.intent === other.intent

/** What was heard, understood as `best` with these slots. */
export const intentOf = (
  heard: Understanding,
  best: Candidate,
  slots: readonly Slot[],
): Understanding => ({
  lang: heard.lang,
  normal: heard.normal,
  candidates: heard.candidates,
  slots,
  ...(heard.undecided ? { undecided: heard.undecided } : {}),
  kind: 'intent',
  best,
  method: 'exact',
})
