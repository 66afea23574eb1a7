/** Answers from the pack's own text; with slots it is a lookup in the pack's lists. */
import { fillAnswer } from '../knowledge/answer-text.ts'
import type { Language, PackIntent } from '../knowledge/pack-schema.ts'
import type { Reply } from '../turn.ts'
import { replyBase, type Skill, type SkillInput } from './skill.ts'

/** Questions offered after an answer; more than a kiosk shows on one line helps nobody. */
const MAX_SUGGESTIONS = 3

export const faq: Skill = (input) => {
  const { intent, lang, phrases, turn } = input
  const answer = intent.answer[lang] ?? intent.answer.zh
  const spokenIn = intent.answer[lang] ? lang : 'zh'
  const ready = readyOf(input, spokenIn)
  const text = answer && fill(input, ready, answer.text, spokenIn)
  if (!answer || text === undefined || !isValidAt(intent, turn.receivedAtMs)) {
    const name = isValidAt(intent, turn.receivedAtMs) ? 'not-known' : 'expired'
    return {
      status: 'not-known',
      lang,
      source: 'local',
      text: phrases.say(name, lang, turn.session.turns),
    }
  }
  const variants = answer.speech ?? []
  const variant = variants[turn.session.turns % Math.max(1, variants.length)]
  const speech = variant === undefined ? undefined : fill(input, ready, variant, spokenIn)
  const reply: { -readonly [key in keyof Reply]: Reply[key] } = {
    ...replyBase(input),
    lang: spokenIn,
    status: 'answered',
    text,
  }
  if (speech !== undefined) reply.speech = speech
  if (ready.suggestions.length > 0) reply.suggestions = ready.suggestions
  if (intent.risk === 'high') reply.priority = 'urgent'
  return reply
}

/** An expired entry is never spoken: dates are whole days of the box's own time zone. */
export function isValidAt(intent: PackIntent, nowMs: number): boolean {
  if (!intent.valid) return true
  const { from, until } = intent.valid
  const now = new Date(nowMs)
  const pad = (value: number) => String(value).padStart(2, '0')
  const today = `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`
  return (from === undefined || today >= from) && (until === undefined || today <= until)
}

/** What is the same for everybody for as long as the entry's pack is installed. */
interface Ready {
  readonly suggestions: readonly string[]
  /** Texts of an entry without slots, filled from the pack's facts. */
  readonly filled: Map<string, string | undefined>
}
const readyEntries = new WeakMap<PackIntent, Partial<Record<Language, Ready>>>()

function readyOf(input: SkillInput, lang: Language): Ready {
  const { intent } = input
  const entry = readyEntries.get(intent) ?? {}
  const ready = entry[lang] ?? { suggestions: suggest(input, lang), filled: new Map() }
  if (!entry[lang]) readyEntries.set(intent, { ...entry, [lang]: ready })
  return ready
}

function fill(input: SkillInput, ready: Ready, text: string, lang: Language): string | undefined {
  if ((input.intent.slots ?? []).length > 0) return fillNow(input, text, lang)
  const known = ready.filled.get(text)
  if (known !== undefined) return known
  const filled = fillNow(input, text, lang)
  ready.filled.set(text, filled)
  return filled
}

function fillNow(input: SkillInput, text: string, lang: Language): string | undefined {
  const entities = Object.fromEntries(
    (input.intent.slots ?? []).map((slot) => [slot.name, slot.entity]),
  )
  return fillAnswer(text, { pack: input.pack, lang, slots: input.slots, entities })
}

/**
 * Titles that lead somewhere: each is the way to ask an entry that answers in this language. Never an emergency: a
 * pack that was installed before such were refused may still name one.
 */
function suggest({ intent, pack }: SkillInput, lang: Language): string[] {
  return (intent.suggestions ?? [])
    .map((name) => pack.intents.find((one) => one.intent === name))
    .map((one) => (one?.answer[lang] && !one.alert ? one.title[lang] : undefined))
    .filter((title) => title !== undefined)
    .slice(0, MAX_SUGGESTIONS)
}
