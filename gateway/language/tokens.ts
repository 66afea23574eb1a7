/** Cuts a normal form into units: a Han character, a Latin word, a number, a sign. */
import { syllableOf } from './pinyin.ts'

export type TokenKind = 'han' | 'word' | 'number' | 'sign'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
  /** Where it starts in the text that was cut. */
  readonly at: number
  /** Hash of the text; of the digits' count for a number of more than two digits. */
  readonly hash: number
  /** Merged syllable (see pinyin), 0 for anything but a Han character. */
  readonly syllable: number
  /** Whether white space or the start stands before it. */
  readonly opens: boolean
}

const UNIT = /(\p{Script=Han})|([\p{L}][\p{L}']*)|(\d+(?:[.:/-]\d+)*)|(\S)/gu

/** FNV-1a over UTF-16 code units, 32 bits. */
export function hashText(text: string, seed = 0x811c9dc5): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** Tokens of a normal form, in order; white space parts but is no token. */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = []
  let end = 0
  for (const match of text.matchAll(UNIT)) {
    const [found, han, word, number] = match
    const at = match.index
    const kind: TokenKind = han ? 'han' : word ? 'word' : number ? 'number' : 'sign'
    // Long numbers are seldom the same twice; how long they are says what they are.
    const shown = number && number.length > 2 ? `#${number.length}` : found
    tokens.push({
      kind,
      text: found,
      at,
      hash: hashText(shown),
      syllable: han ? syllableOf(han.charCodeAt(0)) : 0,
      opens: at === 0 || at > end,
    })
    end = at + found.length
  }
  return tokens
}
