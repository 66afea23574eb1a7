/**
 * What a text is recognised by: hashed n-grams of characters, syllables, words and entities.
 *
 * Each feature is a 32-bit hash; the view that made it is mixed into the hash, so that the syllable `shi`
 * and the character 是 never meet.
 */
import type { Language } from '../knowledge/pack-schema.ts'
import { hashText, type Token } from './tokens.ts'
import { MEANING_WIDTH, meaningOf } from './word-vectors.ts'

/** Views are weighted and scaled apart from one another. */
export const VIEW = {
  character: 0,
  pinyin: 1,
  word: 2,
  letters: 3,
  entity: 4,
  head: 5,
  /** Three characters or more: exact, and many. */
  phrase: 6,
  /** Where the words of the text point; a few dense columns behind those of the vocabulary. */
  meaning: 7,
} as const
export const VIEW_COUNT = 8

export interface FeatureOptions {
  /** Longest n-gram of Han characters (1–4). */
  readonly characters: number
  /** Longest n-gram of merged syllables, 0 to do without. */
  readonly syllables: number
  /** Longest n-gram of Latin words. */
  readonly words: number
  /** Lengths of letter n-grams inside words, boundary included. */
  readonly lettersFrom: number
  readonly lettersTo: number
  /** Pairs of English words with one between them. */
  readonly skips: boolean
  /** The first units of a Chinese text count once more by themselves: the matter comes first. 0: not. */
  readonly head: number
  /** The first and last units of a Chinese text are features. */
  readonly edges: boolean
  /** What the words mean is a view of its own. */
  readonly meaning: boolean
}

export const DEFAULT_FEATURES: FeatureOptions = {
  characters: 3,
  syllables: 2,
  words: 2,
  lettersFrom: 3,
  lettersTo: 5,
  skips: true,
  head: 14,
  edges: true,
  meaning: true,
}

/** Features of one text; reused from text to text so that reading a question allocates nothing here. */
export interface FeatureBuffer {
  hashes: Uint32Array
  views: Uint8Array
  length: number
  readonly meaning: Float32Array
}

export function createFeatureBuffer(): FeatureBuffer {
  return {
    hashes: new Uint32Array(1024),
    views: new Uint8Array(1024),
    length: 0,
    meaning: new Float32Array(MEANING_WIDTH),
  }
}

function push(buffer: FeatureBuffer, view: number, hash: number): void {
  if (buffer.length === buffer.hashes.length) {
    const hashes = new Uint32Array(buffer.length * 2)
    hashes.set(buffer.hashes)
    buffer.hashes = hashes
    const views = new Uint8Array(buffer.length * 2)
    views.set(buffer.views)
    buffer.views = views
  }
  buffer.hashes[buffer.length] = Math.imul(hash ^ ((view + 1) * 0x9e3779b1), 0x85ebca6b) >>> 0
  buffer.views[buffer.length++] = view
}

const join = (hash: number, next: number): number => {
  const mixed = Math.imul(hash ^ next, 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) + 0x51ed270b
}

/**
 * Fills `buffer` with the features of `tokens`; `entities` are names of what was found in the text
 * (such as a list of the pack) and become features of their own.
 */
export function extractFeatures(
  tokens: readonly Token[],
  lang: Language,
  entities: readonly string[],
  options: FeatureOptions,
  buffer: FeatureBuffer,
): void {
  buffer.length = 0
  if (lang === 'zh') {
    unitGrams(tokens, options, buffer)
    syllableGrams(tokens, options, buffer)
    headGrams(tokens, options, buffer)
    if (options.edges) edgeGrams(tokens, buffer)
    for (const token of tokens) {
      if (token.kind === 'word' && token.text.length > 3) letterGrams(token.text, options, buffer)
    }
  } else {
    wordGrams(tokens, options, buffer)
    for (const token of tokens) letterGrams(token.text, options, buffer)
  }
  for (const name of entities) push(buffer, VIEW.entity, hashText(name))
  if (options.meaning) meaningOf(tokens, lang, buffer.meaning)
}

function unitGrams(tokens: readonly Token[], options: FeatureOptions, buffer: FeatureBuffer): void {
  for (let i = 0; i < tokens.length; i++) {
    let hash = 0
    const last = Math.min(tokens.length, i + options.characters)
    for (let j = i; j < last; j++) {
      hash = join(hash, tokens[j]?.hash ?? 0)
      push(buffer, j - i < 2 ? VIEW.character : VIEW.phrase, hash)
    }
  }
}

function headGrams(tokens: readonly Token[], options: FeatureOptions, buffer: FeatureBuffer): void {
  const length = Math.min(tokens.length, options.head)
  for (let i = 0; i < length; i++) {
    const hash = join(0x3c6ef372, tokens[i]?.hash ?? 0)
    push(buffer, VIEW.head, hash)
    if (i + 1 < length) push(buffer, VIEW.head, join(hash, tokens[i + 1]?.hash ?? 0))
  }
}

function edgeGrams(tokens: readonly Token[], buffer: FeatureBuffer): void {
  const last = tokens.length - 1
  const hashAt = (i: number): number => tokens[i]?.hash ?? 0
  if (last < 0) return
  push(buffer, VIEW.character, join(0x1f83d9ab, hashAt(0)))
  push(buffer, VIEW.character, join(0x5be0cd19, hashAt(last)))
  if (last === 0) return
  push(buffer, VIEW.character, join(join(0x1f83d9ab, hashAt(0)), hashAt(1)))
  push(buffer, VIEW.character, join(join(0x5be0cd19, hashAt(last - 1)), hashAt(last)))
}

function syllableGrams(
  tokens: readonly Token[],
  options: FeatureOptions,
  buffer: FeatureBuffer,
): void {
  for (let i = 0; i < tokens.length; i++) {
    let hash = 0x2545f491
    const last = Math.min(tokens.length, i + options.syllables)
    for (let j = i; j < last; j++) {
      const token = tokens[j]
      if (!token || token.syllable === 0) break
      hash = join(hash, token.syllable)
      // A single syllable is shared by dozens of characters and says next to nothing.
      if (j > i) push(buffer, VIEW.pinyin, hash)
    }
  }
}

function wordGrams(tokens: readonly Token[], options: FeatureOptions, buffer: FeatureBuffer): void {
  const edge = hashText('^')
  let before = edge
  for (let i = 0; i < tokens.length; i++) {
    let hash = 0
    const last = Math.min(tokens.length, i + options.words)
    for (let j = i; j < last; j++) {
      hash = join(hash, tokens[j]?.hash ?? 0)
      push(buffer, VIEW.word, hash)
    }
    if (i === 0) push(buffer, VIEW.word, join(edge, tokens[0]?.hash ?? 0))
    const beyond = tokens[i + 2]
    if (options.skips && beyond) {
      push(buffer, VIEW.word, join(join(0x5bd1e995, tokens[i]?.hash ?? 0), beyond.hash))
    }
    before = tokens[i]?.hash ?? before
  }
  if (tokens.length > 0) push(buffer, VIEW.word, join(before, edge))
}

function letterGrams(word: string, options: FeatureOptions, buffer: FeatureBuffer): void {
  const bounded = ` ${word} `
  for (let from = 0; from < bounded.length; from++) {
    let hash = 0x1b873593
    const last = Math.min(bounded.length, from + options.lettersTo)
    for (let at = from; at < last; at++) {
      hash = join(hash, bounded.charCodeAt(at))
      if (at - from + 1 >= options.lettersFrom) push(buffer, VIEW.letters, hash)
    }
  }
}
