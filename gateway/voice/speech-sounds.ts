/**
 * Which speech goes out with sound of the box's own, and where the sound of a speech is found.
 *
 * An answer does not wait for an engine: it carries `audio` when its words were said before, and else the
 * sound is made behind it. A device without a voice of its own asks for it by the id of the speech.
 */
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { AudioRequest, AudioResult, SoundFile, SpeechAudio } from './speech-audio.ts'

export type SaidHow = Pick<AudioRequest, 'text' | 'lang' | 'profile'>
export interface Listeners {
  readonly kind: string
  /** Only these may fetch the sound by the id of the speech. */
  readonly ids: readonly string[]
}

export interface SpeechSounds {
  /** The speech with its sound, where that is there already; else it is made for the next time. */
  attach(speech: Speech, listeners: Listeners, said: SaidHow): Speech
  /** As `attach`, but waits up to `ANNOUNCE_WAIT_MS`: announcements are seconds apart, alarms are not late. */
  attachWhenMade(speech: Speech, listeners: Listeners, said: SaidHow): Promise<Speech>
  /** By the id in `audio.url`, or by the id of a speech that was meant for this device. */
  find(id: string, deviceId: string): Promise<SoundFile | undefined>
  /** Forgets what was said; the files are the folder's matter. */
  forget(): void
}

export interface SpeechSoundsParts {
  readonly audio: Pick<SpeechAudio, 'make' | 'read'>
  /** Device kinds that get sound; `*` is every kind. */
  readonly kinds: readonly string[]
  /** No sound was made. */
  readonly onNone: (result: AudioResult & { kind: 'none' }) => void
}

/** Speeches whose sound a device may still ask for: minutes of a busy box. */
const MAX_REMEMBERED = 2000
/** Texts known to be on disk: a pack's answers in two languages and voices. */
const MAX_KNOWN = 4000
export const ANNOUNCE_WAIT_MS = 500

type Audio = NonNullable<Speech['audio']>

export function createSpeechSounds(parts: SpeechSoundsParts): SpeechSounds {
  const { audio, kinds } = parts
  const known = createBounded<Audio>(MAX_KNOWN)
  const said = createBounded<{
    readonly request: AudioRequest
    readonly devices: ReadonlySet<string>
  }>(MAX_REMEMBERED)
  const byUrl = createBounded<AudioRequest>(MAX_KNOWN)
  const isForEar = (kind: string) => kinds.includes('*') || kinds.includes(kind)

  async function make(request: AudioRequest): Promise<Audio | undefined> {
    const result = await audio.make(request)
    if (result.kind === 'none') {
      if (result.reason !== 'nothing-to-say') parts.onNone(result)
      return undefined
    }
    known.set(keyOf(request), result.audio)
    byUrl.set(idOf(result.audio), request)
    return result.audio
  }

  function remember(speech: Speech, listeners: Listeners, how: SaidHow): AudioRequest {
    const { rate = 1, volume = 1 } = speech.voice ?? {}
    const request = { ...how, rate, volume }
    said.set(speech.id, { request, devices: new Set(listeners.ids) })
    return request
  }

  return {
    attach(speech, listeners, how) {
      if (!isForEar(listeners.kind)) return speech
      const request = remember(speech, listeners, how)
      const there = known.get(keyOf(request))
      if (there !== undefined) return { ...speech, audio: there }
      void make(request)
      return speech
    },
    async attachWhenMade(speech, listeners, how) {
      if (!isForEar(listeners.kind)) return speech
      const made = await within(make(remember(speech, listeners, how)), ANNOUNCE_WAIT_MS)
      return made === undefined ? speech : { ...speech, audio: made }
    },
    async find(id, deviceId) {
      const entry = said.get(id)
      if (entry === undefined) {
        const kept = await audio.read(id)
        const request = kept === undefined ? byUrl.get(id) : undefined
        return request === undefined ? kept : findMade(request)
      }
      return entry.devices.has(deviceId) ? findMade(entry.request) : undefined
    },
    forget() {
      for (const memory of [known, said, byUrl]) memory.clear()
    },
  }

  async function findMade(request: AudioRequest): Promise<SoundFile | undefined> {
    const made = await make(request)
    return made && audio.read(idOf(made))
  }
}

const keyOf = ({ text, lang, profile, rate, volume }: AudioRequest): string =>
  `${lang} ${profile} ${rate} ${volume} ${text}`
const idOf = ({ url }: Audio): string => url.split('/')[3] ?? ''

/** A map of the latest entries. */
function createBounded<T>(max: number) {
  const entries = new Map<string, T>()
  return {
    get: (key: string) => entries.get(key),
    set(key: string, value: T): void {
      entries.delete(key)
      entries.set(key, value)
      if (entries.size > max) entries.delete(entries.keys().next().value ?? key)
    },
    clear: () => entries.clear(),
  }
}

async function within<T>(work: Promise<T>, limitMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
