/** What the box asks back: which of two, a missing slot; and that it gives up asking. */
import type { PendingChoice } from '../dialogue/choice.ts'
import { isSame } from '../dialogue/pending.ts'
import type { Phrases } from '../dialogue/phrases.ts'
import { createChoiceWords, createUnsureReader, formsOf } from '../dialogue/said-as.ts'
import type { Library } from '../knowledge/library.ts'
import type { Language, PackIntent } from '../knowledge/pack-schema.ts'
import { maskText } from '../ledger/masking.ts'
import type {
  Candidate,
  KnowledgeRef,
  Reply,
  Slot,
  SlotValue,
  Turn,
  Understanding,
} from '../turn.ts'
import { heardWords } from './skill.ts'

/** What is shorter (嗯) or longer is no name that is worth repeating. */
const MIN_NAME_CHARS = 2
const MAX_NAME_CHARS = 24
/** So many digits, also in words, may be a PIN or part of a number that others must not hear. */
const DIGITS =
  /(?:(?:[\p{N}一二两三四五六七八九零幺]|\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b)\P{L}*){3}/u
/** So sure words are the question itself once more, and no name that is not known. */
const SAID_AGAIN = 0.85
/** Values offered for a tap. */
const MAX_OFFERED = 3
/** After this many empty answers to a question back, a person is better. */
const MAX_TRIES = 2

type MissingSlot = NonNullable<PackIntent['slots']>[number]

export interface AskBack {
  /** Which of two was meant; where that was asked {@link MAX_TRIES} times already a person is called. */
  which(turn: Turn, lang: Language, between: readonly [Candidate, Candidate]): Reply
  /** The same once more, with what may be said; after {@link MAX_TRIES} a person is called. */
  whichAgain(turn: Turn, lang: Language, asked: PendingChoice): Reply
  /** What it is, since it is neither; after {@link MAX_TRIES} a person is called. */
  otherwise(turn: Turn, lang: Language, asked: PendingChoice): Reply
  /** A value that the intent cannot do without; after {@link MAX_TRIES} a person is called. */
  slot(
    turn: Turn,
    lang: Language,
    best: Candidate,
    missing: MissingSlot,
    slots: Readonly<Record<string, SlotValue>>,
    heard: Understanding,
  ): Reply
}

export function createAskBack(phrases: Phrases, library: Pick<Library, 'entry'>): AskBack {
  const saysUnsure = createUnsureReader(phrases)
  /** Words that point (都不是) name nothing. */
  const isPointing = createChoiceWords(phrases)
  const titleOf = (ref: KnowledgeRef, lang: Language): string => {
    const title = library.entry(ref)?.intent.title
    return title?.[lang] ?? title?.zh ?? ref.intent
  }

  function choice(
    turn: Turn,
    lang: Language,
    phrase: 'clarify' | 'clarify-again' | 'clarify-otherwise',
    pending: PendingChoice,
  ): Reply {
    const titles = pending.between.map((ref) => titleOf(ref, lang))
    const [a = '', b = ''] = titles
    return {
      status: 'clarify',
      lang,
      source: 'local',
      text: phrases.say(phrase, lang, turn.session.turns, { a, b }),
      ...(titles.length > 0 ? { suggestions: titles } : {}),
      session: { pending },
    }
  }

  /** Which of the values that were named, one after the other. */
  function askFirst(turn: Turn, lang: Language, values: readonly Slot[]) {
    const names = values.map(({ text }) => text)
    const [a = '', b = ''] = names
    const text = phrases.say('slot-first', lang, turn.session.turns, { a, b })
    return { text, suggestions: names.slice(0, MAX_OFFERED) }
  }

  /** The question once more, with what the box made of the answer and where else to ask. */
  function askAgain(
    turn: Turn,
    lang: Language,
    ref: KnowledgeRef,
    question: string,
    { normal: said, candidates }: Understanding,
  ): string {
    const { turns } = turn.session
    const words = heardWords(turn)
    if (saysUnsure(words)) return phrases.say('slot-unsure', lang, turns, { question })
    const isSaidAgain = candidates.some(
      (one) => isSame(one.ref, ref) && one.confidence >= SAID_AGAIN,
    )
    if (isSaidAgain || !isName(said) || isPrivate(words) || isPointing(formsOf(words))) {
      return question
    }
    return phrases.say('slot-unknown', lang, turns, { said, question })
  }

  function giveUp(turn: Turn, lang: Language): Reply {
    return {
      status: 'handed-off',
      lang,
      source: 'local',
      text: phrases.say('give-up-slot', lang, turn.session.turns),
      alert: { kind: 'handoff', detail: heardWords(turn) },
      session: { clearPending: true },
    }
  }

  return {
    which(turn, lang, [a, b]) {
      const { pending } = turn.session
      const tries = pending?.kind === 'choice' ? triesOf(pending) + missOf(pending) : 1
      if (tries > MAX_TRIES) return giveUp(turn, lang)
      const between = [a.ref, b.ref]
      const asked = choice(turn, lang, 'clarify', { kind: 'choice', between, tries })
      return { ...asked, confidence: a.confidence }
    },
    whichAgain(turn, lang, asked) {
      const tries = triesOf(asked) + 1
      if (tries > MAX_TRIES) return giveUp(turn, lang)
      return choice(turn, lang, 'clarify-again', { ...asked, tries })
    },
    otherwise(turn, lang, asked) {
      const tries = triesOf(asked) + 1
      if (tries > MAX_TRIES) return giveUp(turn, lang)
      return choice(turn, lang, 'clarify-otherwise', { kind: 'choice', between: [], tries })
    },
    slot(turn, lang, { ref, confidence }, { name: slot, entity, ask }, slots, heard) {
      const { pending } = turn.session
      const isAsked = pending?.kind === 'slot' && pending.slot === slot && isSame(pending.ref, ref)
      const before = isAsked ? pending.tries : 0
      const question = ask?.[lang] ?? ask?.zh ?? titleOf(ref, lang)
      const values = (heard.undecided ?? []).filter(({ name }) => name === slot)
      // Who names two has answered, once; who says what is not known here has not.
      const isFirstPair = values.length > 0 && !(isAsked && pending.between)
      const tries = isFirstPair ? Math.max(before, 1) : before + 1
      if (tries > MAX_TRIES) return giveUp(turn, lang)
      const asked = { kind: 'slot', ref, confidence, slot, entity, slots, tries } as const
      const reply = { status: 'need-input', lang, source: 'local', ref, confidence, slots } as const
      if (values.length > 0) {
        const pending = { ...asked, between: values }
        return { ...reply, ...askFirst(turn, lang, values), session: { pending } }
      }
      const text = isAsked ? askAgain(turn, lang, ref, question, heard) : question
      return { ...reply, text, session: { pending: asked } }
    },
  }
}

const isName = (said: string): boolean =>
  said.length >= MIN_NAME_CHARS && said.length <= MAX_NAME_CHARS && !isPrivate(said)

/** Whether it would be masked in a log: then it is not said aloud in a hall either. */
const isPrivate = (said: string): boolean => maskText(said) !== said || DIGITS.test(said)

/** Words that leave one question open for another are a miss; "neither" was counted when it was said. */
const missOf = ({ between }: PendingChoice): number => (between.length > 0 ? 1 : 0)

const triesOf = ({ tries = 1 }: PendingChoice): number => tries
