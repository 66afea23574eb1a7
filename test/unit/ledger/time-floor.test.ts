import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTimeFloor, EARLIEST_MS } from '../../../gateway/ledger/time-floor.ts'
import { type Fixture, NOON_MS, openFixture, seededRandom, turn } from './fixture.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let box: Fixture
let wall: number
let monotonic: number
beforeEach(() => {
  box = openFixture()
  wall = NOON_MS
  monotonic = 1000
})
afterEach(() => box.close())

const start = () =>
  createTimeFloor({
    store: box.store,
    clock: { now: () => wall, monotonic: () => monotonic },
    random: seededRandom('boot'),
  })

const pass = (ms: number): void => {
  wall += ms
  monotonic += ms
}

test('a good clock is followed as it is', () => {
  const time = start()
  pass(HOUR_MS)
  expect(time.now()).toBe(wall)
  expect(time.doubt()).toBeUndefined()
})

test('a box that wakes in 1970 never goes behind what it knew, and says that it doubts', async () => {
  await start().persist()
  wall = 0
  const time = start()
  expect(time.now()).toBe(NOON_MS)
  pass(HOUR_MS)
  expect(time.now()).toBe(NOON_MS + HOUR_MS)
  expect(time.doubt()).toMatchObject({ monotonicMs: HOUR_MS })
  await time.persist()
  wall = NOON_MS
  expect(start().now()).toBe(NOON_MS)
})

test('a new box that wakes in 1970 begins at the age of its program', () => {
  wall = 0
  expect(start().now()).toBe(EARLIEST_MS)
})

test('times in doubt are whole milliseconds too, as the tables take them', async () => {
  wall = 0
  monotonic = 1000.25
  const time = start()
  monotonic = 1200.75
  expect(time.now()).toBe(EARLIEST_MS + 200)
  await time.confirm(NOON_MS, 10)
  monotonic = 1300.5
  expect(time.now()).toBe(NOON_MS + 99)
})

test('a clock years ahead of the last good time is not believed, so nothing expires for it', async () => {
  await start().persist()
  wall = NOON_MS + 3000 * DAY_MS
  const time = start()
  expect(time.now()).toBe(NOON_MS)
  expect(time.doubt()).toBeDefined()
})

test('when network time arrives, what was written in doubt is dated by one entry', async () => {
  await start().persist()
  wall = 0
  const time = start()
  await box.close()
  box = openFixture({ time })
  pass(HOUR_MS)
  const wang = { id: 'P-1', kind: 'patient' } as const
  const index = await box.append({ atMs: time.now(), subject: wang })
  const entry = box.ledger.entryAt(index)
  expect(entry?.timeDoubt).toMatchObject({ monotonicMs: HOUR_MS })
  expect(await time.restampIfDue(box.ledger)).toBe(false)

  pass(HOUR_MS)
  wall = NOON_MS + 5 * DAY_MS
  expect(time.doubt()).toBeUndefined()
})

test('the restamping entry gives the moment of the start', async () => {
  wall = 0
  const time = createTimeFloor({
    store: box.store,
    clock: { now: () => wall, monotonic: () => monotonic },
    random: seededRandom('boot'),
  })
  const doubt = time.doubt()
  pass(HOUR_MS)
  await box.store.commit(() => box.ledger.append(turn()))
  await time.confirm(NOON_MS, 500)
  expect(time.now()).toBe(NOON_MS)
  expect(time.doubt()).toBeUndefined()
  expect(await time.restampIfDue(box.ledger)).toBe(true)
  expect(await time.restampIfDue(box.ledger)).toBe(false)
  expect(box.ledger.entryAt(box.ledger.size() - 1)).toMatchObject({
    kind: 'clock.restamped',
    body: { boot: doubt?.boot, bootAtMs: NOON_MS - HOUR_MS, uncertaintyMs: 500, by: 'core' },
  })
})

