import { describe, expect, test } from 'vitest'
import { decodeBundle, encodeBundle, tilePath } from '../../../../gateway/ledger/tlog/tiles.ts'

describe('tlog-tiles', () => {
  test('paths are those of the specification', () => {
    expect(tilePath(0, 1_234_067)).toBe('tile/0/x001/x234/067')
    expect(tilePath('entries', 273, 112)).toBe('tile/entries/273.p/112')
    expect(tilePath(2, 0, 1)).toBe('tile/2/000.p/1')
  })

  test('bundles come back entry by entry, and a cut bundle is refused', () => {
    const entries = [Buffer.from('a'), Buffer.alloc(0), Buffer.alloc(65_535, 7)]
    const bundle = encodeBundle(entries)
    expect(bundle.subarray(0, 5)).toEqual(Buffer.from([0, 1, 97, 0, 0]))
    expect(decodeBundle(bundle).map((entry) => Buffer.from(entry))).toEqual(entries)
    expect(() => decodeBundle(bundle.subarray(0, -1))).toThrow(RangeError)
    expect(() => encodeBundle([Buffer.alloc(65_536)])).toThrow(RangeError)
  })
})
