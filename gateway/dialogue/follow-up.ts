/**
 * What is asked in few words about what was answered last: "and its phone?", "and the MRI?".
 *
 * A value is carried only into a slot of the same list that the words leave open and cannot do without, or
 * the same is asked of a value that the words name. Never into or over an emergency, nor what does harm.
 */
import type { Library } from '../knowledge/library.ts'
import type { ListFile } from '../knowledge/pack-schema.ts'
import { clean, normalise } from '../language/normalise.ts'
import type { LanguageEngine } from '../language/port.ts'
import { matchTemplate, parseTemplate, type SlotReader } from '../language/templates.ts'
import type { KnowledgeRef, RecentAnswer, Slot, Turn, Understanding } from '../turn.ts'
import { intentOf, isGrave, isSame } from './pending.ts'
import type { Phrases } from './phrases.ts'

/** Longer ago, or after more turns, people name again what they mean. */
export const FRESH_MS = 3 * 60_000
export const FRESH_TURNS = 3
/** Who says more has a question of his own: characters of Chinese, words of English. */
const MAX_UNITS = { zh: 12, en: 8 } as const
/** As sure as a name said alone: all of the words are read, and what they are about is known. */
const SAME_CONFIDENCE = 0.9
/** A surer emergency is heard also in words that could be all about the answer before. */
const SURE_ALARM = 0.65
/** With the value before them the words have to be as clear as this, since a name alone says much ... */
const WHOLE_CONFIDENCE = 0.85
/** ... and so likely without it: 今天天气怎么样 is about no department, whichever is put before it. */
const LEAST_WITHOUT = 0.05

/**
 * What was heard, with what it leaves to be understood from the last answers; `heard` itself where that is
 * nothing. `language` has heard it, and is asked again where a value belongs to the words.
 */
export type FollowUp = (turn: Turn, heard: Understanding, language: Hearing) => Understanding
type Hearing = Pick<LanguageEngine, 'understand'>

/** A value that was named, and the list that it is of. */
interface Named {
  readonly pack: string
  readonly entity: string
  readonly value: string
}

