import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../gateway/language/random.ts'
import {
  LEVELS,
  MEANING_WIDTH,
  PIECE,
  PIECES,
  type WordTable,
} from '../../../gateway/language/word-table.ts'
import { randomNormals, unitRows } from '../../../gateway/tools/word-vectors/factorise.ts'
import {
  type LanguageModel,
  neighbours,
  twoApart,
} from '../../../gateway/tools/word-vectors/language-model.ts'
import { makeTable, moduleText } from '../../../gateway/tools/word-vectors/make-table.ts'
import { type Dense, eigen, gram, timesDense } from '../../../gateway/tools/word-vectors/matrix.ts'
import { quantise } from '../../../gateway/tools/word-vectors/quantise-pieces.ts'
import { readGlove } from '../../../gateway/tools/word-vectors/read-glove.ts'
import { fileFolder } from '../../support/temp-folder.ts'

/** People who do things to somebody, and fruit that does things by itself. */
const SENTENCES = [
  ...['doctor', 'nurse'].flatMap((who) =>
    ['heals', 'treats'].map((does) => `the ${who} ${does} somebody ;`),
  ),
  ...['apple', 'pear'].flatMap((what) =>
    ['ripens', 'falls'].map((does) => `a ${what} ${does} slowly .`),
  ),
].join(' ')

const SHAPE = { pattern: /^[a-z]+$/, words: 50 }

/** Counts what stands after one word and after two. */
function modelOf(sentences: string): LanguageModel {
  const text = sentences.trim().split(/\s+/)
  const words = [...new Set(text)]
  const ids = text.map((word) => words.indexOf(word))
  const count = (length: number) => {
    const counts = new Map<string, number>()
    for (let i = 0; i + length <= ids.length; i++) {
      const key = ids.slice(i, i + length).join(' ')
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    return counts
  }
  const [ones, twos, threes] = [count(1), count(2), count(3)]
  const column = (counts: Map<string, number>, at: number) =>
    Int32Array.from(counts.keys(), (key) => Number(key.split(' ')[at]))
  const chance = (counts: Map<string, number>, before: Map<string, number>) =>
    Float64Array.from(
      counts,
      ([key, value]) => value / (before.get(key.replace(/ \d+$/, '')) ?? Number.NaN),
    )
  return {
    words,
    chances: Float64Array.from(words, (_, id) => (ones.get(`${id}`) ?? 0) / ids.length),
    bigrams: { first: column(twos, 0), second: column(twos, 1), chance: chance(twos, ones) },
    trigrams: {
      first: column(threes, 0),
      second: column(threes, 1),
      third: column(threes, 2),
      chance: chance(threes, twos),
    },
  }
}

const decoded = (codebook: Int8Array, codes: Uint8Array, row: number) =>
  Array.from({ length: MEANING_WIDTH }, (_, k) => {
    const piece = Math.floor(k / PIECE)
    const level = codes[row * PIECES + piece] ?? 0
    return codebook[(piece * LEVELS + level) * PIECE + (k % PIECE)] ?? 0
  })

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  const dot = Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)
  return dot / Math.hypot(...Array.from(a)) / Math.hypot(...Array.from(b))
}

const closenessIn = (table: WordTable, a: string, b: string) => {
  const words = table.words.split(' ')
  const codebook = new Int8Array(Buffer.from(table.codebook, 'base64'))
  const codes = new Uint8Array(Buffer.from(table.codes, 'base64'))
  const [one, other] = [a, b].map((word) => decoded(codebook, codes, words.indexOf(word)))
  return cosine(one ?? [], other ?? [])
}

describe('a table made from a small language model', () => {
  const model = modelOf(SENTENCES)
  const table = makeTable(model, SHAPE, 1)
  const words = table.words.split(' ')
  const closeness = (a: string, b: string) => closenessIn(table, a, b)

  it.each([
    ['doctor', 'nurse', 'apple'],
    ['apple', 'pear', 'nurse'],
    ['heals', 'treats', 'ripens'],
    ['ripens', 'falls', 'treats'],
  ])('%s stands where %s stands, and apart from %s', (word, near, far) => {
    expect(closeness(word, near)).toBeGreaterThan(0.7)
    expect(closeness(word, far)).toBeLessThan(0.4)
  })

  it('has the words that were asked for, by falling frequency', () => {
    expect(words.slice(0, 4).sort()).toEqual(['a', 'slowly', 'somebody', 'the'])
    expect(words).not.toContain(';')
    const two = makeTable(model, { ...SHAPE, words: 2 }, 1).words.split(' ')
    expect(two).toEqual(words.slice(0, 2))
  })

  it('is the same when made again with the same seed', () => {
    expect(makeTable(model, SHAPE, 1)).toEqual(table)
    expect(makeTable(model, SHAPE, 2).codes).not.toBe(table.codes)
  })

  it('is written as a module with its source at the head', () => {
    const text = moduleText('WORDS', table, ['From here.', '', 'Free.'])
    expect(text).toMatch(/^\/\*\*\n \* From here\.\n \*\n \* Free\.\n \*\/\nimport type/)
    expect(text).toContain(`'${table.words}',`)
  })
})

