/** Vectors from several sources as one: what they agree on stands first, the rest is left out. */
import { DAMPING, unitRows } from './factorise.ts'
import { centred, type Dense, eigen, gram, timesDense, zeros } from './matrix.ts'

/**
 * The principal components of the blocks side by side, `width` of them, each row of length 1. Blocks have a
 * row for the same word at the same place; how long their rows are says how much they count.
 */
export function join(blocks: readonly Dense[], width: number): Dense {
  const all = centred(sideBySide(blocks))
  const { values, vectors } = eigen(gram(all))
  const basis = zeros(all.width, width)
  for (let k = 0; k < Math.min(width, all.width); k++) {
    // The component has length √value; it is to have that to the power of DAMPING.
    const value = values[k] as number
    const scale = value > 0 ? value ** ((DAMPING - 1) / 2) : 0
    for (let row = 0; row < all.width; row++) {
      basis.values[row * width + k] = (vectors.values[row * all.width + k] as number) * scale
    }
  }
  return unitRows(timesDense(all, basis))
}

function sideBySide(blocks: readonly Dense[]): Dense {
  const rows = blocks[0]?.rows ?? 0
  const out = zeros(
    rows,
    blocks.reduce((sum, { width }) => sum + width, 0),
  )
  let at = 0
  for (const { width, values } of blocks) {
    for (let row = 0; row < rows; row++) {
      out.values.set(values.subarray(row * width, (row + 1) * width), row * out.width + at)
    }
    at += width
  }
  return out
}
