/**
 * Sound files for speech: made once per content, kept in a folder, served at `/v1/speech/{id}/audio`.
 *
 * The id of the audio is the hash of what is said and how, so that one file serves every device and every
 * time, and an address handed out before a restart is good after it.
 */
import { createHash } from 'node:crypto'
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { createLexicon } from './lexicon.ts'
import { toSegments } from './pinyin.ts'
import { createSayer } from './reading/sayer.ts'
import type { ProfileName, VoiceData } from './reading/voice-data.ts'
import type { SoundFolder } from './sound-folder.ts'
import type { EngineState, Segment, SpeechEngine } from './speech-engine.ts'
import { durationMsOf, readWav, writeWav } from './wav.ts'

export interface AudioRequest {
  /** The words that are said. */
  readonly text: string
  readonly lang: 'zh' | 'en'
  readonly profile: ProfileName
  readonly rate: number
  readonly volume: number
}
export type AudioResult =
  | { readonly kind: 'made'; readonly audio: NonNullable<Speech['audio']> }
  | {
      readonly kind: 'none'
      readonly reason: 'engine-missing' | 'nothing-to-say' | 'busy' | 'failed'
      readonly detail: string
    }

export interface SoundFile {
  readonly contentType: string
  readonly bytes: Uint8Array
}

export interface SpeechAudio {
  state(): Promise<EngineState>
  /** Makes or finds the sound; never rejects: speech goes out without audio when there is none. */
  make(request: AudioRequest): Promise<AudioResult>
  /** For `GET /v1/speech/{id}/audio`. */
  read(id: string): Promise<SoundFile | undefined>
  /** Ends what is being made. */
  close(): void
}

export interface SpeechAudioParts {
  readonly engine: SpeechEngine
  readonly data: VoiceData
  readonly folder: SoundFolder
}

/** Processes at once: the box has answers to give meanwhile. */
const MAX_RUNNING = 1
const MAX_WAITING = 32
const CONTENT_TYPE = 'audio/wav'

export function createSpeechAudio(parts: SpeechAudioParts): SpeechAudio {
  const { engine, data, folder } = parts
  const say = createSayer(data)
  const readingAt = createLexicon(data.lexicon)
  const underway = new Map<string, Promise<AudioResult>>()
  const waiting: (() => void)[] = []
  const closing = new AbortController()
  let running = 0
  let known: Promise<EngineState> | undefined
  const state = () => (known ??= engine.state())

  async function make(request: AudioRequest): Promise<AudioResult> {
    const { text, lang, profile, rate, volume } = request
    const pieces = say(text, lang, profile)
    const segments = toSegments(pieces, lang, data.profiles[profile], readingAt)
    if (segments.length === 0) return { kind: 'none', reason: 'nothing-to-say', detail: '' }
    const id = createHash('sha256')
      .update(JSON.stringify([engine.name, segments, rate, volume]))
      .digest('hex')
      .slice(0, 32)
    const kept = await folder.read(id)
    if (kept !== undefined) return { kind: 'made', audio: describe(id, kept) }
    const engineState = await state()
    if (engineState.kind === 'missing') {
      return { kind: 'none', reason: 'engine-missing', detail: engineState.detail }
    }
    return underway.get(id) ?? start(id, segments, { rate, volume })
  }

  function start(
    id: string,
    segments: readonly Segment[],
    voicing: { rate: number; volume: number },
  ): Promise<AudioResult> {
    if (waiting.length >= MAX_WAITING) {
      const detail = `${MAX_WAITING} texts wait for the engine`
      return Promise.resolve({ kind: 'none', reason: 'busy', detail })
    }
    const work = inTurn(async () => {
      const wav = writeWav(await engine.synthesize(segments, voicing, closing.signal))
      await folder.write(id, wav)
      return { kind: 'made', audio: describe(id, wav) }
    }).finally(() => underway.delete(id))
    underway.set(id, work)
    return work
  }

  async function inTurn(work: () => Promise<AudioResult>): Promise<AudioResult> {
    if (running >= MAX_RUNNING) await new Promise<void>((resolve) => waiting.push(resolve))
    running++
    try {
      return await work()
    } finally {
      running--
      waiting.shift()?.()
    }
  }

  return {
    state,
    make: (request) => make(request).catch(failed),
    async read(id) {
      const bytes = await folder.read(id)
      return bytes && { contentType: CONTENT_TYPE, bytes }
    },
    close: () => closing.abort(),
  }
}

const failed = (error: unknown): AudioResult => ({
  kind: 'none',
  reason: 'failed',
  detail: error instanceof Error ? error.message : String(error),
})

function describe(id: string, wav: Buffer): NonNullable<Speech['audio']> {
  return {
    url: `/v1/speech/${id}/audio`,
    contentType: CONTENT_TYPE,
    bytes: wav.length,
    durationMs: durationMsOf(readWav(wav)),
    sha256: createHash('sha256').update(wav).digest('hex'),
  }
}