describe('a table joined with vectors of another source', () => {
  const model = modelOf(SENTENCES)
  const all = (words: readonly string[], of: (word: string) => number[]): Dense => ({
    rows: words.length,
    width: 3,
    values: Float64Array.from(words.flatMap(of)),
  })

  it('has words near each other that only the other source holds for alike', () => {
    const alike = new Set(['nurse', 'pear'])
    const other = (words: readonly string[]) =>
      all(words, (word) => (alike.has(word) ? [0, 0, 1] : [1, 0, 0]))
    const [alone, joined] = [makeTable(model, SHAPE, 1), makeTable(model, SHAPE, 1, other)]
    expect(joined.words).toBe(alone.words)
    expect(closenessIn(joined, 'nurse', 'pear')).toBeGreaterThan(
      closenessIn(alone, 'nurse', 'pear') + 0.3,
    )
  })

  it('keeps what the neighbours tell where the other source knows nothing', () => {
    const joined = makeTable(model, SHAPE, 1, (words) => all(words, () => [0, 0, 0]))
    expect(closenessIn(joined, 'doctor', 'nurse')).toBeGreaterThan(0.7)
    expect(closenessIn(joined, 'doctor', 'apple')).toBeLessThan(0.4)
  })
})

describe('vectors of GloVe', () => {
  const folder = fileFolder()
  const fileOf = (content: unknown) => {
    const path = join(folder, 'glove.json')
    writeFileSync(path, JSON.stringify(content))
    return path
  }

  it('are of length 1 about their middle, without what the package adds', async () => {
    const vectors = { film: [3, 0, 9, 1], movie: [4, 0, 9, 2], rain: [0, 2, 9, 3] }
    const read = await readGlove(fileOf({ dimensions: 2, vectors }))
    const { rows, width, values } = read(['film', 'rain', 'movie'])
    expect([rows, width]).toEqual([3, 2])
    const [film, rain, movie] = [values.slice(0, 2), values.slice(2, 4), values.slice(4)]
    expect(cosine(film, movie)).toBeCloseTo(1)
    expect(cosine(film, rain)).toBeCloseTo(-1)
    expect(Math.hypot(...film)).toBeCloseTo(1)
  })

  it('another file is refused by name', async () => {
    await expect(readGlove(fileOf({ words: [] }))).rejects.toThrow(/glove\.json: no vectors/)
  })
})

describe('what a model says of words near each other', () => {
  const model = modelOf('a b c a d c')
  const near = neighbours(model)
  const far = twoApart(model, near)
  const weightOf = (pairs: typeof near, first: string, second: string) =>
    pairs.weight.find(
      (_, i) =>
        model.words[pairs.first[i] ?? -1] === first &&
        model.words[pairs.second[i] ?? -1] === second,
    )

  it('side by side: the chance of one times that of the other after it', () => {
    expect(weightOf(near, 'a', 'b')).toBeCloseTo(1 / 6)
    expect(weightOf(near, 'b', 'a')).toBeUndefined()
  })

  it('two apart: summed over all that stands between', () => {
    expect(weightOf(far, 'a', 'c')).toBeCloseTo(2 / 6)
    expect(weightOf(far, 'b', 'a')).toBeCloseTo(1 / 6)
  })
})

describe('the algebra', () => {
  it('finds the eigenvectors of a symmetric matrix, the largest first', () => {
    const symmetric = gram(randomNormals(30, 8, seededRandom(3)))
    const { values, vectors } = eigen(symmetric)
    expect([...values]).toEqual([...values].sort((a, b) => b - a))
    const turned = timesDense(symmetric, vectors).values
    turned.forEach((value, i) => {
      expect(value).toBeCloseTo((vectors.values[i] ?? 0) * (values[i % 8] ?? 0), 8)
    })
  })

  it('quantisation keeps directions', () => {
    const vectors = unitRows(randomNormals(600, MEANING_WIDTH, seededRandom(1)))
    const { codebook, codes } = quantise(vectors, seededRandom(2))
    const kept = Array.from({ length: vectors.rows }, (_, row) => decoded(codebook, codes, row))
    const rowOf = ({ values, width }: Dense, row: number) =>
      values.subarray(row * width, (row + 1) * width)
    const errors = kept.map((vector, row) => {
      const other = (row * 7 + 1) % vectors.rows
      return Math.abs(
        cosine(vector, kept[other] ?? []) - cosine(rowOf(vectors, row), rowOf(vectors, other)),
      )
    })
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.04)
    expect(Math.max(...errors)).toBeLessThan(0.2)
  })
})
