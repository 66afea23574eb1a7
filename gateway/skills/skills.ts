/**
 * What is said: an answer from a pack, a question back, the cloud's word, or an honest "not known".
 */
import type { Answer } from '@kefu-edge/device-sdk/protocol/schemas'
import { continuePending } from '../dialogue/pending.ts'
import type { StaffLine } from '../dialogue/staff-line.ts'
import type { Library } from '../knowledge/library.ts'
import type { Language, PackIntent } from '../knowledge/pack-schema.ts'
import type {
  Candidate,
  KnowledgeRef,
  Reply,
  SlotValue,
  StaffAlert,
  Turn,
  Understanding,
} from '../turn.ts'
import { command } from './command.ts'
import { faq } from './faq.ts'
import type { Phrases } from './phrases.ts'
import { heardWords, type Skill } from './skill.ts'
import { sayWhoKnows } from './staff-words.ts'

const SKILLS: Readonly<Record<NonNullable<PackIntent['skill']>, Skill>> = {
  faq,
  lookup: faq,
  command,
}

/** After this many empty answers to a question back, a person is better. */
const MAX_SLOT_TRIES = 2

/** The cloud core's answer to an ask that the box does not know; undefined when it is away or does not know. */
export interface CloudAnswer {
  readonly text: string
  readonly speech?: string
  readonly lang: Language
  readonly confidence: number
  /** What it was answered from: cited like a pack's entry. */
  readonly ref: KnowledgeRef
  readonly cards?: Answer['cards']
}
export type Escalate = (
  turn: Turn,
  understanding: Understanding,
) => Promise<CloudAnswer | undefined>

export interface Skills {
  answer(turn: Turn, understanding: Understanding): Reply | Promise<Reply>
}

export function createSkills(parts: {
  readonly library: Library
  readonly phrases: Phrases
  /** Asks the cloud core; undefined while there is nobody to ask. */
  readonly escalate: () => Escalate | undefined
  /** Undefined where nobody can be told. */
  readonly staff: () => StaffLine | undefined
}): Skills {
  const { library, phrases } = parts

  const titleOf = (candidate: Candidate, lang: Language): string => {
    const title = library.entry(candidate.ref)?.intent.title
    return title?.[lang] ?? title?.zh ?? candidate.ref.intent
  }

  function answerIntent(
    turn: Turn,
    lang: Language,
    best: Candidate,
    slots: Readonly<Record<string, SlotValue>>,
  ): Reply {
    const entry = library.entry(best.ref)
    if (!entry) return notKnown(turn, lang, 'not-known')
    const missing = entry.intent.slots?.find(
      (slot) => slot.required && slots[slot.name] === undefined,
    )
    if (missing) {
      const pending = turn.session.pending
      const tries =
        pending?.kind === 'slot' && pending.slot === missing.name ? pending.tries + 1 : 1
      if (tries > MAX_SLOT_TRIES) return giveUp(turn, lang)
      return {
        status: 'need-input',
        lang,
        source: 'local',
        ref: best.ref,
        confidence: best.confidence,
        slots,
        text: missing.ask?.[lang] ?? missing.ask?.zh ?? titleOf(best, lang),
        session: {
          pending: {
            kind: 'slot',
            ref: best.ref,
            confidence: best.confidence,
            slot: missing.name,
            entity: missing.entity,
            slots,
            tries,
          },
        },
      }
    }
    const skill = SKILLS[entry.intent.skill ?? 'faq']
    const reply = skill({
      turn,
      lang,
      pack: entry.pack,
      intent: entry.intent,
      best,
      slots,
      phrases,
    })
    const { intent } = entry
    const session = { clearPending: true, remembered: slots, ...reply.session }
    return intent.alert
      ? { ...reply, session, alert: emergency(turn, intent) }
      : { ...reply, session }
  }

  function clarify(turn: Turn, lang: Language, [a, b]: readonly [Candidate, Candidate]): Reply {
    const titles = { a: titleOf(a, lang), b: titleOf(b, lang) }
    return {
      status: 'clarify',
      lang,
      source: 'local',
      confidence: a.confidence,
      text: phrases.say('clarify', lang, turn.session.turns, titles),
      suggestions: [titles.a, titles.b],
      session: { pending: { kind: 'choice', between: [a.ref, b.ref] } },
    }
  }

  function notKnown(turn: Turn, lang: Language, name: string, confidence?: number): Reply {
    return {
      status: 'not-known',
      lang,
      source: 'local',
      text: phrases.say(name, lang, turn.session.turns),
      ...(confidence === undefined ? {} : { confidence }),
    }
  }

  function giveUp(turn: Turn, lang: Language): Reply {
    return {
      ...notKnown(turn, lang, 'give-up-slot'),
      status: 'handed-off',
      alert: { kind: 'handoff', detail: heardWords(turn) },
      session: { clearPending: true },
    }
  }

  async function askCloud(
    turn: Turn,
    understanding: Understanding,
    ask: Escalate,
    fallback: Reply,
  ): Promise<Reply> {
    const cloud = await ask(turn, understanding)
    if (!cloud) return fallback
    const { text, speech, lang, confidence, ref, cards } = cloud
    return {
      status: 'answered',
      source: 'cloud',
      ref,
      lang,
      text,
      confidence,
      ...(speech === undefined ? {} : { speech }),
      ...(cards === undefined ? {} : { cards }),
    }
  }

  function reply(turn: Turn, heard: Understanding): Reply | Promise<Reply> {
    const understanding = continuePending(turn, heard, phrases, library)
    const { lang } = understanding
    switch (understanding.kind) {
      case 'intent': {
        const slots = Object.fromEntries(understanding.slots.map((slot) => [slot.name, slot.value]))
        return answerIntent(turn, lang, understanding.best, slots)
      }
      case 'ambiguous':
        return clarify(turn, lang, understanding.between)
      case 'not-known': {
        if (understanding.reason === 'empty') return notKnown(turn, lang, 'empty')
        if (understanding.reason === 'no-knowledge') return notKnown(turn, lang, 'no-knowledge')
        const confidence = understanding.candidates[0]?.confidence
        const fallback = notKnown(turn, lang, 'not-known', confidence)
        const escalate = parts.escalate()
        return escalate ? askCloud(turn, heard, escalate, fallback) : fallback
      }
    }
  }

  return {
    answer(turn, heard) {
      const said = reply(turn, heard)
      if (said instanceof Promise || !said.alert) return said
      return sayWhoKnows(said, turn, phrases, parts.staff()?.hears(turn.device) === true)
    },
  }
}

const emergency = (turn: Turn, { title, intent }: PackIntent): StaffAlert => ({
  kind: 'emergency',
  detail: heardWords(turn),
  about: title.zh ?? title.en ?? intent,
})
