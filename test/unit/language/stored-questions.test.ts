import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QUESTION_TYPES } from '../../../gateway/language/data/question-words.ts'
import { buildInvertedIndex, searchIndex } from '../../../gateway/language/inverted-index.ts'
import {
  createProfile,
  fillProfile,
  measureRarity,
  type Profile,
} from '../../../gateway/language/profile.ts'
import { oppositeSides, questionTypes } from '../../../gateway/language/question-words.ts'
import { createStoredProfiles, openProfile } from '../../../gateway/language/stored-profiles.ts'
import { commonest, countHash, createTextCounts } from '../../../gateway/language/text-counts.ts'
import { hashText, tokenise } from '../../../gateway/language/tokens.ts'
import { createWordFinder } from '../../../gateway/language/word-finder.ts'

/** Pieces of questions of every kind that a unit can begin, go on and end with. */
const PIECES = [
  ...'挂号怎么走不能多少钱男女上下㐀𠮷é°℃\u3000 \u2028ßカ々〇\u007f_%$+',
  ...['can', "don't", 'wifi', 'WiFi', 'how much', "'", '3', '12', '2026-11-27', '10:30', '1.', '-'],
]
const texts = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 40 })
  .map((pieces) => pieces.join(''))

describe('units of a text', () => {
  const UNIT =
    /(\p{Script=Han})|((?:(?!\p{Script=Han})\p{L})(?:(?!\p{Script=Han})[\p{L}'])*)|(\d+(?:[.:/-]\d+)*)|(\S)/gu

  it.each([
    ['ct室在几楼', ['ct', '室', '在', '几', '楼']],
    ["b超要don't空腹", ['b', '超', '要', "don't", '空', '腹']],
    ['3楼wifi密码', ['3', '楼', 'wifi', '密', '码']],
    ['café在ct㐀室', ['café', '在', 'ct', '㐀', '室']],
  ])('end a word of %s where Chinese begins', (text, units) => {
    expect(tokenise(text).map(({ text: unit }) => unit)).toEqual(units)
  })

  it('are what the one regular expression finds', () => {
    const expected = (text: string) =>
      [...text.matchAll(UNIT)].map(([found, han, word, number]) => ({
        kind: han ? 'han' : word ? 'word' : number ? 'number' : 'sign',
        text: found,
        hash: hashText(number && number.length > 2 ? `#${number.length}` : found),
      }))
    const got = (text: string) =>
      tokenise(text).map(({ kind, text: unit, hash }) => ({ kind, text: unit, hash }))
    fc.assert(
      fc.property(texts, (text) => {
        expect(got(text)).toEqual(expected(text))
      }),
      { numRuns: 500 },
    )
    for (let unit = 1; unit < 0xd800; unit += 3) {
      const text = `a${String.fromCharCode(unit)}1`
      expect(got(text)).toEqual(expected(text))
    }
  })
})

describe('words of a list', () => {
  it('are found the longest first, Latin ones only whole', () => {
    const words = ['怎么', '怎么样', '样', 'how', 'how to', 'to']
    const find = createWordFinder(
      words.map((word, i) => [word, i] as const),
      { wholeLatin: true },
    )
    const found: string[] = []
    find('怎么样how to 怎么 show howto怎', (at, length, value) =>
      found.push(`${at} ${length} ${words[value]}`),
    )
    expect(found).toEqual(['0 3 怎么样', '3 6 how to', '10 2 怎么'])
  })

  it('name the same types of question as a regular expression of them all', () => {
    const bits = new Map(
      Object.values(QUESTION_TYPES).flatMap((words, i) => words.map((word) => [word, 1 << i])),
    )
    const any = [...bits.keys()]
      .sort((a, b) => b.length - a.length)
      .map((word) => (/^[a-z ]+$/.test(word) ? `\\b${word}\\b` : word))
    const TYPE = new RegExp(any.join('|'), 'g')
    const pieces = fc.array(fc.constantFrom(...bits.keys(), ' ', 'x', '的', '1'), { maxLength: 8 })
    fc.assert(
      fc.property(pieces, (words) => {
        const text = words.join('')
        const all = [...text.matchAll(TYPE)].reduce((sum, [word]) => sum | (bits.get(word) ?? 0), 0)
        expect(questionTypes(text)).toBe(all)
      }),
    )
  })

  it('name one side of a pair of opposites, and neither when both are there', () => {
    expect(oppositeSides('男科在左边')).toBe(1 | (1 << 2))
    expect(oppositeSides('男女都可以往右')).toBe(2 << 2)
  })
})

describe('hashes counted by text', () => {
  it('come the commonest first, a text counting once', () => {
    const counts = createTextCounts(2)
    const rows = [[7, 7, 9], [9, 0], [9, 4294967295], [7]]
    rows.forEach((hashes, row) => {
      for (const hash of hashes) countHash(counts, hash, row)
    })
    expect(commonest(counts, 1)).toEqual({
      hashes: Uint32Array.of(9, 7, 0, 4294967295),
      texts: Uint32Array.of(3, 2, 1, 1),
    })
    expect([...commonest(counts, 2, 1).hashes]).toEqual([9])
  })
})

describe('a stored question', () => {
  const plain = ({ length, pairs, pairsFrom, pairsTo, ...rest }: Profile) => ({
    numbers: rest.numbers,
    traits: [rest.types, rest.negated, rest.sides],
    pairs: [...pairs.subarray(pairsFrom, pairsTo)],
    units: [rest.units, rest.syllables, rest.concepts, rest.weights, rest.content].map((list) => [
      ...list.subarray(0, length),
    ]),
  })

  it('has the profile that its text has, in whatever order they are opened', () => {
    const questions = fc.array(fc.record({ text: texts, said: texts }), { maxLength: 30 })
    fc.assert(
      fc.property(questions, (stored) => {
        const rarity = measureRarity(stored.map(({ text }) => text))
        const profiles = createStoredProfiles(stored, rarity)
        const fresh = createProfile()
        for (const document of [...stored.keys()].reverse().concat([...stored.keys()])) {
          const { text = '', said = '' } = stored[document] ?? {}
          fillProfile(fresh, text, said, rarity)
          expect(plain(openProfile(profiles, document))).toEqual(plain(fresh))
        }
      }),
    )
  })

  it('is found by the terms it shares, of equal ones that with the rarest first', () => {
    // Document × term; the last term is in all of them.
    const rows = [[0, 3], [1, 3], [0, 3], [2, 3], [3]]
    const index = buildInvertedIndex({
      starts: Int32Array.of(0, 2, 4, 6, 8, 9),
      columns: Int32Array.from(rows.flat()),
      values: new Float32Array(9).fill(0.5),
      rows: rows.length,
      width: 4,
    })
    const query = {
      columns: Int32Array.of(3, 0, 1),
      values: Float32Array.of(1, 1, 1),
      length: 3,
      known: 1,
    }
    const found = (limit: number, skip?: number) =>
      searchIndex(index, query, limit, skip).map(({ document }) => document)
    expect(found(9)).toEqual([1, 0, 2, 3, 4])
    expect(found(2, 1)).toEqual([0, 2])
    expect(index.scores.every((score) => score === 0)).toBe(true)
  })
})
