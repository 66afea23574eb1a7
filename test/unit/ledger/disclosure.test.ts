import { decode } from 'msgpackr'
import { afterEach, expect, test } from 'vitest'
import type { Disclosure } from '../../../gateway/ledger/port.ts'
import { createSubjectRights } from '../../../gateway/ledger/subjects.ts'
import { leafHash } from '../../../gateway/ledger/tlog/merkle.ts'
import { type Fixture, openFixture } from './fixture.ts'

const wang = { id: 'P-20261122-007', kind: 'patient' } as const
let box: Fixture
afterEach(() => box.close())

async function shown(disclosure: Disclosure, isErased = false): Promise<unknown> {
  box = openFixture({ disclosure })
  await box.append({
    subject: wang,
    personal: { heard: ['我叫张三，电话13812345678'], slots: { name: '张三', dept: '内科' } },
  })
  if (isErased) {
    const rights = createSubjectRights({ store: box.store, clock: box.clock, ledger: box.ledger })
    await rights.erase(wang, 'asked')
  }
  const entry = box.ledger.readLane('session', 0, 1, 1e6)[0]
  const stored = box.store
    .prepare<{ hash: Uint8Array }>('SELECT hash FROM ledger_entry WHERE idx = ?')
    .get(entry?.index ?? -1)
  expect(Buffer.from(leafHash(entry?.bytes ?? Buffer.alloc(0)))).toEqual(stored?.hash)
  return entry?.disclosed && decode(entry.disclosed)
}

test('nothing is shown to the core unless the policy says so', async () => {
  expect(await shown('none')).toBeUndefined()
})

test('masked: words with names and numbers masked, the end of the id', async () => {
  expect(await shown('masked')).toEqual({
    subject: { kind: 'patient', id: '***********007' },
    person: expect.stringMatching(/^[0-9a-f]{32}$/),
    personal: { heard: ['我叫张*，电话138****5678'], slots: { name: '张*', dept: '内科' } },
  })
})

test('full: as it was said', async () => {
  expect(await shown('full')).toMatchObject({
    subject: wang,
    personal: { slots: { name: '张三' } },
  })
})

test('nothing of an erased person', async () => {
  expect(await shown('full', true)).toBeUndefined()
})