test('keys of a run that ended before the time was known get their date in the next one', async () => {
  wall = 0
  const first = start()
  await box.close()
  box = openFixture({ time: first })
  await box.append({ atMs: first.now(), subject: { id: 'P-1', kind: 'patient' } })
  await box.append({ atMs: first.now() })
  expect(first.doubt()).toBeDefined()
  wall = NOON_MS
  await box.reopen()
  const next = start()
  const ended = () => box.ledger.subjectKeys.idsEndedBefore('C2', NOON_MS + 31 * DAY_MS)
  expect(ended()).toHaveLength(0)
  expect(await next.restampIfDue(box.ledger)).toBe(false)
  expect(ended()).toHaveLength(2)
})

test('a confirmed time overrules a clock that is wrong or jumps, and a restart remembers it', async () => {
  wall = NOON_MS - 2 * HOUR_MS
  const time = start()
  await time.confirm(NOON_MS, 100)
  expect(time.now()).toBe(NOON_MS)
  pass(HOUR_MS)
  expect(time.now()).toBe(NOON_MS + HOUR_MS)
  wall = NOON_MS + 900 * DAY_MS
  expect(time.now()).toBe(NOON_MS + HOUR_MS)
  wall = 0
  expect(start().now()).toBe(NOON_MS - 100)
})

test('a box that slept is in doubt until the core speaks, and follows its clock where it does not', async () => {
  const time = start()
  await time.confirm(wall, 100)
  pass(10_000)
  const sleep = (ms: number): void => {
    wall += ms
  }
  sleep(8 * HOUR_MS)
  expect(time.doubt()).toBeDefined()
  await time.confirm(wall, 100)
  expect([time.now(), time.doubt()]).toEqual([wall, undefined])

  sleep(8 * HOUR_MS)
  pass(61_000)
  expect([time.now(), time.doubt()]).toEqual([wall, undefined])
})

test('a clock that was ahead all along stays overruled, and leaves a doubt when it moves', async () => {
  wall = NOON_MS + 8 * HOUR_MS
  const time = start()
  await time.confirm(NOON_MS, 100)
  pass(HOUR_MS)
  expect([time.now(), time.doubt()]).toEqual([NOON_MS + HOUR_MS, undefined])
  wall += 3 * HOUR_MS
  expect(time.now()).toBe(NOON_MS + HOUR_MS)
  expect(time.doubt()).toBeDefined()
})

test('a clock that is set back by weeks while the box runs is doubted at once, by seconds followed', async () => {
  const time = start()
  pass(30 * DAY_MS)
  await time.persist()
  const rightMs = wall
  wall -= 30_000
  expect([time.now(), time.doubt()]).toEqual([wall, undefined])

  wall -= 29 * DAY_MS
  pass(HOUR_MS)
  expect(time.now()).toBe(rightMs + HOUR_MS)
  expect(time.doubt()).toBeDefined()
  expect(await time.confirm(rightMs + HOUR_MS, 100)).toBe(true)
  expect([time.now(), time.doubt()]).toEqual([rightMs + HOUR_MS, undefined])
})

test('a clock that kept local time and is set right by hours is followed, by the next start too, but not behind earlier runs', async () => {
  await start().persist()
  pass(HOUR_MS)
  const rightMs = wall
  wall += 8 * HOUR_MS
  const time = start()
  await time.persist()
  wall -= 8 * HOUR_MS
  expect([time.now(), time.doubt()]).toEqual([rightMs, undefined])
  await time.persist()
  expect([start().now(), start().doubt()]).toEqual([rightMs, undefined])

  wall = NOON_MS - HOUR_MS
  expect(time.doubt()).toBeDefined()
})

test('the core is believed about a clock that was ahead while the core was away', async () => {
  await start().persist()
  const time = start()
  wall = NOON_MS + 30 * DAY_MS
  await time.persist()
  expect(await time.confirm(NOON_MS + 60_000, 100)).toBe(true)
  expect([time.now(), time.doubt()]).toEqual([NOON_MS + 60_000, undefined])
})

