/**
 * Answer → speech: the payload of the contract with its SSML. Pure; no I/O.
 *
 * `ssml` carries rate and volume itself; `voice` says the same for an engine that speaks `text`.
 * A device that speaks `ssml` does not apply `voice.rate` and `voice.volume` a second time.
 */
import type { Priority, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { createLexicon, findReadings } from './lexicon.ts'
import { createSayer } from './reading/sayer.ts'
import { spokenWords } from './reading/spoken.ts'
import type { ProfileName, VoiceData } from './reading/voice-data.ts'
import { toSentences, toSsml } from './ssml.ts'

export interface SpeechRequest {
  readonly id: string
  readonly reply: {
    readonly text: string
    /** As spoken, where it differs from the text. */
    readonly speech?: string
    readonly lang: 'zh' | 'en'
    readonly priority?: Priority
  }
  readonly profile: ProfileName
  readonly nowMs: number
  /** Asked for in this session; `rate` multiplies the profile's, `volume` (0–1) takes its place. */
  readonly voice?: { readonly rate?: number; readonly volume?: number }
  readonly repeat?: Speech['repeat']
  readonly notBeforeMs?: number
  /** Absent: by priority, see profiles.json. */
  readonly expiresAtMs?: number
}

export type RenderSpeech = (request: SpeechRequest) => Speech

/** Rendered texts that are kept: a pack has a few hundred, each about 2 kB. */
const MAX_CACHED_TEXTS = 1024
/** A longer text is not an answer of a pack and would push many others out. */
const MAX_CACHED_CHARS = 1000
/** Limit of the contract for `text`. */
const MAX_TEXT_CHARS = 4000
/** Limits of the contract for `voice.rate`. */
const MIN_RATE = 0.2
const MAX_RATE = 3
/** Quieter than this is not heard in a ward. */
const MIN_VOLUME = 0.05
/** What is shown and passed over in silence when there is nothing to say: `text` may not be empty. */
const NOTHING = '…'
const TAGS = { zh: 'zh-CN', en: 'en-US' } as const

/** A text as it is said, at any rate and volume. */
interface Said {
  readonly sentences: string
  readonly lexicon: Speech['lexicon']
}

/** Builds the renderer. It keeps a bounded cache of rendered texts; the result depends on the request alone. */
export function createSpeechRenderer(data: VoiceData): RenderSpeech {
  const say = createSayer(data)
  const readingAt = createLexicon(data.lexicon)
  const { profiles } = data
  // By the text itself: a pack's texts are the same strings each time, whose hash is known already.
  const cache = new Map<string, Map<string, Said>>()

  function saidOf(text: string, lang: 'zh' | 'en', profile: ProfileName): Said {
    const way = lang + profile
    const known = cache.get(text)
    const cached = known?.get(way)
    if (cached) return cached
    const said: Said = {
      sentences: toSentences(say(text, lang, profile), profiles[profile]),
      lexicon: lang === 'zh' ? findReadings(readingAt, text) : undefined,
    }
    if (known) known.set(way, said)
    else if (text.length <= MAX_CACHED_CHARS) {
      if (cache.size >= MAX_CACHED_TEXTS) cache.delete(cache.keys().next().value ?? text)
      cache.set(text, new Map([[way, said]]))
    }
    return said
  }

  return (request) => {
    const { reply, nowMs } = request
    const profile = profiles[request.profile]
    const priority = reply.priority ?? 'normal'
    const rate = clamp(profile.rate * (request.voice?.rate ?? 1), MIN_RATE, MAX_RATE)
    const volume = clamp(request.voice?.volume ?? profile.volume, MIN_VOLUME, 1)
    const volumeDb = 20 * Math.log10(volume / profiles.standard.volume)
    const said = saidOf(cut(reply.speech ?? reply.text), reply.lang, request.profile)
    const expiresAtMs =
      request.expiresAtMs ??
      (request.notBeforeMs ?? nowMs) + profiles.timeToLiveSeconds[priority] * 1000
    const speech: Speech = {
      id: request.id,
      text: cut(reply.text) || NOTHING,
      ssml: toSsml(said.sentences, { lang: TAGS[reply.lang], rate, volumeDb }),
      lang: TAGS[reply.lang],
      voice: { rate, volume },
      priority,
      bargeIn: priority === 'normal' || priority === 'background',
      expiresAt: new Date(expiresAtMs).toISOString(),
    }
    if (request.repeat !== undefined) speech.repeat = request.repeat
    if (request.notBeforeMs !== undefined)
      speech.notBefore = new Date(request.notBeforeMs).toISOString()
    if (said.lexicon !== undefined) speech.lexicon = said.lexicon
    return speech
  }
}

/** The words of a text as they are said, without SSML: for engines that take plain text, and for people to check. */
export function createSpokenText(data: VoiceData): (text: string, lang: 'zh' | 'en') => string {
  const say = createSayer(data)
  return (text, lang) => spokenWords(say(text, lang, 'standard'))
}

const clamp = (value: number, low: number, high: number) =>
  Number.isFinite(value) ? Math.round(Math.min(high, Math.max(low, value)) * 100) / 100 : low

/** Cuts at the contract's limit, never inside a surrogate pair. */
function cut(text: string): string {
  if (text.length <= MAX_TEXT_CHARS) return text
  const end = /[\ud800-\udbff]/.test(text.charAt(MAX_TEXT_CHARS - 1))
    ? MAX_TEXT_CHARS - 1
    : MAX_TEXT_CHARS
  return text.slice(0, end)
}
