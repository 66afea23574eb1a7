/** Bytes of randomness behind an id: 96 bits make a collision within a site's life impossible in practice. */
const RANDOM_BYTES = 12
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

export type FillRandom = (bytes: Uint8Array<ArrayBuffer>) => void
const fillFromCrypto: FillRandom = (bytes) => {
  globalThis.crypto.getRandomValues(bytes)
}

/**
 * A new id that sorts by time: nine base-32 characters of milliseconds, then randomness
 * (Crockford's alphabet: no letter that is read as another). 28 characters.
 */
export function newId(nowMs: number = Date.now(), fillRandom: FillRandom = fillFromCrypto): string {
  let id = ''
  let rest = nowMs
  for (let i = 0; i < 9; i++) {
    id = ALPHABET.charAt(rest % 32) + id
    rest = Math.floor(rest / 32)
  }
  const bytes = new Uint8Array(RANDOM_BYTES)
  fillRandom(bytes)
  for (let bit = 0; bit < RANDOM_BYTES * 8 - 1; bit += 5) {
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0)
    id += ALPHABET.charAt((pair >> (11 - (bit & 7))) & 31)
  }
  return id
}