export function createFollowUp(phrases: Phrases, library: Pick<Library, 'entry'>): FollowUp {
  const all = (name: string) => (['zh', 'en'] as const).flatMap((lang) => phrases.all(name, lang))
  const same = all('follow-same').map((template) => parseTemplate(template, {}))
  const newWords = all('follow-new')
  const pronouns = all('follow-pronoun')

  /** 那核磁呢: what was asked last, of another value of the same list. */
  function askSame(heard: Understanding, { ref }: RecentAnswer, text: string) {
    const { plain } = normalise(text)
    for (const { name, entity } of library.entry(ref)?.intent.slots ?? []) {
      const said = heard.slots.filter((slot) => slot.entity === entity)
      const read: SlotReader = (_, words, at) =>
        said.flatMap((slot) =>
          words.startsWith(slot.text, at) ? [{ end: at + slot.text.length, value: slot }] : [],
        )
      const isAll = same.some((template) => matchTemplate(template, plain, read) !== undefined)
      const [value] = said
      if (isAll && value) {
        return intentOf(heard, { ref, confidence: SAME_CONFIDENCE }, [{ ...value, name }])
      }
    }
    return undefined
  }

  /** 病房在几楼: what is understood and lacks a department, of the one that was just named. */
  function fill(
    heard: Understanding,
    named: readonly Named[],
    last: RecentAnswer | undefined,
  ): Understanding | undefined {
    if (heard.kind !== 'intent') return undefined
    const { best } = heard
    // Who asks the same again without its value means another one.
    if (last && isSame(last.ref, best.ref)) return undefined
    const slot = named.map((one) => slotFor(best.ref, one)).find((one) => one !== undefined)
    if (!slot || heard.slots.some(({ name }) => name === slot.name)) return undefined
    return intentOf(heard, best, [...heard.slots, slot])
  }

  /** 它的病房呢, and 电话多少 where it is not clear: understood anew with the value in its place, or before it. */
  function complete(
    heard: Understanding,
    text: string,
    named: readonly Named[],
    language: Hearing,
  ): Understanding | undefined {
    const pronoun = pronouns.find((word) => text.includes(word))
    if (pronoun === undefined && heard.kind === 'intent') return undefined
    for (const one of named) {
      const whole =
        pronoun === undefined
          ? phrases.say('follow-whole', heard.lang, 0, { value: one.value, text: heard.normal })
          : text.replace(pronoun, one.value)
      const meant = language.understand([{ text: whole, confidence: 1 }], {
        packs: [one.pack],
        lang: heard.lang,
      })
      if (meant.kind !== 'intent') continue
      const slot = slotFor(meant.best.ref, one)
      const isOfIt = meant.slots.some(
        ({ name, value }) => name === slot?.name && value === one.value,
      )
      const isClear = pronoun !== undefined || isLikely(heard, meant.best)
      if (slot && isOfIt && isClear) return intentOf(heard, meant.best, [...heard.slots, slot])
    }
    return undefined
  }

  /** The slot of an intent that takes the value, where it cannot do without and nobody comes to harm. */
  function slotFor(ref: KnowledgeRef, { pack, entity, value }: Named): Slot | undefined {
    const intent = library.entry(ref)?.intent
    if (!intent || ref.pack !== pack || intent.alert || intent.risk === 'high') return undefined
    const slot = intent.slots?.find((one) => one.required && one.entity === entity)
    return slot && { name: slot.name, entity, value, text: value }
  }

  /** Values of the last answers, the newest first; not of lists that the words name a value of themselves. */
  function namedIn(recent: readonly RecentAnswer[], { normal }: Understanding): Named[] {
    return recent.flatMap(({ ref, slots }) => {
      const { intent, pack } = library.entry(ref) ?? {}
      return (intent?.slots ?? []).flatMap(({ name, entity }): Named[] => {
        const value = slots[name]
        const list = pack?.lists.get(entity)
        const isOpen = list !== undefined && !names(list, normal)
        return typeof value === 'string' && isOpen ? [{ pack: ref.pack, entity, value }] : []
      })
    })
  }

  function carry(
    heard: Understanding,
    recent: readonly RecentAnswer[],
    text: string,
    language: Hearing,
  ): Understanding | undefined {
    if (isLong(heard) || isGrave(heard, [], library)) return undefined
    if (newWords.some((word) => heard.normal.includes(word))) return undefined
    const named = namedIn(recent, heard)
    return complete(heard, text, named, language) ?? fill(heard, named, recent[0])
  }

  const isSureAlarm = ({ candidates: [best] }: Understanding): boolean =>
    best !== undefined &&
    best.confidence >= SURE_ALARM &&
    library.entry(best.ref)?.intent.alert !== undefined

  return (turn, heard, language) => {
    const { session, hypotheses, receivedAtMs } = turn
    if (session.pending || isSureAlarm(heard)) return heard
    const recent = (session.recent ?? []).filter(
      ({ atMs, turn: number }) =>
        receivedAtMs - atMs <= FRESH_MS && session.turns - number < FRESH_TURNS,
    )
    const [last] = recent
    if (!last) return heard
    const text = hypotheses[0]?.text ?? ''
    const isRule = heard.kind === 'intent' && heard.method === 'template'
    return (
      (isRule ? undefined : askSame(heard, last, text)) ??
      carry(heard, recent, text, language) ??
      heard
    )
  }
}

/** Whether the words say so themselves, as far as they go, and clearly with the value. */
const isLikely = (
  { candidates }: Understanding,
  { ref, confidence }: Understanding['candidates'][number],
): boolean =>
  confidence >= WHOLE_CONFIDENCE &&
  candidates.some((one) => isSame(one.ref, ref) && one.confidence >= LEAST_WITHOUT)

const isLong = ({ lang, normal }: Understanding): boolean =>
  (lang === 'zh' ? normal.length : normal.split(' ').length) > MAX_UNITS[lang]

const names = (list: ListFile, normal: string): boolean =>
  wordsOf(list).some((word) => normal.includes(word))

/** Kept as long as their list: cleaning them took a fifth of what an answer costs. */
const listWords = new WeakMap<ListFile, readonly string[]>()

function wordsOf(list: ListFile): readonly string[] {
  let words = listWords.get(list)
  if (!words) {
    words = list.values.flatMap(({ value, synonyms = [], en = [] }) =>
      [value, ...synonyms, ...en].map(clean),
    )
    listWords.set(list, words)
  }
  return words
}
