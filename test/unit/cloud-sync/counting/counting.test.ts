import { createCounts } from '@kefu-edge/cloud-sync/core/counts'
import { openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { createBranchCounter } from '@kefu-edge/cloud-sync/counting/counter'
import { type HolderKey, makeHolderKey, readSums } from '@kefu-edge/cloud-sync/counting/holder'
import { MAX_COUNT, packCounts, unpackSums } from '@kefu-edge/cloud-sync/protocol/counts'
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { tempFolder } from '../../../support/temp-folder.ts'

const DAY = '2026-11-22'

let key: HolderKey
beforeAll(async () => {
  key = await makeHolderKey(2048)
}, 60_000)

it('adds up what branches counted, and nobody but the holder of the key reads it', async () => {
  const folder = tempFolder()
  const store = openCoreStore(folder)
  const counts = createCounts(store)
  const keyId = await counts.addKey(key)
  const counter = createBranchCounter(key)
  const gateway = (no: number) => ({ no, id: `gw-${no}`, publicKey: noKey, ledgerKey: undefined })

  const branches = [0, 1, 2].map(
    (branch) =>
      new Map(Array.from({ length: 60 }, (_, n) => [`intent.${n}`, branch * 1000 + n] as const)),
  )
  for (const [no, branch] of branches.entries()) {
    const request = await counter.encrypt(DAY, branch)
    expect(request.ciphertexts).toHaveLength(2)
    expect(request.keyId).toBe(keyId)
    await counts.add(gateway(no), request)
    // An answer was lost: the same comes again.
    await counts.add(gateway(no), request)
    if (no < 2) expect((await counts.sums(DAY)).sums).toEqual([])
  }

  const [sum] = (await counts.sums(DAY)).sums
  expect(sum?.gateways).toBe(3)
  const read = readSums(key, sum?.names ?? [], sum?.ciphertexts ?? [])
  for (let n = 0; n < 60; n += 1) expect(read.get(`intent.${n}`)).toBe(3000 + 3 * n)

  // The same count twice makes two ciphertexts: equal numbers do not show.
  const again = await counter.encrypt(DAY, branches[0] ?? new Map())
  const first = await counter.encrypt(DAY, branches[0] ?? new Map())
  expect(again.ciphertexts).not.toEqual(first.ciphertexts)
  await counter.close()
  store.close()
}, 60_000)

it('gives nobody two sums whose difference is what one branch counted', async () => {
  const folder = tempFolder()
  let store = openCoreStore(folder)
  let counts = createCounts(store)
  const keyId = await counts.addKey(key)
  const counter = createBranchCounter(key)
  const count = async (no: number) =>
    counts.add(
      { no, id: `gw-${no}`, publicKey: noKey, ledgerKey: undefined },
      await counter.encrypt(DAY, new Map([['asks', 10 ** no]])),
    )
  const read = async () => {
    const { sums, waiting } = await counts.sums(DAY)
    return {
      sums: sums.map(({ names, ciphertexts }) => readSums(key, names, ciphertexts).get('asks')),
      waiting,
    }
  }

  for (const no of [0, 1, 2]) await count(no)
  expect(await read()).toEqual({ sums: [111], waiting: [] })
  for (const no of [3, 4]) {
    await count(no)
    expect(await read()).toEqual({
      sums: [111],
      waiting: [{ keyId, names: ['asks'], gateways: no - 2 }],
    })
  }
  // What was given out outlives a restart of the core.
  store.close()
  store = openCoreStore(folder)
  counts = createCounts(store)
  expect(await read()).toMatchObject({ sums: [111] })
  await count(5)
  expect(await read()).toEqual({ sums: [111_111], waiting: [] })
  await counter.close()
  store.close()
}, 60_000)

it('refuses ciphertexts that are not of its key', async () => {
  const folder = tempFolder()
  const store = openCoreStore(folder)
  const counts = createCounts(store)
  const keyId = await counts.addKey(key)
  const gateway = { no: 1, id: 'gw-1', publicKey: noKey, ledgerKey: undefined }
  const request = { period: DAY, keyId, names: ['a'], ciphertexts: ['0'] }
  await expect(counts.add(gateway, request)).rejects.toThrow(/ciphertexts/)
  const tooBig = { ...request, ciphertexts: ['f'.repeat(1100)] }
  await expect(counts.add(gateway, tooBig)).rejects.toThrow(/ciphertexts/)
  const unknown = { ...request, keyId: '0'.repeat(64), ciphertexts: ['2'] }
  await expect(counts.add(gateway, unknown)).rejects.toMatchObject({ code: 'counts.unknown-key' })
  await expect(counts.addKey({ n: 'ff', g: '2' })).rejects.toThrow(/bits/)
  store.close()
})

it('keeps counters apart in one plaintext, at their largest and in the most gateways', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: MAX_COUNT }), { maxLength: 130 }), (counts) => {
      const names = counts.map((_, n) => `c${n}`)
      const summed = packCounts(counts, 2048).map((one) => one * 65_536n)
      expect([...unpackSums(summed, names, 2048).values()]).toEqual(
        counts.map((one) => one * 65_536),
      )
    }),
    { numRuns: 100 },
  )
  expect(() => packCounts([-1], 2048)).toThrow(RangeError)
  expect(() => packCounts([MAX_COUNT + 1], 2048)).toThrow(RangeError)
})

const { publicKey: noKey } = (await import('node:crypto')).generateKeyPairSync('ed25519')
