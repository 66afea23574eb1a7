/**
 * What is said: an answer from a pack, a question back, the cloud's word, or an honest "not known".
 */
import { createChoiceReader, type PendingChoice } from '../dialogue/choice.ts'
import { FRESH_TURNS } from '../dialogue/follow-up.ts'
import type { Phrases } from '../dialogue/phrases.ts'
import type { StaffLine } from '../dialogue/staff-line.ts'
import type { Library } from '../knowledge/library.ts'
import type { Language, PackIntent } from '../knowledge/pack-schema.ts'
import type {
  Candidate,
  KnowledgeRef,
  RecentAnswer,
  Reply,
  SlotValue,
  StaffAlert,
  Turn,
  Understanding,
} from '../turn.ts'
import { createAskBack } from './ask-back.ts'
import { command } from './command.ts'
import { faq } from './faq.ts'
import { heardWords, type Skill } from './skill.ts'
import { sayWhoKnows } from './staff-words.ts'

const SKILLS: Readonly<Record<NonNullable<PackIntent['skill']>, Skill>> = {
  faq,
  lookup: faq,
  command,
}

const STAFF_COMMANDS: ReadonlySet<string> = new Set(['call-nurse', 'handoff'])

/** The cloud core's answer to an ask that the box does not know; undefined when it is away or does not know. */
export interface CloudAnswer {
  readonly text: string
  readonly speech?: string
  readonly lang: Language
  readonly confidence: number
  /** What it was answered from: cited like a pack's entry. */
  readonly ref: KnowledgeRef
}
export type Escalate = (
  turn: Turn,
  understanding: Understanding,
) => Promise<CloudAnswer | undefined>

type Entry = NonNullable<ReturnType<Library['entry']>>

export interface Skills {
  answer(turn: Turn, understanding: Understanding): Reply | Promise<Reply>
}

