import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createReports } from '@kefu-edge/cloud-sync/core/reports'
import type { CoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Database } from '../../../../gateway/storage/sqlite-driver.ts'
import { tempFolder } from '../../../support/temp-folder.ts'
import { openStoreOf, receiverOf } from '../support/core-store.ts'

const { publicKey } = generateKeyPairSync('ed25519')
const gatewayOf = (no: number) => ({ no, id: `gw-${no}`, publicKey, ledgerKey: undefined })
const WORDS = 'my stomach hurts'

let folder: string
let store: CoreStore
beforeEach(async () => {
  folder = tempFolder()
  store = await openStoreOf(folder, [1, 2])
})
afterEach(() => {
  store.close()
})

/** One batch of a gateway's lane; each entry is a leaf and what is shown of it. */
async function receive(
  gatewayNo: number,
  lane: string,
  first: number,
  entries: readonly (readonly [leaf: object, shown: object | null])[],
  epoch = 'e',
): Promise<void> {
  await receiverOf(store).receiver.receive(gatewayOf(gatewayNo), {
    v: 1,
    epoch,
    lane,
    after: first - 1,
    nonce: 'n',
    entries: entries.map(([leaf, shown], n) => {
      const seq = first + n
      const bytes = packr.encode({ v: 1, lane, seq, at: 0, kind: 'turn', body: {}, ...leaf })
      return [seq, seq, bytes, shown && packr.encode(shown)]
    }),
  })
}

const shownOf = (gatewayNo: number) =>
  createReports(store)
    .entries(`gw-${gatewayNo}`, 'session', { sequence: 0 }, 10)
    .map(({ disclosed }) => disclosed !== null)

it('what was shown of a person goes with the erasure, of that person and that gateway alone', async () => {
  const shown = { heard: WORDS }
  for (const gatewayNo of [1, 2]) {
    await receive(gatewayNo, 'session', 1, [
      [{ key: 7 }, shown],
      [{ key: 8 }, shown],
      [{ key: 9 }, shown],
    ])
  }
  await receive(1, 'audit', 1, [[{ kind: 'subject.erased', body: { keys: [7, 9] } }, null]])
  expect(shownOf(1)).toEqual([false, true, false])
  expect(shownOf(2)).toEqual([true, true, true])
})

it('after a restore the erasure reaches words under keys that the gateway has lost, and nobody else’s', async () => {
  const [wang, li] = ['aa', 'bb']
  const said = (person: string) => ({ personal: { heard: WORDS }, person })
  await receive(1, 'session', 1, [
    [{ key: 1 }, said(wang)],
    [{ key: 5 }, said(wang)],
    [{ key: 6 }, said(li)],
  ])
  // The backup had keys up to 4; numbers from 5 on are given out anew.
  const later = [
    [{ key: 5 }, said(li)],
    [{ key: 6 }, said(wang)],
    [{ key: 7 }, said(wang)],
  ] as const
  await receive(1, 'session', 1, later, 'restored')
  const body = { keys: [1, 6], persons: [wang] }
  await receive(1, 'audit', 1, [[{ kind: 'subject.erased', body }, null]], 'restored')
  // Key 7 was made after the erasure: its lane was faster.
  expect(shownOf(1)).toEqual([false, false, true, true, false, true])
})

it('what comes after the erasure is not kept either: lanes do not wait for each other', async () => {
  await receive(1, 'audit', 1, [[{ kind: 'subject.erased', body: { keys: [7] } }, null]])
  await receive(1, 'session', 1, [
    [{ key: 7 }, { heard: WORDS }],
    [{ key: 8 }, { heard: 'hello' }],
  ])
  expect(shownOf(1)).toEqual([false, true])
})

it('what is past its longest keeping time at the gateway goes here too', async () => {
  await receive(1, 'session', 1, [[{ key: 7 }, { heard: WORDS }]])
  const body = { class: 'C2', keys: 1, ids: [7] }
  await receive(1, 'audit', 1, [[{ kind: 'ledger.keys-expired', body }, null]])
  expect(shownOf(1)).toEqual([false])
})

it('words that no data key seals are not kept: nothing could ever erase them', async () => {
  await receive(1, 'session', 1, [[{}, { heard: WORDS }]])
  expect(shownOf(1)).toEqual([false])
})

it('the words are gone from the file and its log while the core runs, once nobody reads an older state', async () => {
  const isFound = () =>
    ['core.db', 'core.db-wal'].some((name) => readFileSync(join(folder, name)).includes(WORDS))
  await receive(1, 'session', 1, [[{ key: 7 }, { heard: WORDS }]])
  const reader = new Database(join(folder, 'core.db'), { readonly: true })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM entry').get()
  const startedAt = performance.now()
  await receive(1, 'audit', 1, [[{ kind: 'subject.erased', body: { keys: [7] } }, null]])
  await new Promise((resolve) => setImmediate(resolve))
  expect(performance.now() - startedAt).toBeLessThan(2000)
  expect(isFound()).toBe(true)
  reader.exec('COMMIT')
  reader.close()
  await expect.poll(isFound, { timeout: 5000 }).toBe(false)
})
