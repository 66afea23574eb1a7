/**
 * The directions along which the rows of a large sparse matrix differ most: a truncated singular value
 * decomposition by random projection (N. Halko, P. G. Martinsson, J. A. Tropp, "Finding Structure with
 * Randomness", 2011, algorithms 4.4 and 5.1).
 */
import type { Random } from '../../language/random.ts'
import {
  type Dense,
  eigen,
  gram,
  orthonormal,
  type Sparse,
  times,
  timesDense,
  transposedTimes,
  zeros,
} from './matrix.ts'

/** Directions kept beyond those asked for; they take up what would blur the last ones. */
const SPARE = 32
const POWER_STEPS = 4
/** Singular values are damped by this power: the first few would drown the others. */
export const DAMPING = 0.5

/** A row of `width` values for each row of X, of length 1 unless the row is empty. */
export function factorise(x: Sparse, width: number, random: Random): Dense {
  const room = Math.min(width + SPARE, x.rows)
  let basis = orthonormal(times(x, randomNormals(x.width, room, random)))
  for (let step = 0; step < POWER_STEPS; step++) {
    basis = orthonormal(times(x, transposedTimes(x, basis)))
  }
  const { values, vectors } = eigen(gram(transposedTimes(x, basis)))
  const left = timesDense(basis, vectors)
  const scales = values.map((square) => Math.max(square, 0) ** (DAMPING / 2))
  const out = zeros(x.rows, width)
  for (let row = 0; row < x.rows; row++) {
    for (let k = 0; k < Math.min(width, room); k++) {
      out.values[row * width + k] = (left.values[row * room + k] as number) * (scales[k] as number)
    }
  }
  return unitRows(out)
}

/** Each row made of length 1; rows of 0 stay. */
export function unitRows({ rows, width, values }: Dense): Dense {
  const out = zeros(rows, width)
  for (let row = 0; row < rows; row++) {
    const length = Math.hypot(...values.subarray(row * width, (row + 1) * width))
    if (length === 0) continue
    for (let i = row * width; i < (row + 1) * width; i++) {
      out.values[i] = (values[i] as number) / length
    }
  }
  return out
}

/** Normally distributed (G. Box, M. Muller 1958). */
export function randomNormals(rows: number, width: number, random: Random): Dense {
  const values = Float64Array.from({ length: rows * width }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()))
    return radius * Math.cos(2 * Math.PI * random())
  })
  return { rows, width, values }
}
