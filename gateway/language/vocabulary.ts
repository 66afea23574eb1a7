/** The features a model knows: hash → column, with the weight of rarity. */

/** Open addressing over powers of two; a hash of 0 is stored as 1. */
export interface Vocabulary {
  /** Known hashes, by column. */
  readonly hashes: Uint32Array
  /** Inverse document frequency, by column. */
  readonly idf: Float32Array
  readonly slots: Int32Array
  readonly mask: number
}

export function createVocabulary(hashes: Uint32Array, idf: Float32Array): Vocabulary {
  let size = 16
  while (size < hashes.length * 2) size *= 2
  const slots = new Int32Array(size).fill(-1)
  const mask = size - 1
  for (let column = 0; column < hashes.length; column++) {
    let slot = Math.imul(hashes[column] ?? 0, 0x9e3779b1) >>> 7
    while ((slots[slot & mask] ?? -1) >= 0) slot++
    slots[slot & mask] = column
  }
  return { hashes, idf, slots, mask }
}

/** Column of a feature, or -1. */
export function columnOf(vocabulary: Vocabulary, hash: number): number {
  const { slots, mask, hashes } = vocabulary
  let slot = Math.imul(hash, 0x9e3779b1) >>> 7
  for (;;) {
    const column = slots[slot & mask] ?? -1
    if (column < 0 || hashes[column] === hash) return column
    slot++
  }
}
