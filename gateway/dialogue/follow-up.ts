/**
 * What is asked in few words about what was answered last: "and its phone?", "and the MRI?", "no, I asked for the phone".
 *
 * A value is carried only into a slot of the same list that the words leave open and cannot do without, or
 * the same is asked of a value that the words name. Never into or over an emergency, nor what does harm.
 */
import type { Library } from '../knowledge/library.ts'
import type { ListFile } from '../knowledge/pack-schema.ts'
import { clean, normalise } from '../language/normalise.ts'
import type { LanguageEngine } from '../language/port.ts'
import { matchTemplate, type SlotReader } from '../language/templates.ts'
import type { KnowledgeRef, RecentAnswer, Slot, Turn, Understanding } from '../turn.ts'
import { intentOf, isGrave, isSame } from './pending.ts'
import type { Phrases } from './phrases.ts'
import { templatesOf } from './said-as.ts'

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
  readonly english: string
}

/** What is said of the answers before. `isCorrected`: its speaker says that this was asked, not what was answered. */
interface Said {
  readonly text: string
  readonly heard: Understanding
  readonly isCorrected: boolean
}

export function createFollowUp(phrases: Phrases, library: Pick<Library, 'entry'>): FollowUp {
  const all = (name: string) => (['zh', 'en'] as const).flatMap((lang) => phrases.all(name, lang))
  const same = templatesOf(phrases, 'follow-same')
  const sameCorrected = [...same, ...templatesOf(phrases, 'follow-meant-same')]
  const meantWords = templatesOf(phrases, 'follow-meant')
  const newWords = all('follow-new')
  const pronouns = all('follow-pronoun').map((word) =>
    /[a-z]/.test(word) ? new RegExp(`\\b${word}\\b`, 'iu') : new RegExp(word, 'u'),
  )

  /** What somebody says that he asked (我问的是电话); undefined where he does not say so, or is in danger. */
  function correction(
    { hypotheses, lang }: Turn,
    heard: Understanding,
    language: Hearing,
  ): Said | undefined {
    if (isGrave(heard, [], library)) return undefined
    const { plain } = normalise(hypotheses[0]?.text ?? '')
    const matched = meantWords.map((one) => matchTemplate(one, plain, toTheEnd))
    const text = matched.find((one) => one !== undefined)?.slots.meant
    if (typeof text !== 'string') return undefined
    const understood = language.understand([{ text, confidence: 1 }], lang ? { lang } : {})
    return { text, heard: understood, isCorrected: true }
  }

  /** 那核磁呢: what was asked last, of another value of the same list. */
  function askSame({ heard, text, isCorrected }: Said, { ref }: RecentAnswer) {
    const { plain } = normalise(text)
    const templates = isCorrected ? sameCorrected : same
    for (const { name, entity } of library.entry(ref)?.intent.slots ?? []) {
      const said = heard.slots.filter((slot) => slot.entity === entity)
      const read: SlotReader = (_, words, at) =>
        said.flatMap((slot) =>
          words.startsWith(slot.text, at) ? [{ end: at + slot.text.length, value: slot }] : [],
        )
      const isAll = templates.some((template) => matchTemplate(template, plain, read) !== undefined)
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
    if (last && isSame(last.ref, best.ref)) return undefined
    const slot = named.map((one) => slotFor(best.ref, one)).find((one) => one !== undefined)
    if (!slot || heard.slots.some(({ name }) => name === slot.name)) return undefined
    return intentOf(heard, best, [...heard.slots, slot])
  }

  /**
   * 它的病房呢, 电话多少 where it is not clear, and 在几楼 where it would be asked of what: understood anew with the
   * value in its place, or before it.
   */
  function complete(
    { heard, text, isCorrected }: Said,
    named: readonly Named[],
    last: RecentAnswer | undefined,
    language: Hearing,
  ): Understanding | undefined {
    const pronoun = pronouns.find((word) => word.test(text))
    const isOpen = isCorrected || heard.kind !== 'intent' || lacksValue(heard, last)
    if (pronoun === undefined && !isOpen) return undefined
    for (const one of named) {
      const value = heard.lang === 'en' ? one.english : one.value
      const whole =
        pronoun === undefined
          ? phrases.say('follow-whole', heard.lang, 0, { value, text: heard.normal })
          : text.replace(pronoun, value)
      const meant = language.understand([{ text: whole, confidence: 1 }], {
        packs: [one.pack],
        lang: heard.lang,
      })
      if (meant.kind !== 'intent') continue
      const slot = slotFor(meant.best.ref, one)
      const isOfIt = meant.slots.some(
        ({ name, value }) => name === slot?.name && value === one.value,
      )
      const isClear = pronoun !== undefined || isRule(meant) || isLikely(heard, meant.best)
      if (slot && isOfIt && isClear) return intentOf(heard, meant.best, [...heard.slots, slot])
    }
    return undefined
  }

  /** Whether what was heard would be asked of what. Who asks the same again without its value means another one. */
  const lacksValue = (
    { best, slots }: Extract<Understanding, { kind: 'intent' }>,
    last: RecentAnswer | undefined,
  ): boolean =>
    !(last && isSame(last.ref, best.ref)) &&
    library
      .entry(best.ref)
      ?.intent.slots?.some(
        ({ name, required }) => required && !slots.some((slot) => slot.name === name),
      ) === true

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
        if (typeof value !== 'string' || list === undefined || names(list, normal)) return []
        const english = list.values.find((one) => one.value === value)?.en?.[0] ?? value
        return [{ pack: ref.pack, entity, value, english }]
      })
    })
  }

  function carry(
    said: Said,
    recent: readonly RecentAnswer[],
    language: Hearing,
  ): Understanding | undefined {
    const { heard } = said
    if (isLong(heard) || isGrave(heard, [], library)) return undefined
    if (newWords.some((word) => heard.normal.includes(word))) return undefined
    const named = namedIn(recent, heard)
    // Who would be asked of what has said it before: 在几楼 after a department's phone is not of any place.
    return fill(heard, named, recent[0]) ?? complete(said, named, recent[0], language)
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
    const corrected = correction(turn, heard, language)
    const said = corrected ?? { text, heard, isCorrected: false }
    if (isSureAlarm(said.heard)) return said.heard
    const again = isRule(heard) ? undefined : askSame(said, last)
    return again ?? carry(said, recent, language) ?? said.heard
  }
}

/** Everything that is left. */
const toTheEnd: SlotReader = (_, words, at) =>
  at < words.length ? [{ end: words.length, value: words.slice(at) }] : []

/** Whether a pack has a rule for the words. */
const isRule = (heard: Understanding): boolean =>
  heard.kind === 'intent' && heard.method === 'template'

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
