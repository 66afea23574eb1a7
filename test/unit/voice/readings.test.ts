import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadVoiceData } from '../../../gateway/voice/reading/voice-data.ts'
import { digitsToZh, integerToZh } from '../../../gateway/voice/reading/zh-number.ts'
import { createSpokenText } from '../../../gateway/voice/render-speech.ts'

type Table = Record<string, [string, string][]>
const readTable = (name: string) =>
  JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as Table
const spoken = createSpokenText(loadVoiceData())
const tidy = (text: string) => text.replaceAll('\n', '').replace(/\s+/g, ' ').trim()

for (const lang of ['zh', 'en'] as const) {
  const table = readTable(`./readings-${lang}.json`)
  for (const [group, rows] of Object.entries(table)) {
    describe(`${lang} ${group}`, () => {
      test.each(rows)('%s is said as %s', (written, said) => {
        expect(tidy(spoken(written, lang))).toBe(said)
      })
    })
  }
}

/** Reads 汉字 numerals back: written apart from the generator, as its oracle. */
function zhToInteger(spokenNumber: string): bigint {
  const digit = (char: string) => '零一二三四五六七八九'.indexOf(char === '两' ? '二' : char)
  const place: Record<string, bigint> = { 十: 10n, 百: 100n, 千: 1000n }
  let total = 0n
  let section = 0n
  let pending = 0n
  for (const char of spokenNumber) {
    const value = digit(char)
    const unit = place[char]
    if (value >= 0) pending = BigInt(value)
    else if (unit !== undefined) {
      section += (pending === 0n ? 1n : pending) * unit
      pending = 0n
    } else if (char === '万') {
      section = (section + pending) * 10_000n
      total += section
      section = 0n
      pending = 0n
    } else if (char === '亿') {
      total = (total + section + pending) * 100_000_000n
      section = 0n
      pending = 0n
    } else throw new Error(`not a numeral: ${char}`)
  }
  return total + section + pending
}

describe('numbers', () => {
  test('a whole number read out and written down again is the same number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 9_999_999_999_999_999n }), (value) => {
        expect(zhToInteger(integerToZh(String(value)))).toBe(value)
      }),
      { numRuns: 3000 },
    )
    for (let value = 0n; value < 30_000n; value++) {
      expect(zhToInteger(integerToZh(String(value)))).toBe(value)
    }
  })

  test('no two whole numbers below a million are said alike', () => {
    const seen = new Set<string>()
    for (let value = 0; value < 1_000_000; value += 7) seen.add(integerToZh(String(value)))
    expect(seen.size).toBe(Math.ceil(1_000_000 / 7))
  })

  test('a telephone number keeps every digit in order', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^1[3-9]\d{9}$/), (phone) => {
        expect(spoken(phone, 'zh').replaceAll(' ', '')).toBe(digitsToZh(phone, true))
      }),
    )
  })
})

describe('signs', () => {
  const words = {
    zh: {
      '<': '小于',
      '>': '大于',
      '≤': '小于等于',
      '≥': '大于等于',
      '≠': '不等于',
      '±': '正负',
      '-': '负',
    },
    en: {
      '<': 'below',
      '>': 'above',
      '≤': 'at most',
      '≥': 'at least',
      '≠': 'not equal to',
      '±': 'plus or minus',
      '-': 'minus',
    },
  }
  const before = {
    zh: ['血钾', '体温 ', '结果：', 'WBC ', '如果BP', 'ALT（', ''],
    en: ['potassium ', 'if the temperature is ', 'BP: ', 'ALT (', ''],
  }
  const after = ['', 'mmol/L', ' mg', '%', '℃', '/L', '，', '. ']
  const figure = fc.stringMatching(/^[1-9]\d{0,3}(\.\d{1,2})?$/)

  for (const lang of ['zh', 'en'] as const) {
    test(`a sign before a figure is heard in ${lang}, wherever it stands`, () => {
      const signs = Object.entries(words[lang])
      fc.assert(
        fc.property(
          fc.constantFrom(...before[lang]),
          fc.constantFrom(...signs),
          figure,
          fc.constantFrom(...after),
          (head, [sign, word], number, tail) => {
            // A hyphen right behind letters or hanzi may join; behind a space, a stop or nothing it is a minus.
            fc.pre(sign !== '-' || /[ ：（(]$|^$/.test(head))
            const said = spoken(`${head}${sign}${number}${tail}`, lang)
            expect(said).toMatch(sign === '-' && lang === 'zh' ? /负|零下/ : word)
          },
        ),
        { numRuns: 2000 },
      )
    })
  }
})