test('a core whose clock is years off is not believed, so nothing expires for it', async () => {
  await start().persist()
  const time = start()
  expect(await time.confirm(NOON_MS + 3000 * DAY_MS, 100)).toBe(false)
  expect(await time.confirm(NOON_MS - 3 * DAY_MS, 100)).toBe(false)
  expect(time.now()).toBe(NOON_MS)
  expect(start().now()).toBe(NOON_MS)
})

test('a core whose clock jumps is not followed by a box whose own agreed with it, and leaves no floor', async () => {
  const time = start()
  expect(await time.confirm(wall, 10)).toBe(true)
  for (let echo = 0; echo < 8; echo++) {
    pass(15_000)
    expect(await time.confirm(wall + 300 * DAY_MS, 10)).toBe(false)
    await time.persist()
  }
  expect([time.now(), time.doubt()]).toEqual([wall, undefined])
  expect(await time.confirm(wall - 3 * HOUR_MS, 10)).toBe(false)
  expect(await time.confirm(wall, 10)).toBe(true)
  expect([start().now(), start().doubt()]).toEqual([wall, undefined])

  // Clock and core are set together, as by the network time of a site.
  wall += 30 * DAY_MS
  expect(await time.confirm(wall, 10)).toBe(true)
  expect([time.now(), time.doubt()]).toEqual([wall, undefined])
})

test('a clock that drifted for months while the core was away is corrected by it', async () => {
  const time = start()
  expect(await time.confirm(wall, 10)).toBe(true)
  pass(90 * DAY_MS)
  const right = wall + 5 * 60_000
  expect(await time.confirm(right, 10)).toBe(true)
  expect(time.now()).toBe(right)
})

test('a box without a clock takes back what its core said wrongly, on disk too', async () => {
  wall = 0
  const time = start()
  await time.confirm(NOON_MS, 10)
  pass(15_000)
  await time.confirm(NOON_MS + 300 * DAY_MS, 10)
  pass(60_000)
  await time.persist()
  expect(await time.confirm(NOON_MS + 75_000, 10)).toBe(true)
  await time.persist()

  wall = 0
  const next = start()
  expect(next.now()).toBe(NOON_MS + 75_000)
  expect(await next.confirm(NOON_MS + 90_000, 10)).toBe(true)
})

test('after a rest of years the core and the clock together are believed', async () => {
  await start().persist()
  wall = NOON_MS + 3000 * DAY_MS
  const time = start()
  expect(time.doubt()).toBeDefined()
  expect(await time.confirm(wall + 500, 1000)).toBe(true)
  expect(time.doubt()).toBeUndefined()
  expect(time.now()).toBe(wall)
})

test('a jump of months is not counted before somebody confirms it, in steps neither, nor after a restart', async () => {
  await start().persist()
  const time = start()
  for (let step = 0; step < 30; step++) {
    wall += 9 * DAY_MS
    await time.persist()
  }
  expect(time.now()).toBe(wall)
  expect(time.provenMs()).toBeLessThan(NOON_MS + 11 * DAY_MS)
  expect(time.unprovenDays()).toBe(261)
  expect(start().unprovenDays()).toBe(261)
  pass(DAY_MS)
  expect(time.unprovenDays()).toBe(261)

  await time.accept()
  expect([time.provenMs(), time.unprovenDays()]).toEqual([wall, 0])
  expect(start().unprovenDays()).toBe(0)
})

test('a night, a weekend and the holidays are counted without being asked', async () => {
  await start().persist()
  for (const days of [0.5, 2.6, 9.5]) {
    wall += days * DAY_MS
    const time = start()
    expect(time.provenMs()).toBe(wall)
    await time.persist()
  }
})

test('a new box that learns the time after its start needs nobody for it', async () => {
  wall = 0
  const time = start()
  pass(60_000)
  wall = NOON_MS + 200 * DAY_MS
  expect([time.provenMs(), time.unprovenDays()]).toEqual([wall, 0])
})