export function createSkills(parts: {
  readonly library: Library
  readonly phrases: Phrases
  /** Asks the cloud core; undefined while there is nobody to ask. */
  readonly escalate: () => Escalate | undefined
  /** How loud a kind of device speaks by itself (0–1). */
  readonly usualVolumeOf: (deviceKind: string) => number
  /** Undefined where nobody can be told. */
  readonly staff: () => StaffLine | undefined
}): Skills {
  const { library, phrases } = parts

  const askBack = createAskBack(phrases, library)
  const readChoice = createChoiceReader(phrases, library)

  function answerIntent(
    turn: Turn,
    lang: Language,
    best: Candidate,
    slots: Readonly<Record<string, SlotValue>>,
    heard: Understanding,
  ): Reply {
    const entry = library.entry(best.ref)
    if (!entry) return notKnown(turn, lang, 'not-known')
    const missing = entry.intent.slots?.find(
      (slot) => slot.required && slots[slot.name] === undefined,
    )
    if (missing) return askBack.slot(turn, lang, best, missing, slots, heard)
    const wanted = languageWanted(entry.intent)
    const said = say(turn, wanted ?? lang, entry, best, slots)
    const reply = wanted ? andLastAnswer(turn, wanted, said) : said
    const { intent } = entry
    const recent = recentAfter(turn, intent, { ref: best.ref, slots })
    const session = { clearPending: true, recent, ...reply.session }
    return intent.alert
      ? { ...reply, session, alert: emergency(turn, intent) }
      : { ...reply, session }
  }

  function say(
    turn: Turn,
    lang: Language,
    { pack, intent }: Entry,
    best: Candidate,
    slots: Readonly<Record<string, SlotValue>>,
  ): Reply {
    const usualVolume = parts.usualVolumeOf(turn.device.kind)
    const skill = SKILLS[intent.skill ?? 'faq']
    return skill({ turn, lang, pack, intent, best, slots, phrases, usualVolume })
  }

  /**
   * Who asks for a language has not understood what was said right before: it is said again in it, where its pack
   * has it. A question of the box stays open.
   */
  function andLastAnswer(turn: Turn, lang: Language, said: Reply): Reply {
    const { pending, recent = [], turns } = turn.session
    const open = { ...said, session: { clearPending: false } }
    const [last, ...before] = recent
    const entry = last && library.entry(last.ref)
    if (pending || last?.turn !== turns || !entry?.intent.answer[lang]) return open
    const again = say(turn, lang, entry, { ref: last.ref, confidence: 1 }, last.slots)
    if (again.status !== 'answered') return open
    const spoken = `${said.speech ?? said.text} ${again.speech ?? again.text}`
    const now = { ...last, turn: turns + 1, atMs: turn.receivedAtMs }
    const session = { ...open.session, recent: [now, ...before] }
    return { ...open, session, text: `${said.text} ${again.text}`, speech: spoken }
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

  /** To a command that is not wanted. A call that was made before stands: only who comes can be told. */
  function notCarriedOut({ ref, confidence }: Candidate, lang: Language): Reply {
    const command = library.entry(ref)?.intent.command ?? 'stop'
    const text = phrases.say(STAFF_COMMANDS.has(command) ? `${command}-denied` : 'stop', lang)
    return { status: 'answered', lang, source: 'local', ref, confidence, text }
  }

  async function askCloud(
    turn: Turn,
    understanding: Understanding,
    ask: Escalate,
    fallback: Reply,
  ): Promise<Reply> {
    const cloud = await ask(turn, understanding)
    if (!cloud) return fallback
    const { text, speech, lang, confidence, ref } = cloud
    return {
      status: 'answered',
      source: 'cloud',
      ref,
      lang,
      text,
      confidence,
      ...(speech === undefined ? {} : { speech }),
    }
  }

  function replyTo(turn: Turn, understanding: Understanding): Reply | Promise<Reply> {
    const { lang } = understanding
    switch (understanding.kind) {
      case 'intent': {
        if (understanding.isDenied) return notCarriedOut(understanding.best, lang)
        const slots = Object.fromEntries(understanding.slots.map((slot) => [slot.name, slot.value]))
        return answerIntent(turn, lang, understanding.best, slots, understanding)
      }
      case 'ambiguous':
        return askBack.which(turn, lang, understanding.between)
      case 'not-known': {
        if (understanding.reason === 'empty') return notKnown(turn, lang, 'empty')
        if (understanding.reason === 'no-knowledge') return notKnown(turn, lang, 'no-knowledge')
        const confidence = understanding.candidates[0]?.confidence
        return elseCloud(turn, understanding, notKnown(turn, lang, 'not-known', confidence))
      }
    }
  }

  function elseCloud(turn: Turn, heard: Understanding, fallback: Reply): Reply | Promise<Reply> {
    const escalate = parts.escalate()
    return escalate ? askCloud(turn, heard, escalate, fallback) : fallback
  }

  function replyToChoice(
    turn: Turn,
    heard: Understanding,
    asked: PendingChoice,
  ): Reply | Promise<Reply> {
    const answer = readChoice(turn, heard, asked)
    switch (answer.kind) {
      case 'one':
        return replyTo(turn, answer.understanding)
      case 'neither':
        return askBack.otherwise(turn, heard.lang, asked)
      case 'unclear': {
        const again = askBack.whichAgain(turn, heard.lang, asked)
        return answer.isSaid ? again : elseCloud(turn, heard, again)
      }
      case 'something-else':
        return replyTo(turn, heard)
    }
  }

  function reply(turn: Turn, heard: Understanding): Reply | Promise<Reply> {
    const { pending } = turn.session
    return pending?.kind === 'choice' ? replyToChoice(turn, heard, pending) : replyTo(turn, heard)
  }

  return {
    answer(turn, heard) {
      const said = reply(turn, heard)
      if (said instanceof Promise || !said.alert) return said
      return sayWhoKnows(said, turn, phrases, parts.staff()?.hears(turn.device) === true)
    },
  }
}

/** Of a command that asks the box to speak another language. */
const languageWanted = ({ command: named }: PackIntent): Language | undefined =>
  named === 'chinese' ? 'zh' : named === 'english' ? 'en' : undefined

/** What later words may refer to. What the voice does is no subject; after an emergency nothing is carried. */
function recentAfter(
  { session, receivedAtMs: atMs }: Turn,
  { skill, alert }: PackIntent,
  answered: Pick<RecentAnswer, 'ref' | 'slots'>,
): readonly RecentAnswer[] {
  if (alert) return []
  const before = session.recent ?? []
  if (skill === 'command') return before
  return [{ ...answered, turn: session.turns + 1, atMs }, ...before].slice(0, FRESH_TURNS)
}

const emergency = (turn: Turn, { title, intent }: PackIntent): StaffAlert => ({
  kind: 'emergency',
  detail: heardWords(turn),
  about: title.zh ?? title.en ?? intent,
})
