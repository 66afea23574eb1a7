/** Branch counts as Paillier ciphertexts: what travels, and how counters lie in a plaintext. */
import { createHash } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'

/** One counter's slot: up to 2^32 in each of up to 2^16 gateways, and no slot runs into the next. */
export const SLOT_BITS = 48
export const MAX_COUNT = 2 ** 32 - 1
export const MAX_SUMMED_GATEWAYS = 2 ** 16
/** NIST SP 800-57: 3072 bits is 128-bit strength, 2048 is 112; a plaintext is as wide as the key. */
export const MIN_KEY_BITS = 2048
export const MAX_COUNTERS = 2000

export const Period = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T\\d{2})?$' })
const Hex64 = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Integer = Type.String({ pattern: '^[0-9a-f]+$', maxLength: 4096 })

/** Public key of the one who may read sums, hex; configured at each gateway by its operator. */
export const CountingKey = Type.Object({ n: Integer, g: Integer })
export type CountingKey = Static<typeof CountingKey>

/** `POST /v1/gateways/{id}/counts`, signed like every request. */
export const CountsRequest = Type.Object({
  period: Period,
  keyId: Hex64,
  /** What is counted, in order; the same at every gateway that is to be summed. */
  names: Type.Array(Type.String({ minLength: 1, maxLength: 80 }), {
    minItems: 1,
    maxItems: MAX_COUNTERS,
  }),
  ciphertexts: Type.Array(Integer, { minItems: 1, maxItems: 200 }),
})
export type CountsRequest = Static<typeof CountsRequest>

export function keyIdOf({ n, g }: CountingKey): string {
  return createHash('sha256').update(`${n} ${g}`).digest('hex')
}

export function layoutIdOf(names: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(names)).digest('hex')
}

/** Counters in one plaintext of a key of so many bits. */
export function slotsOf(keyBits: number): number {
  return Math.floor((keyBits - 1) / SLOT_BITS)
}

/** Throws RangeError for a counter that is not a whole number of 0 to 2^32 − 1. */
export function packCounts(counts: readonly number[], keyBits: number): bigint[] {
  const slots = slotsOf(keyBits)
  const plaintexts: bigint[] = []
  for (const [n, count] of counts.entries()) {
    if (!Number.isInteger(count) || count < 0 || count > MAX_COUNT) {
      throw new RangeError(`counter ${n} is ${count}`)
    }
    const index = Math.floor(n / slots)
    const shift = BigInt((n % slots) * SLOT_BITS)
    plaintexts[index] = (plaintexts[index] ?? 0n) + (BigInt(count) << shift)
  }
  return plaintexts
}

export function unpackSums(
  plaintexts: readonly bigint[],
  names: readonly string[],
  keyBits: number,
): Map<string, number> {
  const slots = slotsOf(keyBits)
  const mask = (1n << BigInt(SLOT_BITS)) - 1n
  return new Map(
    names.map((name, n) => {
      const plaintext = plaintexts[Math.floor(n / slots)] ?? 0n
      return [name, Number((plaintext >> BigInt((n % slots) * SLOT_BITS)) & mask)]
    }),
  )
}
