/**
 * Sound files for speech: made once per content, kept in a folder, served at `/v1/speech/{id}/audio`.
 *
 * The id of the audio is the hash of what is said and how, so that one file serves every device and every
 * time, and an address handed out before a restart is good after it.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { createLexicon } from './lexicon.ts'
import { toSegments } from './pinyin.ts'
import { createEnSpeaker } from './speak-en.ts'
import { createZhSpeaker } from './speak-zh.ts'
import type { EngineState, SpeechEngine } from './speech-engine.ts'
import type { ProfileName, VoiceData } from './voice-data.ts'
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

export interface SpeechAudio {
  state(): Promise<EngineState>
  /** Makes or finds the sound; never rejects: speech goes out without audio when there is none. */
  make(request: AudioRequest): Promise<AudioResult>
  /** For `GET /v1/speech/{id}/audio`. */
  read(id: string): { readonly contentType: string; readonly bytes: Uint8Array } | undefined
  close(): void
}

export interface SpeechAudioParts {
  readonly engine: SpeechEngine
  readonly data: VoiceData
  /** DATA/audio; made when it is not there. */
  readonly folder: string
  readonly maxBytes?: number
}

/** About two hours of speech; a pack's answers are some 60 MB. */
const MAX_FOLDER_BYTES = 256 * 1024 * 1024
/** Processes at once: the box has answers to give meanwhile. */
const MAX_RUNNING = 1
const MAX_WAITING = 32
const ID = /^[0-9a-f]{32}$/
const CONTENT_TYPE = 'audio/wav'

export function createSpeechAudio(parts: SpeechAudioParts): SpeechAudio {
  const { engine, data, folder } = parts
  mkdirSync(folder, { recursive: true })
  const speakers = { zh: createZhSpeaker(data), en: createEnSpeaker(data) }
  const readingAt = createLexicon(data.lexicon)
  const underway = new Map<string, Promise<AudioResult>>()
  const waiting: (() => void)[] = []
  const closing = new AbortController()
  let running = 0
  let known: Promise<EngineState> | undefined
  const state = () => (known ??= engine.state())
  const fileOf = (id: string) => join(folder, `${id}.wav`)

  async function make(request: AudioRequest): Promise<AudioResult> {
    const profile = data.profiles[request.profile]
    const segments = toSegments(
      speakers[request.lang](request.text).pieces,
      request.lang,
      profile,
      readingAt,
    )
    if (segments.length === 0) return { kind: 'none', reason: 'nothing-to-say', detail: '' }
    const { rate, volume } = request
    const id = createHash('sha256')
      .update(JSON.stringify([engine.name, segments, rate, volume]))
      .digest('hex')
      .slice(0, 32)
    const kept = readKept(id)
    if (kept !== undefined) return { kind: 'made', audio: describe(id, kept) }
    const engineState = await state()
    if (engineState.kind === 'missing') {
      return { kind: 'none', reason: 'engine-missing', detail: engineState.detail }
    }
    let work = underway.get(id)
    if (work === undefined) {
      if (waiting.length >= MAX_WAITING) {
        return { kind: 'none', reason: 'busy', detail: `${MAX_WAITING} texts wait for the engine` }
      }
      work = inTurn(async () => {
        const wav = writeWav(await engine.synthesize(segments, { rate, volume }, closing.signal))
        // Renamed when whole: a crash leaves no half a file under a good name.
        await writeFile(`${fileOf(id)}.part`, wav)
        await rename(`${fileOf(id)}.part`, fileOf(id))
        makeRoom()
        return { kind: 'made', audio: describe(id, wav) } as const
      }).finally(() => underway.delete(id))
      underway.set(id, work)
    }
    return work
  }

  async function inTurn(work: () => Promise<AudioResult>): Promise<AudioResult> {
    if (running >= MAX_RUNNING) await new Promise<void>((resolve) => waiting.push(resolve))
    running++
    try {
      return await work()
    } catch (error) {
      return {
        kind: 'none',
        reason: 'failed',
        detail: error instanceof Error ? error.message : String(error),
      }
    } finally {
      running--
      waiting.shift()?.()
    }
  }

  function readKept(id: string): Buffer | undefined {
    try {
      return readFileSync(fileOf(id))
    } catch {
      return undefined
    }
  }

  /** The oldest files go first; what is still needed is made again. */
  function makeRoom(): void {
    const files = readdirSync(folder).map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name))
      return { name, size, mtimeMs }
    })
    let bytes = files.reduce((sum, file) => sum + file.size, 0)
    for (const file of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (bytes <= (parts.maxBytes ?? MAX_FOLDER_BYTES)) return
      unlinkSync(join(folder, file.name))
      bytes -= file.size
    }
  }

  return {
    state,
    make: (request) =>
      make(request).catch((error: unknown) => ({
        kind: 'none',
        reason: 'failed',
        detail: error instanceof Error ? error.message : String(error),
      })),
    read(id) {
      const bytes = ID.test(id) ? readKept(id) : undefined
      return bytes && { contentType: CONTENT_TYPE, bytes }
    },
    close: () => closing.abort(),
  }
}

function describe(id: string, wav: Buffer): NonNullable<Speech['audio']> {
  return {
    url: `/v1/speech/${id}/audio`,
    contentType: CONTENT_TYPE,
    bytes: wav.length,
    durationMs: durationMsOf(readWav(wav)),
    sha256: createHash('sha256').update(wav).digest('hex'),
  }
}
