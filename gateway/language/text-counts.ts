/** In how many texts each hash occurs: arrays of numbers, where a Map of objects would be most of a start. */

export interface TextCounts {
  /** Distinct hashes. */
  size: number
  /** Open addressing; a free slot has 0 texts. */
  hashes: Uint32Array
  texts: Uint32Array
  /** The text that each hash was last seen in. */
  lastSeen: Int32Array
}

export const createTextCounts = (slots = 1024): TextCounts => ({
  size: 0,
  hashes: new Uint32Array(slots),
  texts: new Uint32Array(slots),
  lastSeen: new Int32Array(slots),
})

/** Counts `hash` for the text of this number, once however often it is seen there. */
export function countHash(counts: TextCounts, hash: number, text: number): void {
  const slot = slotOf(counts, hash)
  if (counts.texts[slot] === 0) {
    counts.hashes[slot] = hash
    counts.size++
  } else if (counts.lastSeen[slot] === text) return
  counts.texts[slot] = (counts.texts[slot] as number) + 1
  counts.lastSeen[slot] = text
  if (counts.size * 2 > counts.hashes.length) widen(counts)
}

function slotOf({ hashes, texts }: TextCounts, hash: number): number {
  const mask = hashes.length - 1
  let slot = (Math.imul(hash, 0x9e3779b1) >>> 7) & mask
  while (texts[slot] !== 0 && hashes[slot] !== hash) slot = (slot + 1) & mask
  return slot
}

function widen(counts: TextCounts): void {
  const wider = createTextCounts(counts.hashes.length * 2)
  for (let i = 0; i < counts.hashes.length; i++) {
    if (counts.texts[i] === 0) continue
    const slot = slotOf(wider, counts.hashes[i] as number)
    wider.hashes[slot] = counts.hashes[i] as number
    wider.texts[slot] = counts.texts[i] as number
    wider.lastSeen[slot] = counts.lastSeen[i] as number
  }
  Object.assign(counts, wider, { size: counts.size })
}

const HASHES = 2 ** 32

/**
 * Hashes that occur in at least `minimum` texts with the number of them, the commonest first and of equal
 * ones the smallest; not more than `limit`.
 */
export function commonest(
  counts: TextCounts,
  minimum: number,
  limit = Number.POSITIVE_INFINITY,
): { readonly hashes: Uint32Array; readonly texts: Uint32Array } {
  // Both in one exact number, so that the array sorts itself.
  const order = new Float64Array(counts.size)
  let length = 0
  for (let i = 0; i < counts.hashes.length; i++) {
    const texts = counts.texts[i] as number
    if (texts === 0 || texts < minimum) continue
    order[length++] = (counts.hashes[i] as number) - texts * HASHES
  }
  const kept = order.subarray(0, length).sort().subarray(0, Math.min(length, limit))
  const texts = Uint32Array.from(kept, (one) => Math.ceil(-one / HASHES))
  const hashes = Uint32Array.from(kept, (one, i) => one + (texts[i] as number) * HASHES)
  return { hashes, texts }
}
