import { createHash } from 'node:crypto'
import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createEspeakEngine } from '../../../gateway/voice/espeak-engine.ts'
import { createLexicon } from '../../../gateway/voice/lexicon.ts'
import { toPinyin, toSegments } from '../../../gateway/voice/pinyin.ts'
import { createZhSpeaker } from '../../../gateway/voice/reading/speak-zh.ts'
import { loadVoiceData } from '../../../gateway/voice/reading/voice-data.ts'
import { dropSounds, openSoundFolder } from '../../../gateway/voice/sound-folder.ts'
import { type AudioResult, createSpeechAudio } from '../../../gateway/voice/speech-audio.ts'
import type { Segment, SpeechEngine } from '../../../gateway/voice/speech-engine.ts'
import { readWav } from '../../../gateway/voice/wav.ts'
import { hasPeer } from '../../support/peers.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const data = loadVoiceData()
const readingAt = createLexicon(data.lexicon)
const speakZh = createZhSpeaker(data)
const NOW_MS = Date.parse('2026-11-22T08:00:00+08:00')
const open = (folder: string, maxBytes = 1_000_000) =>
  openSoundFolder({ folder, maxBytes, nowMs: () => NOW_MS })
const request = {
  text: '请到3楼做CT。',
  lang: 'zh',
  profile: 'standard',
  rate: 1,
  volume: 0.7,
} as const

function idOf(result: AudioResult | undefined): string {
  if (result?.kind !== 'made') throw new Error(`no audio: ${JSON.stringify(result)}`)
  return result.audio.url.split('/')[3] ?? ''
}

/** An engine that takes a tenth of a second of sound per word. */
function toneEngine() {
  const heard: (readonly Segment[])[] = []
  const engine: SpeechEngine = {
    name: 'tone',
    state: async () => ({ kind: 'ready', version: '1' }),
    synthesize: async (segments) => {
      heard.push(segments)
      const words = segments.flatMap((each) => (each.kind === 'words' ? each.words.split(' ') : []))
      return { pcm: Buffer.alloc(words.length * 1600), sampleRateHz: 8000 }
    },
  }
  return { engine, heard }
}

