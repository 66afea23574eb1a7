import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLedgerDuties } from '../../../gateway/ledger/duties.ts'
import { createRetention } from '../../../gateway/ledger/retention.ts'
import { createTimeFloor } from '../../../gateway/ledger/time-floor.ts'
import { type Fixture, openFixture, seededRandom } from './fixture.ts'

let box: Fixture
beforeEach(() => {
  box = openFixture()
})
afterEach(() => box.close())

const duties = () => {
  const { store, clock, ledger } = box
  const time = createTimeFloor({ store, clock, random: seededRandom('boot') })
  return createLedgerDuties({
    ledger,
    time,
    retention: createRetention({ store, clock, ledger, time }),
  })
}

test('every minute signs what was added, and nothing when nothing was', async () => {
  const checkpoints = () =>
    box.store.prepare<{ n: number }>('SELECT count(*) AS n FROM ledger_checkpoint').get()?.n
  const every = duties()
  await box.append()
  await every.everyMinute()
  expect(box.ledger.latestCheckpoint()?.size).toBe(2)
  await every.everyMinute()
  expect(checkpoints()).toBe(1)
  await box.append()
  await every.atClose()
  expect(box.ledger.latestCheckpoint()?.size).toBe(3)
})

test('every night thins the checkpoints of past days to one a day', async () => {
  const every = duties()
  for (let minute = 0; minute < 5; minute++) {
    await box.append()
    await every.everyMinute()
  }
  const newest = box.ledger.latestCheckpoint()?.size
  box.clock.nowMs += 3 * 86_400_000
  expect(await every.everyNight()).toMatchObject({ keysDestroyed: 0, entriesRemoved: 0 })
  const left = box.store.prepare<{ size: number }>('SELECT size FROM ledger_checkpoint').all()
  expect(left.map((row) => row.size)).toEqual([newest])
})
