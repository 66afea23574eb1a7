/** From a language model to a table of word vectors, and the table to the text of a module. */
import { type Random, seededRandom } from '../../language/random.ts'
import { MEANING_WIDTH, type WordTable } from '../../language/word-table.ts'
import { factorise } from './factorise.ts'
import { join } from './join.ts'
import type { LanguageModel } from './language-model.ts'
import { type Dense, zeros } from './matrix.ts'
import { neighbourMatrix } from './neighbour-matrix.ts'
import { quantise } from './quantise-pieces.ts'

export interface TableShape {
  /** Which words are worth a place. */
  readonly pattern: RegExp
  /** The most frequent are taken. */
  readonly words: number
}

/** Vectors of words by another source: a row a word, of 0 where it does not know the word. */
export type OtherSource = (words: readonly string[]) => Dense

export function makeTable(
  model: LanguageModel,
  shape: TableShape,
  seed: number,
  other?: OtherSource,
): WordTable {
  const random: Random = seededRandom(seed)
  const vectors = factorise(neighbourMatrix(model), MEANING_WIDTH, random)
  const ids = chooseWords(model, shape, vectors)
  const words = ids.map((id) => model.words[id] as string)
  const byNeighbours = rowsOf(vectors, ids)
  const all = other ? join([byNeighbours, other(words)], MEANING_WIDTH) : byNeighbours
  const { codebook, codes } = quantise(all, random)
  return {
    words: words.join(' '),
    codebook: Buffer.from(codebook.buffer).toString('base64'),
    codes: Buffer.from(codes.buffer).toString('base64'),
  }
}

/** Ids by falling frequency; of words that nothing is known about (no vector) none. */
function chooseWords(
  { words, chances }: LanguageModel,
  shape: TableShape,
  vectors: Dense,
): number[] {
  const chance = (id: number) => chances[id] as number
  const isKnown = (id: number) =>
    vectors.values
      .subarray(id * vectors.width, (id + 1) * vectors.width)
      .some((value) => value !== 0)
  const ids = new Map<string, number>()
  words.forEach((word, id) => {
    if (shape.pattern.test(word) && !ids.has(word) && chance(id) > 0 && isKnown(id))
      ids.set(word, id)
  })
  return [...ids.values()].sort((a, b) => chance(b) - chance(a) || a - b).slice(0, shape.words)
}

function rowsOf({ width, values }: Dense, ids: readonly number[]): Dense {
  const out = zeros(ids.length, width)
  ids.forEach((id, row) => {
    out.values.set(values.subarray(id * width, (id + 1) * width), row * width)
  })
  return out
}

/** The module as Biome would format it. */
export function moduleText(name: string, table: WordTable, remarks: readonly string[]): string {
  return `/**
${remarks.map((line) => (line === '' ? ' *' : ` * ${line}`)).join('\n')}
 */
import type { WordTable } from '../word-table.ts'

export const ${name}: WordTable = {
  words:
    '${table.words}',
  codebook:
    '${table.codebook}',
  codes:
    '${table.codes}',
}
`
}
