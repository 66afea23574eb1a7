import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { readOpenGram } from '../../../gateway/tools/word-vectors/read-open-gram.ts'
import { readSphinxModel } from '../../../gateway/tools/word-vectors/read-sphinx-model.ts'
import { tempFolder } from '../../support/temp-folder.ts'

describe('the model of open-gram', () => {
  let folder: string
  beforeEach(() => {
    folder = tempFolder()
  })

  const write = (name: string, content: string | Buffer) => {
    const file = join(folder, name)
    writeFileSync(file, content)
    return file
  }

  /** The counts, a node that nobody reads, and the words. */
  const dictionary = (words: string[]) => {
    const head = Buffer.alloc(20)
    head.writeUInt32LE(words.length, 0)
    head.writeUInt32LE(1, 4)
    head.writeUInt32LE(head.length, 8)
    const codes = words.flatMap((word) => [...word, '\0'].map((char) => char.codePointAt(0) ?? 0))
    return Buffer.concat([head, Buffer.from(Uint32Array.from(codes).buffer)])
  }

  const TEXT = `\\0-gram\\1
  0.000005000001   0.000000119583 (0,0)
\\1-gram\\3
        1   0.250000000000   1.484544157982 (0,0)
        2   0.500000000000   1.010829567909 (0,0)
        3   0.125000000000   1.010829567909 (0,0)
\\2-gram\\2
        1         2   0.400000000000   1.000000000000 (1,1)
        2         3   0.300000000000   1.000000000000 (1,1)
\\3-gram\\1
        1         2         3   0.900000000000 (1,0)
`

  it('is read from the text of its n-grams and the words of the dictionary', async () => {
    const words = dictionary(['', '孩子', '发烧', '𠮷'])
    const model = await readOpenGram(write('lm.txt', TEXT), write('dict.bin', words))
    expect(model.words).toEqual(['', '孩子', '发烧', '𠮷'])
    expect([...model.chances]).toEqual([0, 0.25, 0.5, 0.125])
    expect(plain(model.bigrams)).toEqual({ first: [1, 2], second: [2, 3], chance: [0.4, 0.3] })
    expect(plain(model.trigrams)).toEqual({ first: [1], second: [2], third: [3], chance: [0.9] })
  })

  it('is refused when it is not what tslminfo prints', async () => {
    const file = write('lm.txt', 'hello\n')
    await expect(readOpenGram(file, write('dict.bin', dictionary([''])))).rejects.toThrow(
      'tslminfo',
    )
  })
})

describe('the model of Sphinx', () => {
  const TABLE = 65_536
  /** Level 1 of each table of chances. */
  const PAIR_CHANCE = 0.5
  const TRIPLE_CHANCE = 0.25
  const u32 = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer)
  const f32 = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer)
  const log = (chance: number) => Math.log(chance) / Math.log(1.0001)
  const table = (chance: number) => f32(0, log(chance), ...Array(TABLE - 2).fill(0))

  /** Entries of [value, bits] fields, the lowest bit first. */
  function stream(count: number, entries: [value: number, bits: number][][]): Buffer {
    const bits = entries.flatMap((entry) =>
      entry.flatMap(([value, width]) => Array.from({ length: width }, (_, i) => (value >> i) & 1)),
    )
    const width = (entries[0] ?? []).reduce((sum, [, field]) => sum + field, 0)
    const out = Buffer.alloc(Math.ceil(((count + 1) * width) / 8) + 8)
    bits.forEach((bit, i) => {
      const at = Math.floor(i / 8)
      out[at] = (out[at] ?? 0) | (bit << (i % 8))
    })
    return out
  }

  /** Three words; "my card" and "lost card"; "my lost card". A trie knows them by the last word. */
  const model = (order = 3) => {
    const unigram = (chance: number, next: number) =>
      Buffer.concat([f32(log(chance), 0), u32(next)])
    const pair = (word: number, next: number): [number, number][] => [
      [word, 2],
      [7, 16],
      [1, 16],
      [next, 1],
    ]
    const words = Buffer.from('card\0my\0lost\0')
    return Buffer.concat([
      Buffer.from('Trie Language Model'),
      Buffer.from([order]),
      u32(3, 3, 1),
      u32(1),
      ...[table(PAIR_CHANCE), table(1), table(TRIPLE_CHANCE)],
      ...[unigram(0.125, 0), unigram(0.5, 2), unigram(0.25, 2), unigram(1, 3)],
      // card: after my, after lost (which has the triple); lost: after my.
      stream(3, [pair(1, 0), pair(2, 0), pair(1, 1), pair(0, 1)]),
      stream(1, [
        [
          [1, 2],
          [1, 16],
        ],
      ]),
      u32(words.length),
      words,
    ])
  }

  it('is read from its own binary file', () => {
    const { words, chances, bigrams, trigrams } = readSphinxModel(model())
    expect(words).toEqual(['card', 'my', 'lost'])
    const expected = [0.125, 0.5, 0.25]
    chances.forEach((chance, i) => {
      expect(chance).toBeCloseTo(expected[i] ?? 0, 4)
    })
    const { chance, ...pairs } = plain(bigrams)
    expect(pairs).toEqual({ first: [1, 2, 1], second: [0, 0, 2] })
    for (const value of chance ?? []) expect(value).toBeCloseTo(PAIR_CHANCE, 4)
    const { chance: tripleChance, ...triples } = plain(trigrams)
    expect(triples).toEqual({ first: [1], second: [2], third: [0] })
    expect(tripleChance?.[0]).toBeCloseTo(TRIPLE_CHANCE, 4)
  })

  it('is refused when it is another file or another order', () => {
    expect(() => readSphinxModel(Buffer.from('\\data\\\nngram 1=3'))).toThrow('not a Sphinx trie')
    expect(() => readSphinxModel(model(4))).toThrow('order 4')
  })
})

const plain = (columns: Record<string, ArrayLike<number>>): Record<string, number[]> =>
  Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, Array.from(values)]))
