import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createForks } from '../../../gateway/ledger/forks.ts'
import { writeSetting } from '../../../gateway/ledger/settings.ts'
import { openStore } from '../../../gateway/storage/store.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const FORK = { lane: 'session', fromSequence: 7, belowIndex: 9, epoch: 'e2', atMs: 1 } as const

test.each([
  ['half a row', '[{"lane":"ses'],
  ['something else', '7'],
])('a box starts on %s of its forks, and takes the next one', async (_name, text) => {
  const store = openStore({ path: join(tempFolder(), 'kefu.db') })
  await store.commit(() => writeSetting(store, 'forks', Buffer.from(text)))
  const forks = createForks(store)
  expect(forks.list()).toEqual([])
  await store.commit(() => forks.add(FORK))
  expect(createForks(store).list()).toEqual([FORK])
  await store.close()
})