describe('pinyin for the engine', () => {
  test.each([
    ['重庆的银行可以还款', 'chong2 qing4 de5 yin2 hang2 ke3 yi3 huan2 kuan3'],
    ['一百零二', 'yi4 bai3 ling2 er4'],
    ['调剂，校验。', 'tiao2 ji4, jiao4 yan4.'],
    ['部分行李', 'bu4 fen4 xing2 li3'],
  ])('%s is read %s', (words, reading) => {
    expect(toPinyin(words, readingAt)).toBe(reading)
  })

  test('letters go to the English voice, the rest stays Chinese, in order', () => {
    const segments = toSegments(
      speakZh('做CT，拨打0500-8888-1000').pieces,
      'zh',
      data.profiles.standard,
      readingAt,
    )
    expect(
      segments.map((each) => (each.kind === 'rest' ? each.ms : `${each.lang} ${each.words}`)),
    ).toEqual([
      'zh zuo4',
      'en C T',
      'zh bo1 da3 ling2 wu3 ling2 ling2',
      150,
      'zh ba1 ba1 ba1 ba1',
      150,
      'zh yao1 ling2 ling2 ling2',
    ])
  })

  test('no figure and no markup ever reaches the engine', () => {
    const segments = toSegments(
      speakZh('102元<audio src="x.wav"/>5.6%').pieces,
      'zh',
      data.profiles.standard,
      readingAt,
    )
    for (const each of segments) {
      if (each.kind === 'words')
        expect(each.words.replace(/[a-zü]+[0-5]/g, '')).not.toMatch(/[0-9<>"]/)
    }
  })
})

describe('sound files', () => {
  test('a text is made once, found again after a restart, and described truly', async () => {
    const folder = tempFolder()
    const { engine, heard } = toneEngine()
    const audio = createSpeechAudio({ engine, data, folder: open(folder) })
    const [first, second] = await Promise.all([audio.make(request), audio.make(request)])
    expect(heard).toHaveLength(1)
    expect(second).toEqual(first)
    if (first?.kind !== 'made') throw new Error('no audio')
    const id = idOf(first)
    const again = createSpeechAudio({
      engine: createEspeakEngine('/no/such/engine'),
      data,
      folder: open(folder),
    })
    const found = await again.read(id)
    if (found === undefined) throw new Error('not kept')
    expect(first.audio).toEqual({
      url: `/v1/speech/${id}/audio`,
      contentType: 'audio/wav',
      bytes: found.bytes.length,
      durationMs: 700,
      sha256: createHash('sha256').update(found.bytes).digest('hex'),
    })
  })

  test('another rate is another file, and the least used files make room', async () => {
    const folder = tempFolder()
    const { engine } = toneEngine()
    const audio = createSpeechAudio({ engine, data, folder: open(folder, 25_000) })
    const ids: string[] = []
    for (const rate of [0.5, 0.8]) ids.push(idOf(await audio.make({ ...request, rate })))
    await audio.read(ids[0] ?? '')
    ids.push(idOf(await audio.make({ ...request, rate: 1.2 })))
    expect(readdirSync(folder).sort()).toEqual([`${ids[0]}.wav`, `${ids[2]}.wav`].sort())
    expect(await audio.read(ids[1] ?? '')).toBeUndefined()
  })

  test('a sound older than a month goes, and all go when a person is erased', async () => {
    const folder = tempFolder()
    const { engine } = toneEngine()
    const first = createSpeechAudio({ engine, data, folder: open(folder) })
    const old = idOf(await first.make(request))
    const monthAgo = new Date(NOW_MS - 31 * 86_400_000)
    utimesSync(join(folder, `${old}.wav`), monthAgo, monthAgo)
    const second = createSpeechAudio({ engine, data, folder: open(folder) })
    const fresh = idOf(await second.make({ ...request, text: '谢谢' }))
    expect(readdirSync(folder)).toEqual([`${fresh}.wav`])
    dropSounds(folder)
    expect(readdirSync(folder)).toEqual([])
    expect(await second.read(fresh)).toBeUndefined()
    expect(idOf(await second.make({ ...request, text: '谢谢' }))).toBe(fresh)
  })

  test('an address that is not ours is not a file', async () => {
    const { engine } = toneEngine()
    const audio = createSpeechAudio({ engine, data, folder: open(tempFolder()) })
    for (const id of ['../../etc/passwd', '', 'a'.repeat(32), 'A'.repeat(32)]) {
      expect(await audio.read(id)).toBeUndefined()
    }
  })

  test('without an engine the result says so and what to do', async () => {
    const audio = createSpeechAudio({
      engine: createEspeakEngine('/no/such/engine'),
      data,
      folder: open(tempFolder()),
    })
    expect(await audio.make(request)).toMatchObject({
      kind: 'none',
      reason: 'engine-missing',
      detail: expect.stringContaining('apt-get install espeak-ng'),
    })
  })

  test('nothing to say makes no file', async () => {
    const audio = createSpeechAudio({
      engine: toneEngine().engine,
      data,
      folder: open(tempFolder()),
    })
    expect(await audio.make({ ...request, text: '……' })).toMatchObject({
      kind: 'none',
      reason: 'nothing-to-say',
    })
  })
})

const espeak = createEspeakEngine()
const isInstalled = hasPeer('espeak-ng')

describe.skipIf(!isInstalled)('espeak-ng', () => {
  test('speaks Chinese with English letters, longer when slower, without clipping', async () => {
    const folder = tempFolder()
    const audio = createSpeechAudio({ engine: espeak, data, folder: open(folder) })
    const normal = await audio.make(request)
    const slow = await audio.make({ ...request, rate: 0.6 })
    if (normal.kind !== 'made' || slow.kind !== 'made') throw new Error('no audio')
    expect(normal.audio.durationMs).toBeGreaterThan(1000)
    expect(normal.audio.durationMs).toBeLessThan(5000)
    expect(slow.audio.durationMs).toBeGreaterThan(normal.audio.durationMs * 1.3)
    const loud = await audio.make({ ...request, volume: 1 })
    if (loud.kind !== 'made') throw new Error('no audio')
    const bytes = (await audio.read(idOf(loud)))?.bytes
    const { pcm } = readWav(Buffer.from(bytes ?? []))
    let peak = 0
    for (let at = 0; at < pcm.length; at += 2) peak = Math.max(peak, Math.abs(pcm.readInt16LE(at)))
    expect(peak).toBeGreaterThan(8000)
    expect(peak).toBeLessThan(32_767)
  })
})
