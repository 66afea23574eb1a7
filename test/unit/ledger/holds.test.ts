/** A legal hold stands against every way by which a data key could go: none of them leaves the record whole. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { databaseEvidence } from '../../../gateway/ledger/evidence.ts'
import { RESTORED } from '../../../gateway/ledger/lost-ends.ts'
import { nameDestroyedKeys } from '../../../gateway/ledger/name-again.ts'
import { insertEpoch } from '../../../gateway/ledger/settings.ts'
import { createSubjectRights } from '../../../gateway/ledger/subjects.ts'
import { decodeVerifierKey } from '../../../gateway/ledger/tlog/note.ts'
import { verifyLedger } from '../../../gateway/ledger/verify.ts'
import { type Fixture, openFixture, seededRandom } from './fixture.ts'

const held = { id: 'P-1', kind: 'patient' } as const
const erased = { id: 'P-2', kind: 'patient' } as const

let box: Fixture
beforeEach(async () => {
  box = openFixture()
  for (const subject of [held, erased]) await box.append({ subject })
  await rights().hold(held, 'court order')
  await box.ledger.checkpoint()
})
afterEach(() => box.close())

const rights = () => createSubjectRights({ store: box.store, clock: box.clock, ledger: box.ledger })
const keysOf = (who: typeof held | typeof erased) => box.ledger.subjectKeys.idsOf(who)
const destroyByHand = (ids: readonly number[]) =>
  box.store
    .prepare(
      `UPDATE subject_key SET wrapped = zeroblob(60), tag = zeroblob(16) WHERE id IN (${ids.join()})`,
    )
    .run()

function findings() {
  const logKey = decodeVerifierKey(box.ledger.verifierKey)
  const options = { logKey, cosigners: [], secrets: box.keys }
  return verifyLedger(databaseEvidence(box.store), options).findings
}
const wrong = (): readonly string[] => findings().map(({ code }) => code)

test('a key that somebody destroyed past the box is not named as erased when a core was put back', async () => {
  const [ofErased, ofHeld] = [keysOf(erased), keysOf(held)]
  await rights().erase(erased, 'asked')
  expect(wrong()).toEqual([])
  destroyByHand(ofHeld)
  expect(wrong()).toEqual(['key-destroyed'])

  expect(await nameDestroyedKeys(box, 'the cloud core was put back')).toBe(1)
  expect(box.ledger.entryAt(box.ledger.size() - 1)).toMatchObject({
    kind: 'subject.erased',
    body: { keys: ofErased },
  })
  await box.ledger.checkpoint()
  expect(wrong()).toEqual(['key-destroyed'])
})

test('an entry that says the key of a held person was destroyed is found, whoever wrote it', async () => {
  const keys = keysOf(held)
  destroyByHand(keys)
  await box.append({ lane: 'audit', kind: 'subject.erased', body: { keys, reason: 'asked' } })
  await box.ledger.checkpoint()
  expect(wrong()).toEqual(['key-destroyed'])
})

test('where an older copy was put back the finding names the record in which the release may stand', async () => {
  const keys = keysOf(held)
  destroyByHand(keys)
  // As builds wrote it that erased again without regard to holds.
  const reason = `${RESTORED} 2026-11-27T23:00:00.000Z`
  const answersFor = `01OLD 9 ${Buffer.alloc(32).toString('base64')}`
  const { id: epoch } = await box.store.commit(() =>
    insertEpoch(box.store, box.ledger.size(), box.clock.now(), seededRandom('epoch')),
  )
  await box.reopen()
  for (const [kind, body] of [
    ['ledger.opened', { gateway: 'box-1', epoch, reason, format: 1, answersFor }],
    ['subject.erased', { keys, reason }],
    ['subject.erased', { keys, reason: 'asked' }],
  ] as const) {
    await box.append({ lane: 'audit', kind, body })
  }
  await box.ledger.checkpoint()
  const said = findings().map(({ code, detail }) => [code, detail.includes('epoch 01OLD')])
  expect(said).toEqual([
    ['key-destroyed', true],
    ['key-destroyed', false],
  ])
})
