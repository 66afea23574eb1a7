/** Answers from the pack's own text; with slots it is a lookup in the pack's lists. */
import { fillAnswer } from '../knowledge/answer-text.ts'
import type { PackIntent } from '../knowledge/pack-schema.ts'
import type { Reply } from '../turn.ts'
import { replyBase, type Skill, type SkillInput } from './skill.ts'

/** Questions offered after an answer; more than a kiosk shows on one line helps nobody. */
const MAX_SUGGESTIONS = 3

export const faq: Skill = (input) => {
  const { intent, lang, phrases, turn } = input
  const answer = intent.answer[lang] ?? intent.answer.zh
  const spokenIn = intent.answer[lang] ? lang : 'zh'
  const text = answer && fill(input, answer.text, spokenIn)
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
  const speech = variant === undefined ? undefined : fill(input, variant, spokenIn)
  const suggestions = suggest(input)
  return {
    ...replyBase(input),
    lang: spokenIn,
    status: 'answered',
    text,
    ...(speech === undefined ? {} : { speech }),
    ...(suggestions.length > 0 ? { suggestions } : {}),
    ...(intent.risk === 'high' ? { priority: 'urgent' as const } : {}),
  } satisfies Reply
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

/** Answers without slots are the same for everybody while their pack is installed. */
const filledOnce = new WeakMap<SkillInput['pack'], Map<string, string | undefined>>()

function fill(input: SkillInput, text: string, lang: SkillInput['lang']): string | undefined {
  if ((input.intent.slots ?? []).length > 0) return fillNow(input, text, lang)
  let filled = filledOnce.get(input.pack)
  if (!filled) {
    filled = new Map()
    filledOnce.set(input.pack, filled)
  }
  const key = `${lang}${text}`
  if (!filled.has(key)) filled.set(key, fillNow(input, text, lang))
  return filled.get(key)
}

function fillNow(input: SkillInput, text: string, lang: SkillInput['lang']): string | undefined {
  const entities = Object.fromEntries(
    (input.intent.slots ?? []).map((slot) => [slot.name, slot.entity]),
  )
  return fillAnswer(text, { pack: input.pack, lang, slots: input.slots, entities })
}

function suggest({ intent, pack, lang }: SkillInput): string[] {
  return (intent.suggestions ?? [])
    .map((name) => pack.intents.find((one) => one.intent === name))
    .map((one) => one?.title[lang] ?? one?.title.zh)
    .filter((title) => title !== undefined)
    .slice(0, MAX_SUGGESTIONS)
}
