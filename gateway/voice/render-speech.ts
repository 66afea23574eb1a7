/**
 * Answer → speech: the payload of the contract with its SSML. Pure; no I/O.
 *
 * `ssml` carries rate and volume itself; `voice` says the same for an engine that speaks `text`.
 * A device that speaks `ssml` does not apply `voice.rate` and `voice.volume` a second time.
 */
import type { Priority, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { createLexicon, findReadings } from './lexicon.ts'
import { createSayer } from './sayer.ts'
import { spokenWords } from './spoken.ts'
import { toSsml } from './ssml.ts'
import type { ProfileName, VoiceData } from './voice-data.ts'

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
  readonly voice?: { readonly name?: string; readonly rate?: number; readonly volume?: number }
  readonly bargeIn?: boolean
  readonly chime?: string
  readonly repeat?: Speech['repeat']
  readonly notBeforeMs?: number
  /** Absent: by priority, see profiles.json. */
  readonly expiresAtMs?: number
  readonly display?: string
}

export type RenderSpeech = (request: SpeechRequest) => Speech

/** Rendered answers that are kept: a pack has a few hundred, each about 2 kB. */
const MAX_CACHED_BODIES = 1024
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

interface Body {
  readonly ssml: string
  readonly voice: NonNullable<Speech['voice']>
  readonly lexicon: Speech['lexicon']
}

/** Builds the renderer. It keeps a bounded cache of rendered texts; the result depends on the request alone. */
export function createSpeechRenderer(data: VoiceData): RenderSpeech {
  const say = createSayer(data)
  const readingAt = createLexicon(data.lexicon)
  const { profiles } = data
  const cache = new Map<string, Body>()

  function bodyOf(
    text: string,
    lang: 'zh' | 'en',
    profileName: ProfileName,
    rate: number,
    volume: number,
  ): Body {
    const key = `${lang}${profileName}${rate}/${volume}/${text}`
    const cached = cache.get(key)
    if (cached !== undefined) {
      cache.delete(key)
      cache.set(key, cached)
      return cached
    }
    const profile = profiles[profileName]
    const said = say(text, lang, profileName)
    const volumeDb = 20 * Math.log10(volume / profiles.standard.volume)
    const body: Body = {
      ssml: toSsml(said, { ...profile, lang: TAGS[lang], rate, volumeDb }),
      voice: { rate, volume },
      lexicon: lang === 'zh' ? findReadings(readingAt, text) : undefined,
    }
    if (text.length <= MAX_CACHED_CHARS) {
      if (cache.size >= MAX_CACHED_BODIES) cache.delete(cache.keys().next().value ?? key)
      cache.set(key, body)
    }
    return body
  }

  return (request) => {
    const { reply, nowMs } = request
    const profile = profiles[request.profile]
    const priority = reply.priority ?? 'normal'
    const rate = clamp(profile.rate * (request.voice?.rate ?? 1), MIN_RATE, MAX_RATE)
    const volume = clamp(request.voice?.volume ?? profile.volume, MIN_VOLUME, 1)
    const body = bodyOf(cut(reply.speech ?? reply.text), reply.lang, request.profile, rate, volume)
    const expiresAtMs =
      request.expiresAtMs ??
      (request.notBeforeMs ?? nowMs) + profiles.timeToLiveSeconds[priority] * 1000
    const name = request.voice?.name
    const speech: Speech = {
      id: request.id,
      text: cut(reply.text) || NOTHING,
      ssml: body.ssml,
      lang: TAGS[reply.lang],
      voice: name === undefined ? { ...body.voice } : { ...body.voice, name },
      priority,
      bargeIn: request.bargeIn ?? (priority === 'normal' || priority === 'background'),
      expiresAt: new Date(expiresAtMs).toISOString(),
    }
    if (request.chime !== undefined) speech.chime = request.chime
    if (request.repeat !== undefined) speech.repeat = request.repeat
    if (request.notBeforeMs !== undefined)
      speech.notBefore = new Date(request.notBeforeMs).toISOString()
    if (body.lexicon !== undefined) speech.lexicon = body.lexicon
    if (request.display !== undefined) speech.display = request.display
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
