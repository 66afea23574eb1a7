/**
 * espeak-ng as a child process (it is GPL: never linked, never bundled).
 *
 * Chinese goes in as pinyin to the voice `cmn-latn-pinyin`, because version 1.51 reads hanzi with English
 * rules and loses decimal points and zeros of raw figures. One process per language, joined afterwards,
 * because a change of voice inside SSML falls back to the broken voice. Text goes to stdin, never to argv.
 */
import { spawn } from 'node:child_process'
import type { Segment, SpeechEngine, Voicing } from './speech-engine.ts'
import { readWav, silence } from './wav.ts'

const VOICES = { zh: 'cmn-latn-pinyin', en: 'en-us' } as const
/** Words a minute at rate 1: about four and a half Chinese syllables a second. */
const NORMAL_SPEED = { zh: 200, en: 165 } as const
/** Limits of the program. */
const MIN_SPEED = 80
const MAX_SPEED = 450
/** 80 of 200 peaks just under full scale; the default of 100 clips. */
const MAX_AMPLITUDE = 80
/** A minute of speech at 22 kHz and 16 bits, times four. */
const MAX_OUTPUT_BYTES = 10_500_000
/** 16 s of speech take 60 ms here; more than this is a process that hangs. */
const TIMEOUT_MS = 15_000
const MISSING = 'Install it with: apt-get install espeak-ng (devices go on speaking by themselves)'

export function createEspeakEngine(command = 'espeak-ng'): SpeechEngine {
  async function synthesize(segments: readonly Segment[], voicing: Voicing, signal: AbortSignal) {
    const parts: (Buffer | number)[] = []
    let sampleRateHz = 22_050
    for (const segment of segments) {
      if (segment.kind === 'rest') {
        parts.push(segment.ms)
        continue
      }
      const sound = readWav(
        await run(command, argsOf(segment.lang, voicing), segment.words, signal),
      )
      sampleRateHz = sound.sampleRateHz
      parts.push(sound.pcm)
    }
    const pcm = parts.map((part) => (typeof part === 'number' ? silence(part, sampleRateHz) : part))
    return { pcm: Buffer.concat(pcm), sampleRateHz }
  }

  return {
    name: 'espeak-ng',
    async state() {
      try {
        const output = await run(command, ['--version'], '', AbortSignal.timeout(TIMEOUT_MS))
        const version = /text-to-speech: (\S+)/.exec(output.toString('utf8'))?.[1]
        return { kind: 'ready', version: version ?? 'unknown' }
      } catch {
        return { kind: 'missing', detail: MISSING }
      }
    },
    synthesize,
  }
}

function argsOf(lang: 'zh' | 'en', { rate, volume }: Voicing): string[] {
  const speed = Math.round(Math.min(MAX_SPEED, Math.max(MIN_SPEED, NORMAL_SPEED[lang] * rate)))
  const amplitude = Math.round(MAX_AMPLITUDE * Math.min(1, Math.max(0, volume)))
  return ['-v', VOICES[lang], '-s', String(speed), '-a', String(amplitude), '--stdin', '--stdout']
}

function run(
  command: string,
  args: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'ignore'],
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    const chunks: Buffer[] = []
    let bytes = 0
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      chunks.push(chunk)
      if (bytes > MAX_OUTPUT_BYTES) child.kill()
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks))
      else reject(new Error(`${command} ended with ${code ?? 'a signal'}`))
    })
    // A program that ends early closes the pipe; its exit code tells the story.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}
