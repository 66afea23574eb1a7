/**
 * Binary deltas: the new content as copies out of the old one and bytes of its own.
 *
 * Greedy matching of blocks of the old content at every offset of the new one (after rsync, Tridgell
 * and Mackerras 1996, with both sides at hand). Packs are text of which a few lines change.
 *
 * Format: MessagePack array of operations; `[offset, length]` copies from the base, bytes are taken as
 * they are. The digest in the manifest is what makes the result trusted, not the delta.
 */
import { type Static, Type } from '@sinclair/typebox'
import { packr, parseMsgpack } from './parse.ts'

/** Short enough to find a line of YAML, long enough to be worth an operation. */
const BLOCK_BYTES = 32
/** Blocks of the same hash that are compared: a pathological base must not cost quadratic time. */
const MAX_CANDIDATES = 8

const Delta = Type.Array(
  Type.Union([
    Type.Tuple([Type.Integer({ minimum: 0 }), Type.Integer({ minimum: 1 })]),
    Type.Uint8Array(),
  ]),
)
type Operation = Static<typeof Delta>[number]

export function makeDelta(base: Uint8Array, target: Uint8Array): Uint8Array {
  const blocks = indexBlocks(base)
  const operations: Operation[] = []
  let literalFrom = 0
  let at = 0
  const flush = (to: number) => {
    if (to > literalFrom) operations.push(target.subarray(literalFrom, to))
  }
  let hash = hashBlock(target, 0)
  while (at + BLOCK_BYTES <= target.length) {
    const match = longestMatch(base, target, at, blocks.get(hash))
    if (match) {
      flush(at)
      operations.push([match.offset, match.length])
      at += match.length
      literalFrom = at
      hash = hashBlock(target, at)
    } else {
      hash = rollHash(hash, target[at] ?? 0, target[at + BLOCK_BYTES] ?? 0)
      at += 1
    }
  }
  flush(target.length)
  return packr.encode(operations)
}

/** Undefined when the delta is not one, reaches outside its base, or makes more than `maxBytes`. */
export function applyDelta(
  base: Uint8Array,
  delta: Uint8Array,
  maxBytes: number,
): Uint8Array | undefined {
  const operations = parseMsgpack(Delta, delta)
  if (!operations.ok) return undefined
  const pieces: Uint8Array[] = []
  let length = 0
  for (const operation of operations.value) {
    const piece =
      operation instanceof Uint8Array
        ? operation
        : base.subarray(operation[0], operation[0] + operation[1])
    if (!(operation instanceof Uint8Array) && piece.length !== operation[1]) return undefined
    length += piece.length
    if (length > maxBytes) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function indexBlocks(base: Uint8Array): Map<number, number[]> {
  const blocks = new Map<number, number[]>()
  for (let at = 0; at + BLOCK_BYTES <= base.length; at += BLOCK_BYTES) {
    const hash = hashBlock(base, at)
    const offsets = blocks.get(hash)
    if (!offsets) blocks.set(hash, [at])
    else if (offsets.length < MAX_CANDIDATES) offsets.push(at)
  }
  return blocks
}

function longestMatch(
  base: Uint8Array,
  target: Uint8Array,
  at: number,
  offsets: readonly number[] | undefined,
): { readonly offset: number; readonly length: number } | undefined {
  let best: { offset: number; length: number } | undefined
  for (const offset of offsets ?? []) {
    let length = 0
    while (
      at + length < target.length &&
      offset + length < base.length &&
      target[at + length] === base[offset + length]
    ) {
      length += 1
    }
    if (length >= BLOCK_BYTES && length > (best?.length ?? 0)) best = { offset, length }
  }
  return best
}

/** Rabin–Karp, modulo 2^32. */
const PRIME = 16_777_619
const TOP = power(PRIME, BLOCK_BYTES - 1)

function hashBlock(bytes: Uint8Array, at: number): number {
  let hash = 0
  for (let i = at; i < at + BLOCK_BYTES; i += 1) {
    hash = (Math.imul(hash, PRIME) + (bytes[i] ?? 0)) >>> 0
  }
  return hash
}

function rollHash(hash: number, out: number, into: number): number {
  const without = (hash - Math.imul(out, TOP)) >>> 0
  return (Math.imul(without, PRIME) + into) >>> 0
}

function power(base: number, exponent: number): number {
  let result = 1
  for (let i = 0; i < exponent; i += 1) result = Math.imul(result, base) >>> 0
  return result
}
