/**
 * How tables of word vectors are written, for those who make them and those who read them.
 *
 * A vector is one byte a piece, which names one of the piece's typical values (H. Jégou, M. Douze,
 * C. Schmid, "Product Quantization for Nearest Neighbor Search", 2011).
 */
export interface WordTable {
  /** By falling frequency, parted by spaces. */
  readonly words: string
  /** Base64 of int8: pieces × levels × values of a piece. */
  readonly codebook: string
  /** Base64: one byte a piece, word by word. */
  readonly codes: string
}

/** Values of a vector. */
export const MEANING_WIDTH = 64
export const PIECES = 16
export const PIECE = MEANING_WIDTH / PIECES
/** Typical values of a piece. */
export const LEVELS = 256
/** Longest Chinese word of a table, in characters. */
export const LONGEST_WORD = 4
