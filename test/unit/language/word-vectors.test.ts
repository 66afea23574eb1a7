import { describe, expect, it } from 'vitest'
import { WORD_VECTORS_EN } from '../../../gateway/language/data/word-vectors-en.ts'
import { WORD_VECTORS_ZH } from '../../../gateway/language/data/word-vectors-zh.ts'
import { tokenise } from '../../../gateway/language/tokens.ts'
import { LEVELS, MEANING_WIDTH, PIECE, PIECES } from '../../../gateway/language/word-table.ts'
import { knownWordsOf, meaningOf } from '../../../gateway/language/word-vectors.ts'
import { SOURCES } from '../../../gateway/tools/word-vectors/sources.ts'

type Lang = 'zh' | 'en'

const meaning = (text: string, lang: Lang) => {
  const out = new Float32Array(MEANING_WIDTH)
  meaningOf(tokenise(text), lang, out)
  return out
}

const closeness = (a: string, b: string, lang: Lang) => {
  const other = meaning(b, lang)
  return meaning(a, lang).reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0)
}

describe.each([
  ['zh' as const, WORD_VECTORS_ZH],
  ['en' as const, WORD_VECTORS_EN],
])('the shipped table of word vectors, %s', (lang, table) => {
  const words = table.words.split(' ')

  it('holds as many words as declared, each once and fit for it', () => {
    expect(words).toHaveLength(SOURCES[lang].words)
    expect(new Set(words).size).toBe(words.length)
    expect(words.filter((word) => !SOURCES[lang].pattern.test(word))).toEqual([])
  })

  it('holds a vector for each word and the pieces that they are made of', () => {
    expect(atob(table.codebook)).toHaveLength(PIECES * LEVELS * PIECE)
    expect(atob(table.codes)).toHaveLength(words.length * PIECES)
  })
})

describe('what words mean', () => {
  it.each([
    ['发烧', '咳嗽', '飞机'],
    ['电影', '小说', '医生'],
    ['便宜', '实惠', '挂号'],
    ['医生', '护士', '发烧'],
  ])('%s is nearer to %s than to %s', (word, near, far) => {
    expect(closeness(word, near, 'zh')).toBeGreaterThan(closeness(word, far, 'zh') + 0.1)
  })

  it.each([
    ['movie', 'film', 'currency'],
    ['refund', 'rebate', 'weather'],
    ['cancel', 'delete', 'doctor'],
  ])('%s is nearer to %s than to %s', (word, near, far) => {
    expect(closeness(word, near, 'en')).toBeGreaterThan(closeness(word, far, 'en') + 0.1)
  })

  it('a sentence in other words points where its like does', () => {
    const fever = '孩子发烧了'
    expect(closeness(fever, '宝宝咳嗽', 'zh')).toBeGreaterThan(closeness(fever, '飞机票', 'zh'))
  })

  it('a text points one way with length 1, and nowhere when no word of it is known', () => {
    expect(Math.hypot(...meaning('我要挂号', 'zh'))).toBeCloseTo(1, 5)
    expect(Math.hypot(...meaning('qwxz 123', 'en'))).toBe(0)
  })
})

describe('the words of a text', () => {
  it.each([
    ['孩子发烧怎么办', ['孩子', '发烧', '怎么办']],
    ['医生今天上班吗', ['医生', '今天', '上班', '吗']],
    ['我想看电影', ['我想', '看电影']],
  ])('%s is cut into %j', (text, words) => {
    expect(knownWordsOf(tokenise(text), 'zh')).toEqual(words)
  })

  it('cuts no word across a sign, and leaves out what it does not know', () => {
    expect(knownWordsOf(tokenise('电,影'), 'zh')).not.toContain('电影')
    expect(knownWordsOf(tokenise('cancel my qwxz card'), 'en')).toEqual(['cancel', 'my', 'card'])
  })
})
