/** Bytes of randomness behind an id: 96 bits make a collision within a site's life impossible in practice. */
const RANDOM_BYTES = 12
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

export type FillRandom = (bytes: Uint8Array<ArrayBuffer>) => void
/** Random bytes are fetched for this many ids at a time: one call to the system costs as much as ten ids. */
const POOLED_IDS = 128
const pool = new Uint8Array(RANDOM_BYTES * POOLED_IDS)
let poolUsed = pool.length
/** Of the id that is being made. */
const random = new Uint8Array(RANDOM_BYTES)

const fillFromCrypto: FillRandom = (bytes) => {
  if (poolUsed + bytes.length > pool.length) {
    globalThis.crypto.getRandomValues(pool)
    poolUsed = 0
  }
  for (let i = 0; i < bytes.length; i++) bytes[i] = pool[poolUsed + i] ?? 0
  poolUsed += bytes.length
}

/**
 * A new id that sorts by time: nine base-32 characters of milliseconds, then randomness
 * (Crockford's alphabet: no letter that is read as another). 28 characters.
 */
export function newId(nowMs: number = Date.now(), fillRandom: FillRandom = fillFromCrypto): string {
  const codes = new Array<number>(28)
  let rest = nowMs
  for (let i = 8; i >= 0; i--) {
    codes[i] = ALPHABET.charCodeAt(rest % 32)
    rest = Math.floor(rest / 32)
  }
  fillRandom(random)
  let at = 9
  for (let bit = 0; bit < RANDOM_BYTES * 8 - 1; bit += 5) {
    const pair = ((random[bit >> 3] ?? 0) << 8) | (random[(bit >> 3) + 1] ?? 0)
    codes[at++] = ALPHABET.charCodeAt((pair >> (11 - (bit & 7))) & 31)
  }
  return String.fromCharCode(...codes)
}
