/**
 * The Merkle tree of RFC 6962 section 2.1 (the same as RFC 9162 section 2.1): hashes, roots, and
 * proofs made and checked. Pure: whoever calls says where stored hashes come from.
 */
import { hash as digest } from 'node:crypto'

export const HASH_BYTES = 32
/** MTH of the empty tree: SHA-256 of nothing. */
export const EMPTY_ROOT: Uint8Array = digest('sha256', '', 'buffer')

const LEAF_PREFIX = 0x00
const NODE_PREFIX = 0x01
/** Entries above this are hashed through a fresh buffer, so that the scratch stays small. */
const SCRATCH_BYTES = 65_536
const leafScratch = Buffer.alloc(1 + SCRATCH_BYTES, LEAF_PREFIX)
const nodeScratch = Buffer.alloc(1 + 2 * HASH_BYTES, NODE_PREFIX)

/** SHA-256(0x00 ‖ entry). */
export function leafHash(entry: Uint8Array): Buffer {
  if (entry.length > SCRATCH_BYTES) {
    return digest('sha256', Buffer.concat([Buffer.of(LEAF_PREFIX), entry]), 'buffer')
  }
  leafScratch.set(entry, 1)
  return digest('sha256', leafScratch.subarray(0, 1 + entry.length), 'buffer')
}

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeScratch.set(left, 1)
  nodeScratch.set(right, 1 + HASH_BYTES)
  return digest('sha256', nodeScratch, 'buffer')
}

/** The root over `count` hashes that lie one after the other in `hashes`; they may be leaves or roots of equal full subtrees. */
export function rootOf(hashes: Uint8Array, count: number = hashes.length / HASH_BYTES): Uint8Array {
  if (count === 0) return EMPTY_ROOT
  let row: Uint8Array[] = []
  for (let i = 0; i < count; i++) row.push(hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))
  while (row.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i + 1 < row.length; i += 2) {
      above.push(nodeHash(row[i] as Uint8Array, row[i + 1] as Uint8Array))
    }
    // A lone right node is carried up unhashed: the same tree as RFC 6962's split at a power of two.
    if (row.length % 2 === 1) above.push(row[row.length - 1] as Uint8Array)
    row = above
  }
  return row[0] as Uint8Array
}

/** MTH(D[start:end]) as some store knows it; asked only for ranges that are nodes of the tree. */
export type RangeHash = (start: number, end: number) => Uint8Array

/** The largest power of two smaller than `n` (n > 1). RFC 6962 calls it k. */
export function splitPoint(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

/** PATH(m, D[n]), RFC 6962 section 2.1.1: from the leaf's sibling up. */
export function inclusionProof(index: number, size: number, range: RangeHash): Uint8Array[] {
  if (index < 0 || index >= size) throw new RangeError(`no leaf ${index} in a tree of ${size}`)
  const proof: Uint8Array[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + splitPoint(end - start)
    if (index < middle) {
      proof.push(range(middle, end))
      end = middle
    } else {
      proof.push(range(start, middle))
      start = middle
    }
  }
  return proof.reverse()
}

/** PROOF(m, D[n]), RFC 6962 section 2.1.2; empty when nothing needs proving (m = 0 or m = n). */
export function consistencyProof(from: number, to: number, range: RangeHash): Uint8Array[] {
  if (from < 0 || from > to) throw new RangeError(`no step from ${from} to ${to}`)
  if (from === 0 || from === to) return []
  const proof: Uint8Array[] = []
  let start = 0
  let end = to
  let isWholeOld = true
  while (from !== end) {
    const middle = start + splitPoint(end - start)
    if (from <= middle) {
      proof.push(range(middle, end))
      end = middle
    } else {
      proof.push(range(start, middle))
      start = middle
      isWholeOld = false
    }
  }
  if (!isWholeOld) proof.push(range(start, end))
  return proof.reverse()
}

/** RFC 9162 section 2.1.3.2: does `proof` lead from the leaf to the root? */
export function verifyInclusion(claim: {
  readonly leaf: Uint8Array
  readonly index: number
  readonly size: number
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}): boolean {
  if (claim.index < 0 || claim.index >= claim.size) return false
  let node = claim.index
  let last = claim.size - 1
  let running = claim.leaf
  for (const step of claim.proof) {
    if (last === 0 || step.length !== HASH_BYTES) return false
    if (node % 2 === 1 || node === last) {
      running = nodeHash(step, running)
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2)
        last = Math.floor(last / 2)
      }
    } else {
      running = nodeHash(running, step)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && sameHash(running, claim.root)
}

export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

/** A tree that only grows and keeps one hash for each set bit of its size. */
export interface Frontier {
  readonly size: number
  append(leaf: Uint8Array): void
  root(): Uint8Array
}

export function createFrontier(): Frontier {
  /** Roots of full subtrees, largest first: one for each set bit of `size`. */
  const roots: Uint8Array[] = []
  let size = 0
  return {
    get size() {
      return size
    },
    append(leaf) {
      let hash = leaf
      for (let bits = size; bits % 2 === 1; bits = Math.floor(bits / 2)) {
        hash = nodeHash(roots.pop() ?? EMPTY_ROOT, hash)
      }
      roots.push(hash)
      size += 1
    },
    root: () =>
      roots.length === 0 ? EMPTY_ROOT : roots.reduceRight((right, left) => nodeHash(left, right)),
  }
}
