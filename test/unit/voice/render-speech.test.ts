import { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { Value } from '@sinclair/typebox/value'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadVoiceData } from '../../../gateway/voice/reading/voice-data.ts'
import { createSpeechRenderer, type SpeechRequest } from '../../../gateway/voice/render-speech.ts'
import { readSsml } from './xml-check.ts'

const renderSpeech = createSpeechRenderer(loadVoiceData())
const NOW_MS = Date.UTC(2026, 4, 1)
const request = (
  text: string,
  more: Partial<SpeechRequest> = {},
  lang: 'zh' | 'en' = 'zh',
): SpeechRequest => ({
  id: 's1',
  reply: { text, lang },
  profile: 'standard',
  nowMs: NOW_MS,
  ...more,
})

const numberish = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'0123456789',
        '.',
        '-',
        '/',
        ':',
        '%',
        '~',
        '^',
        '×',
        '¥',
        '元',
        '年',
        '月',
        '日',
        '号',
        '室',
        '楼',
        '℃',
        'mg',
        'mmol/L',
        ' ',
        '，',
        '。',
        'A',
        'B1',
        'CT',
        '电话',
        '½',
        '⁹',
        '①',
        'Ⅱ',
        '٣',
        '９',
        '<',
        '&',
        '"',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 25 },
  )
  .map((parts) => parts.join(''))
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme' }),
  numberish,
  fc.uint8Array().map((bytes) => String.fromCharCode(...bytes)),
)

describe('for any text at all', () => {
  test.each(['zh', 'en'] as const)(
    'the %s speech is valid SSML, holds no digit and fits the contract',
    (lang) => {
      fc.assert(
        fc.property(anyText, fc.constantFrom('standard', 'elderly'), (text, profile) => {
          const speech = renderSpeech(request(text, { profile: profile as 'standard' }, lang))
          const { heard, content } = readSsml(speech.ssml)
          expect(heard).not.toMatch(/\p{Nd}/u)
          expect(content).not.toMatch(/\p{Nd}/u)
          expect(Value.Check(Speech, speech)).toBe(true)
        }),
        { numRuns: 4000 },
      )
    },
  )

  test('the longest text is cut at the limit of the contract', () => {
    const speech = renderSpeech(request('😀'.repeat(3000)))
    expect(speech.text.length).toBeLessThanOrEqual(4000)
    expect(speech.text).not.toMatch(/\p{Cs}/u)
    readSsml(renderSpeech(request('1'.repeat(100_000))).ssml)
  })
})

describe('SSML', () => {
  test('markup in an answer is said, never obeyed', () => {
    const { ssml } = renderSpeech(request('请看<audio src="file:///etc/passwd"/>&amp;'))
    const named = new Set(readSsml(ssml).elements)
    expect([...named].sort()).toEqual(['lang', 's', 'speak'])
    expect(ssml).not.toContain('<audio')
  })

  test('letters are marked as characters, words of another language by language', () => {
    const { ssml } = renderSpeech(request('做CT前请关Bluetooth。'))
    expect(ssml).toContain('<say-as interpret-as="characters">CT</say-as>')
    expect(ssml).toContain('<lang xml:lang="en-US">Bluetooth</lang>')
  })

  test('sentences stand in s with a break between', () => {
    const { ssml } = renderSpeech(request('您好。请坐。'))
    expect(ssml).toContain('<s>您好。</s><break time="300ms"/><s>请坐。</s>')
  })

  test('a unit without figures keeps its spelling and gets an alias', () => {
    expect(renderSpeech(request('单位是mmol/L')).ssml).toContain(
      '<sub alias="毫摩尔每升">mmol/L</sub>',
    )
  })

  test('spoken words are taken before written ones', () => {
    const speech = renderSpeech({
      ...request(''),
      reply: { text: '在3楼', speech: '就在三楼', lang: 'zh' },
    })
    expect(speech.text).toBe('在3楼')
    expect(readSsml(speech.ssml).heard).toBe('就在三楼')
  })
})

describe('profiles', () => {
  test('for the elderly it is slower, louder, with longer rests', () => {
    const plain = renderSpeech(request('您好，请坐。谢谢。'))
    const elderly = renderSpeech(request('您好，请坐。谢谢。', { profile: 'elderly' }))
    expect(plain.voice).toEqual({ rate: 1, volume: 0.7 })
    expect(elderly.voice).toEqual({ rate: 0.8, volume: 1 })
    expect(elderly.ssml).toContain('<prosody rate="80%" volume="+3.1dB">')
    expect(elderly.ssml).toContain('，<break time="250ms"/>')
    expect(elderly.ssml).toContain('</s><break time="700ms"/><s>')
    expect(plain.ssml).not.toContain('prosody')
  })

  test('for the elderly a telephone number is said again at the end', () => {
    const { heard } = readSsml(
      renderSpeech(request('电话0500-8888-1006。', { profile: 'elderly' })).ssml,
    )
    expect(heard).toBe('电话零五零零八八八八幺零零六。再说一遍，号码是：零五零零八八八八幺零零六')
  })

  test('for the elderly the number of a house is no telephone number to say again', () => {
    const { heard } = readSsml(
      renderSpeech(request('We are at 100 Shifan Road.', { profile: 'elderly' }, 'en')).ssml,
    )
    expect(heard.trim()).toBe('We are at one hundred Shifan Road.')
  })

  test('what a person asked for goes on top of the profile', () => {
    const slower = renderSpeech(
      request('您好', { profile: 'elderly', voice: { rate: 0.75, volume: 0.35 } }),
    )
    expect(slower.voice).toEqual({ rate: 0.6, volume: 0.35 })
    expect(slower.ssml).toContain('rate="60%" volume="-6.0dB"')
    expect(renderSpeech(request('您好', { voice: { rate: 99 } })).voice?.rate).toBe(3)
  })
})

describe('payload', () => {
  test('readings of words with several are listed once', () => {
    const { lexicon } = renderSpeech(request('重庆银行还款，银行在2楼，部分行李除外'))
    expect(lexicon).toEqual([
      { text: '重庆', pinyin: 'chong2 qing4' },
      { text: '银行', pinyin: 'yin2 hang2' },
      { text: '还款', pinyin: 'huan2 kuan3' },
      { text: '部分', pinyin: 'bu4 fen4' },
      { text: '行李', pinyin: 'xing2 li3' },
    ])
  })

  test('urgent speech may not be talked over and expires by its priority', () => {
    const urgent = renderSpeech({
      ...request(''),
      reply: { text: '请撤离', lang: 'zh', priority: 'critical' },
    })
    expect(urgent).toMatchObject({
      priority: 'critical',
      bargeIn: false,
      expiresAt: '2026-05-01T00:10:00.000Z',
    })
    expect(renderSpeech(request('您好'))).toMatchObject({ priority: 'normal', bargeIn: true })
  })

  test('the same request gives the same speech, from the cache or not', () => {
    const first = renderSpeech(request('电话120，2楼'))
    for (let i = 0; i < 1500; i++) renderSpeech(request(`第${i}号`))
    expect(renderSpeech(request('电话120，2楼'))).toEqual(first)
    expect(renderSpeech(request('电话120，2楼'))).toEqual(first)
  })
})
