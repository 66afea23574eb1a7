/**
 * Vectors in a few bytes each: a random rotation, which spreads what they tell evenly over the pieces; then
 * each piece is replaced by the nearest of some typical ones (product quantisation, see word-table).
 */
import type { Random } from '../../language/random.ts'
import { LEVELS, PIECE, PIECES } from '../../language/word-table.ts'
import { cluster, nearest } from './cluster.ts'
import { randomNormals } from './factorise.ts'
import { type Dense, orthonormal, timesDense, zeros } from './matrix.ts'

/** Of int8, the same on both sides of 0. */
const LARGEST = 127

export interface Quantised {
  /** Pieces × levels × values of a piece. */
  readonly codebook: Int8Array
  /** Vectors × pieces. */
  readonly codes: Uint8Array
}

export function quantise(vectors: Dense, random: Random): Quantised {
  const rotation = orthonormal(randomNormals(vectors.width, vectors.width, random))
  const turned = timesDense(vectors, rotation)
  const codebook = new Float64Array(PIECES * LEVELS * PIECE)
  const codes = new Uint8Array(vectors.rows * PIECES)
  for (let piece = 0; piece < PIECES; piece++) {
    const points = pieceOf(turned, piece)
    const centres = cluster(points, LEVELS, random)
    codebook.set(centres.values, piece * LEVELS * PIECE)
    for (let row = 0; row < vectors.rows; row++) {
      codes[row * PIECES + piece] = nearest(points, row, centres)
    }
  }
  const largest = codebook.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const scale = LARGEST / largest
  return { codebook: Int8Array.from(codebook, (value) => Math.round(value * scale)), codes }
}

function pieceOf({ rows, width, values }: Dense, piece: number): Dense {
  const points = zeros(rows, PIECE)
  for (let row = 0; row < rows; row++) {
    const from = row * width + piece * PIECE
    points.values.set(values.subarray(from, from + PIECE), row * PIECE)
  }
  return points
}
