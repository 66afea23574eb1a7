/** Reads what is said after the box has asked "A or B?". */
import type { Library } from '../knowledge/library.ts'
import type { KnowledgeRef, PendingQuestion, Turn, Understanding } from '../turn.ts'
import { intentOf, isGrave, isSame } from './pending.ts'
import type { Phrases } from './phrases.ts'
import { CHOICE_ANSWERS, createChoiceWords, type Forms, formsOf } from './said-as.ts'

/** `unclear`: "yes", "both", or words that mean nothing here; `isSaid`: they mean something to a person. */
export type ChoiceAnswer =
  | { readonly kind: 'one'; readonly understanding: Understanding }
  | { readonly kind: 'neither' }
  | { readonly kind: 'unclear'; readonly isSaid: boolean }
  | { readonly kind: 'something-else' }

export type ReadChoice = (turn: Turn, heard: Understanding, asked: PendingChoice) => ChoiceAnswer
export type PendingChoice = Extract<PendingQuestion, { kind: 'choice' }>

/** Reads answers to "A or B?" by the box's own phrases. */
export function createChoiceReader(phrases: Phrases, library: Pick<Library, 'entry'>): ReadChoice {
  const saidAs = createChoiceWords(phrases)

  function titled(forms: Forms, between: readonly KnowledgeRef[]) {
    const meant = between.filter((ref) => {
      const { zh, en } = library.entry(ref)?.intent.title ?? {}
      return [zh, en].some((title) => title && formsOf(title).some((one) => forms.includes(one)))
    })
    return meant.length === 1 ? meant[0] : undefined
  }

  return ({ hypotheses }, heard, { between }) => {
    // What a recogniser holds for less likely is no answer where the likeliest is a clear question.
    for (const { text } of heard.kind === 'intent' ? hypotheses.slice(0, 1) : hypotheses) {
      const forms = formsOf(text)
      const name = saidAs(forms)
      const pointed = name === undefined ? undefined : between[CHOICE_ANSWERS.indexOf(name)]
      const ref = titled(forms, between) ?? pointed
      if (ref) return one(heard, { ref, confidence: 1 })
      if (name === 'choice-neither') return { kind: 'neither' }
      if (name !== undefined) return { kind: 'unclear', isSaid: true }
    }
    if (heard.kind === 'not-known' && isSpeech(heard)) return { kind: 'unclear', isSaid: false }
    if (heard.kind !== 'ambiguous' || isGrave(heard, between, library)) {
      return { kind: 'something-else' }
    }
    const offered = heard.between.filter(({ ref }) => between.some((other) => isSame(other, ref)))
    if (offered.length > 1) return { kind: 'unclear', isSaid: true }
    return offered[0] ? one(heard, offered[0]) : { kind: 'something-else' }
  }
}

/** Silence is no answer, and no miss either. */
const isSpeech = ({ normal }: Understanding): boolean => normal !== ''

const one = (heard: Understanding, best: Parameters<typeof intentOf>[1]): ChoiceAnswer => ({
  kind: 'one',
  understanding: intentOf(heard, best, heard.slots),
})
