import { isConsistent } from '@kefu-edge/cloud-sync/protocol/checkpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  consistencyProof,
  createFrontier,
  EMPTY_ROOT,
  inclusionProof,
  leafHash,
  type RangeHash,
  rootOf,
  verifyInclusion,
} from '../../../../gateway/ledger/tlog/merkle.ts'
import { readRange, type TileAddress } from '../../../../gateway/ledger/tlog/tiles.ts'

/** The eight leaves and the roots that implementations of RFC 6962 are checked with (certificate-transparency reference). */
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => leafHash(Buffer.from(hex, 'hex')))
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const H01 = ROOTS[2]
const H23 = '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e'
const H03 = ROOTS[4]
const H45 = '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a'
const H67 = 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0'
const H47 = '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4'
const L1 = '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7'
const L4 = 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const root = (hashes: readonly Uint8Array[]): Uint8Array => rootOf(Buffer.concat(hashes))
const range =
  (leaves: readonly Uint8Array[]): RangeHash =>
  (start, end) =>
    root(leaves.slice(start, end))
const manyLeaves = Array.from({ length: 70_000 }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)))

describe('published vectors', () => {
  test('roots of zero to eight leaves, at once and grown leaf by leaf', () => {
    const frontier = createFrontier()
    expect(hex(EMPTY_ROOT)).toBe(ROOTS[0])
    for (let size = 0; size <= 8; size++) {
      expect(hex(root(LEAVES.slice(0, size)))).toBe(ROOTS[size])
      expect(hex(frontier.root())).toBe(ROOTS[size])
      frontier.append(LEAVES[size] ?? EMPTY_ROOT)
    }
  })

  test.each([
    [0, 8, [L1, H23, H47]],
    [5, 8, [L4, H67, H03]],
    [2, 3, [H01]],
    [1, 5, [ROOTS[1], H23, L4]],
    [0, 1, []],
  ])('inclusion of leaf %i in a tree of %i', (index, size, expected) => {
    const proof = inclusionProof(index, size, range(LEAVES))
    expect(proof.map(hex)).toEqual(expected)
  })

  test.each([
    [1, 8, [L1, H23, H47]],
    [6, 8, [H45, H67, H03]],
    [2, 5, [H23, L4]],
    [8, 8, []],
    [0, 5, []],
  ])('consistency of %i and %i', (from, to, expected) => {
    const proof = consistencyProof(from, to, range(LEAVES))
    expect(proof.map(hex)).toEqual(expected)
  })
})

describe('proofs', () => {
  const sizes = fc.integer({ min: 1, max: 600 })

  test('every inclusion proof verifies, and none for another leaf, index, size or root', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat({ max: 31 }), (size, pick, spoiltBit) => {
        const index = pick % size
        const leaf = manyLeaves[index] ?? EMPTY_ROOT
        const proof = inclusionProof(index, size, range(manyLeaves))
        const claim = { leaf, index, size, proof, root: root(manyLeaves.slice(0, size)) }
        expect(verifyInclusion(claim)).toBe(true)
        expect(verifyInclusion({ ...claim, leaf: flip(leaf, spoiltBit) })).toBe(false)
        expect(verifyInclusion({ ...claim, root: flip(claim.root, spoiltBit) })).toBe(false)
        expect(verifyInclusion({ ...claim, proof: [...proof, leaf] })).toBe(false)
        if (size > 1) {
          expect(verifyInclusion({ ...claim, index: (index + 1) % size })).toBe(false)
          expect(verifyInclusion({ ...claim, proof: proof.slice(1) })).toBe(false)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('every consistency proof convinces the core, and none when the older tree was another', () => {
    const headOf = (size: number) => ({
      size,
      root: Buffer.from(root(manyLeaves.slice(0, size))),
    })
    fc.assert(
      fc.property(sizes, sizes, fc.nat({ max: 31 }), (a, b, spoiltByte) => {
        const [older, newer] = a < b ? [headOf(a), headOf(b)] : [headOf(b), headOf(a)]
        const proof = consistencyProof(older.size, newer.size, range(manyLeaves))
        const spoilt = ({ size, root }: typeof older) => ({
          size,
          root: Buffer.from(flip(root, spoiltByte)),
        })
        expect(isConsistent(older, newer, proof)).toBe(true)
        expect(isConsistent(spoilt(older), newer, proof)).toBe(false)
        expect(isConsistent(older, spoilt(newer), proof)).toBe(false)
        expect(isConsistent(older, newer, [...proof, EMPTY_ROOT])).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  test('tiles give the same proofs as the leaves, over three levels', () => {
    const fromLeaves = cached(range(manyLeaves))
    for (const size of [1, 255, 256, 257, 511, 65_535, 65_536, 65_537, 70_000]) {
      const fromTiles = readRange(size, tileOf)
      expect(hex(fromTiles(0, size))).toBe(hex(fromLeaves(0, size)))
      for (const index of [0, size >> 1, size - 1]) {
        expect(inclusionProof(index, size, fromTiles).map(hex)).toEqual(
          inclusionProof(index, size, fromLeaves).map(hex),
        )
      }
      const older = Math.max(1, size - 300)
      expect(consistencyProof(older, size, fromTiles).map(hex)).toEqual(
        consistencyProof(older, size, fromLeaves).map(hex),
      )
    }
  })
})

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

function cached(inner: RangeHash): RangeHash {
  const known = new Map<string, Uint8Array>()
  return (start, end) => {
    const key = `${start}-${end}`
    const hash = known.get(key) ?? inner(start, end)
    known.set(key, hash)
    return hash
  }
}

const tiles = new Map<string, Uint8Array>()
/** MTH(D[(n·256 + i)·256^l : (n·256 + i + 1)·256^l]) for i in 0 … width − 1, by the letter of tlog-tiles. */
function tileOf({ level, index, width }: TileAddress): Uint8Array {
  const key = `${level}/${index}/${width}`
  const span = 256 ** level
  const tile =
    tiles.get(key) ??
    Buffer.concat(
      Array.from({ length: width }, (_, i) => {
        const start = (index * 256 + i) * span
        return root(manyLeaves.slice(start, start + span))
      }),
    )
  tiles.set(key, tile)
  return tile
}
