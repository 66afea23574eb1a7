/**
 * What words mean, as far as their neighbours tell: words that stand in the same places in a large body of
 * text have vectors that point the same way (发烧 and 咳嗽, movie and film). A question in words that no
 * example has is so still near the examples that mean the like.
 * gateway/tools/word-vectors makes the tables.
 */
import type { Language } from '../knowledge/pack-schema.ts'
import { WORD_VECTORS_EN } from './data/word-vectors-en.ts'
import { WORD_VECTORS_ZH } from './data/word-vectors-zh.ts'
import { hashText, type Token } from './tokens.ts'
import { columnOf, createVocabulary, type Vocabulary } from './vocabulary.ts'
import { LEVELS, LONGEST_WORD, MEANING_WIDTH, PIECE, PIECES, type WordTable } from './word-table.ts'

export { MEANING_WIDTH }

/** Ranks up to about this are words of grammar, which say little of the matter. */
const GRAMMAR_RANK = 60
/** Zipf's law with Mandelbrot's offset: the cost of a word of rank r is log(r + 3), of an unknown one this. */
const UNKNOWN_COST = 11.5
const RANK_OFFSET = 3

interface WordVectors {
  /** Hash of a word → its rank. */
  readonly ranks: Vocabulary
  readonly codebook: Int8Array
  readonly codes: Uint8Array
}

const TABLES: Readonly<Record<Language, WordTable>> = { zh: WORD_VECTORS_ZH, en: WORD_VECTORS_EN }
const opened = new Map<Language, WordVectors>()

/** Decoded when first needed: half of the boxes never see an English question. */
function vectorsOf(lang: Language): WordVectors {
  const known = opened.get(lang)
  if (known) return known
  const { words, codebook, codes } = TABLES[lang]
  const hashes = Uint32Array.from(words.split(' '), (word) => hashText(word))
  const vectors: WordVectors = {
    ranks: createVocabulary(hashes, new Float32Array(0)),
    codebook: Int8Array.from(decode(codebook)),
    codes: decode(codes),
  }
  opened.set(lang, vectors)
  return vectors
}

const decode = (base64: string): Buffer => Buffer.from(base64, 'base64')

/**
 * Fills `out` ({@link MEANING_WIDTH} values) with the direction that the words of a text point in, of
 * length 1; all 0 when none is known.
 */
export function meaningOf(tokens: readonly Token[], lang: Language, out: Float32Array): void {
  const vectors = vectorsOf(lang)
  out.fill(0)
  forEachWord(vectors, tokens, lang, (rank) => addWord(vectors, rank, out))
  let square = 0
  for (const value of out) square += value * value
  if (square === 0) return
  const scale = 1 / Math.sqrt(square)
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) * scale
}

/** The words of a text that have a vector, as they were cut, in order. */
export function knownWordsOf(tokens: readonly Token[], lang: Language): string[] {
  const words: [at: number, word: string][] = []
  forEachWord(vectorsOf(lang), tokens, lang, (_, from, to) => {
    const word = tokens.slice(from, to).map((token) => token.text)
    words.push([from, word.join('')])
  })
  return words.sort(([a], [b]) => a - b).map(([, word]) => word)
}

/** Is told a word's rank, and which tokens it is. */
type Visit = (rank: number, from: number, to: number) => void

function forEachWord(
  vectors: WordVectors,
  tokens: readonly Token[],
  lang: Language,
  visit: Visit,
): void {
  if (lang === 'zh') {
    forEachChineseWord(vectors, tokens, visit)
    return
  }
  for (let i = 0; i < tokens.length; i++) {
    const rank = columnOf(vectors.ranks, tokens[i]?.hash ?? 0)
    if (rank >= 0) visit(rank, i, i + 1)
  }
}

function addWord({ codebook, codes }: WordVectors, rank: number, out: Float32Array): void {
  const weight = 1 / (1 + GRAMMAR_RANK / (rank + RANK_OFFSET))
  for (let piece = 0; piece < PIECES; piece++) {
    const from = (piece * LEVELS + (codes[rank * PIECES + piece] as number)) * PIECE
    for (let i = 0; i < PIECE; i++) {
      const at = piece * PIECE + i
      out[at] = (out[at] as number) + weight * (codebook[from + i] as number)
    }
  }
}

const MAX_TOKENS = 1024
const costs = new Float64Array(MAX_TOKENS + 1)
const starts = new Int32Array(MAX_TOKENS + 1)
const ranks = new Int32Array(MAX_TOKENS + 1)

/** The words of the likeliest way to cut a Chinese text, found from the left, told from the right. */
function forEachChineseWord(vectors: WordVectors, tokens: readonly Token[], visit: Visit): void {
  const length = Math.min(tokens.length, MAX_TOKENS)
  costs.fill(Number.POSITIVE_INFINITY, 1, length + 1)
  for (let from = 0; from < length; from++) {
    let hash: number | undefined
    for (let to = from + 1; to <= Math.min(length, from + LONGEST_WORD); to++) {
      const token = tokens[to - 1] as Token
      if (to > from + 1 && (token.kind !== 'han' || tokens[from]?.kind !== 'han')) break
      hash = hashText(token.text, hash)
      const rank = columnOf(vectors.ranks, hash)
      if (rank < 0 && to > from + 1) continue
      const cost =
        (costs[from] as number) + (rank < 0 ? UNKNOWN_COST : Math.log(rank + RANK_OFFSET))
      if (cost >= (costs[to] as number)) continue
      costs[to] = cost
      starts[to] = from
      ranks[to] = rank
    }
  }
  for (let to = length; to > 0; to = starts[to] as number) {
    const rank = ranks[to] as number
    if (rank >= 0) visit(rank, starts[to] as number, to)
  }
}
