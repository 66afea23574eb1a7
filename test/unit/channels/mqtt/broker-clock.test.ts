import { randomFillSync } from 'node:crypto'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { BrokerClock, LONGEST_COUNTED_MS } from '../../../../gateway/channels/mqtt/broker-clock.ts'
import type { MqttClock } from '../../../../gateway/channels/mqtt/ports.ts'
import { QueueRows } from '../../../../gateway/channels/mqtt/queues/queue-rows.ts'
import { createTimeFloor, type TimeFloor } from '../../../../gateway/ledger/time-floor.ts'
import { openStore, type Store } from '../../../../gateway/storage/store.ts'
import { tempFolder } from '../../../support/temp-folder.ts'
import { startBroker, type TestBroker } from './broker-support.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const TODAY = Date.UTC(2026, 10, 28)

const NOTHING = { retained: [], writeWills: () => {} }

/** A box that can be switched off and on, and whose clock may say what it likes. */
class Box {
  readonly store = openStore({ path: join(tempFolder(), 'kefu.db'), synchronous: 'OFF' })
  #wallMs = TODAY
  #monotonicMs = 0
  #seq = 0
  #isDiskFull = false
  /** Writes for which there was no room. */
  lost = 0
  clock!: BrokerClock
  time!: TimeFloor

  constructor() {
    onTestFinished(() => {
      this.clock.close()
      return this.store.close()
    })
    this.#boot()
  }

  #boot(): void {
    const clock = { now: () => this.#wallMs, monotonic: () => this.#monotonicMs }
    const random = (bytes: Uint8Array) => void randomFillSync(bytes)
    this.time = createTimeFloor({ store: this.store, clock, random })
    const store: Store = {
      ...this.store,
      commit: (work) =>
        this.store.commit(() => {
          const result = work()
          if (!this.#isDiskFull) return result
          this.lost++
          throw new Error('disk full')
        }),
    }
    this.clock = new BrokerClock(store, {
      nowMs: clock.now,
      monotonicMs: clock.monotonic,
      time: this.time,
    })
  }

  /** While it is, nothing can be written. */
  fillDisk(isFull: boolean): void {
    this.#isDiskFull = isFull
  }

  /** Numbers above this one are given again. */
  forget(seq: number): void {
    this.#seq = seq
  }

  /** It runs for so long. */
  run(ms: number): void {
    this.#wallMs += ms
    this.#monotonicMs += ms
    this.clock.catchUp(() => NOTHING)
  }

  /** Somebody sets its clock; gives by how much broker time jumps. */
  setClock(wallMs: number): number {
    const beforeMs = this.clock.nowMs()
    this.#wallMs = wallMs
    this.clock.catchUp(() => NOTHING)
    return this.clock.nowMs() - beforeMs
  }

  /** Off, and on again with a clock that says this; gives by how much broker time has gone on. */
  async restart(wallMs: number): Promise<number> {
    this.clock.note()
    return this.crash(wallMs)
  }

  /** As `restart`, without a word of goodbye. */
  async crash(wallMs: number): Promise<number> {
    const beforeMs = this.clock.nowMs()
    this.clock.close()
    await this.time.persist()
    await this.store.durable()
    this.#wallMs = wallMs
    this.#monotonicMs = 0
    this.#boot()
    return this.clock.nowMs() - beforeMs
  }

  /** A message for an absent client, and the session that it left, each good for so long from now. */
  async keep(name: string, ms: number): Promise<void> {
    const untilMs = this.clock.nowMs() + ms
    const session = `INSERT INTO mqtt_session (client_id, expiry_seconds, expires_at) VALUES (?,?,?)`
    const message = `INSERT INTO mqtt_queue (seq, session_id, topic, payload, flags, expires_at, drop_at)
      VALUES (?, 1, ?, x'', 1, ?, ?)`
    await this.store.commit(() => {
      this.store.prepare(session).run(name, ms / 1000, untilMs)
      this.store.prepare(message).run(++this.#seq, name, untilMs, untilMs)
    })
  }

  /** So many messages for an absent client, each good for so long from now. */
  async fill(messages: number, ms: number): Promise<void> {
    const untilMs = this.clock.nowMs() + ms
    const message =
      this.store.prepare(`INSERT INTO mqtt_queue (seq, session_id, topic, payload, flags, expires_at, drop_at)
        VALUES (?, 1, 'a', x'', 1, ?, ?)`)
    await this.store.commit(() => {
      for (let n = 0; n < messages; n++) message.run(++this.#seq, untilMs, untilMs)
    })
  }

  /** How long each waiting message is still good for, as it is read, and as its row has it by now. */
  good(): { read: number[]; written: number[] } {
    const queue = new QueueRows(this.store, () => undefined, 0, this.clock)
    const read = queue.page(1, 0, this.#seq, this.#seq)
    const rows = this.store.prepare<{ at: number }>('SELECT drop_at AS at FROM mqtt_queue').all()
    const nowMs = Math.floor(this.clock.nowMs())
    const distinct = (times: number[]) => [...new Set(times.map((at) => at - nowMs))]
    return {
      read: distinct(read.flatMap(({ dropAtMs, message }) => [dropAtMs, message.expiresAtMs])),
      written: distinct(rows.map(({ at }) => at)),
    }
  }

  /** Names of what has not expired. */
  async kept(): Promise<{ messages: string[]; sessions: string[] }> {
    await this.store.durable()
    const named = (sql: string) =>
      this.store
        .prepare<{ name: string }>(sql)
        .all(Math.floor(this.clock.nowMs()))
        .map(({ name }) => name)
    return {
      messages: named('SELECT topic AS name FROM mqtt_queue WHERE drop_at > ? ORDER BY seq'),
      sessions: named(
        'SELECT client_id AS name FROM mqtt_session WHERE expires_at > ? ORDER BY id',
      ),
    }
  }
}

it.each([
  ['goes on by a rest of a night', 12 * HOUR_MS, 12 * HOUR_MS],
  ['stands still over a rest that the clock makes a year of', 400 * DAY_MS, 0],
  ['counts five days of a rest that may be one of holidays', 8 * DAY_MS, LONGEST_COUNTED_MS],
  ['does not run back where the clock was set back', -40 * DAY_MS, 0],
  ['stands still where the box boots in 1970', 1000 - TODAY, 0],
])('broker time %s', async (_what, restMs, countedMs) => {
  const box = new Box()
  expect(await box.restart(TODAY + restMs)).toBe(countedMs)
})

it('a clock that is set while the box runs moves broker time neither now nor at the next start', async () => {
  const box = new Box()
  await box.restart(TODAY)
  box.run(HOUR_MS)
  expect(box.setClock(TODAY + 9 * HOUR_MS)).toBe(0)
  expect(await box.restart(TODAY + 10 * HOUR_MS)).toBe(HOUR_MS)
  // People are told the time of the clock.
  expect(box.clock.wallOf(box.clock.nowMs())).toBe(TODAY + 10 * HOUR_MS)
})

it('what waits over a night ages by it once the clock of a box without a battery is set, and nothing else does', async () => {
  const box = new Box()
  await box.keep('for an hour', HOUR_MS)
  await box.keep('for a week', 7 * DAY_MS)
  box.run(1000)
  await box.restart(1000)
  box.run(1000)
  await box.keep('since then', HOUR_MS)
  const all = ['for an hour', 'for a week', 'since then']
  expect(await box.kept()).toEqual({ messages: all, sessions: all })
  box.run(30_000)
  expect(box.setClock(TODAY + 12 * HOUR_MS)).toBe(0)
  const left = ['for a week', 'since then']
  expect(await box.kept()).toEqual({ messages: left, sessions: left })
})

it('a long queue ages a little at a time, seen at once, and no crash in between makes it older twice', async () => {
  const box = new Box()
  await box.fill(400, 7 * DAY_MS)
  await box.restart(0)
  box.setClock(TODAY + 12 * HOUR_MS)
  const older = 6.5 * DAY_MS
  expect(box.good()).toEqual({ read: [older], written: [older, 7 * DAY_MS] })
  await box.crash(TODAY + 12 * HOUR_MS)
  expect(box.good()).toEqual({ read: [older], written: [older, 7 * DAY_MS] })
  await box.fill(10, 7 * DAY_MS)
  await expect
    .poll(() => box.good())
    .toEqual({ read: [older, 7 * DAY_MS], written: [older, 7 * DAY_MS] })
})

it('messages that take the numbers of others which were to age do not', async () => {
  const box = new Box()
  await box.fill(400, 7 * DAY_MS)
  await box.restart(0)
  box.setClock(TODAY + 12 * HOUR_MS)
  box.store.prepare('DELETE FROM mqtt_queue WHERE seq > 100').run()
  await box.crash(TODAY + 12 * HOUR_MS)
  box.forget(100)
  await box.fill(10, 7 * DAY_MS)
  await expect.poll(() => box.good().written).toEqual([6.5 * DAY_MS, 7 * DAY_MS])
  expect(box.good().read).toEqual([6.5 * DAY_MS, 7 * DAY_MS])
})

it('two rests that become known one after the other make a long queue older by both', async () => {
  const box = new Box()
  await box.fill(400, 7 * DAY_MS)
  await box.restart(0)
  box.setClock(TODAY + 12 * HOUR_MS)
  await box.store.durable()
  box.setClock(TODAY + 24 * HOUR_MS)
  expect(box.good().read).toEqual([6 * DAY_MS])
  await box.crash(TODAY + 24 * HOUR_MS)
  expect(box.good().read).toEqual([6 * DAY_MS])
  await expect.poll(() => box.good().written).toEqual([6 * DAY_MS])
})

it('what a full disk did not take ages once there is room, and no more than once', async () => {
  const box = new Box()
  await box.fill(120, 7 * DAY_MS)
  await box.restart(0)
  box.fillDisk(true)
  box.setClock(TODAY + 12 * HOUR_MS)
  await box.store.durable()
  expect(box.good().written).toEqual([7 * DAY_MS])
  box.clock.note()
  box.fillDisk(false)
  box.run(1)
  const older = 6.5 * DAY_MS - 1
  expect(box.good()).toEqual({ read: [older], written: [older, 7 * DAY_MS - 1] })
  // The next slice is lost, and tried again.
  box.fillDisk(true)
  await expect.poll(() => box.lost).toBeGreaterThan(1)
  expect(box.good()).toEqual({ read: [older], written: [older, 7 * DAY_MS - 1] })
  box.fillDisk(false)
  await expect
    .poll(() => box.good(), { timeout: 5000 })
    .toEqual({ read: [older], written: [older] })
})

it('a rest that was found out after the start counts once, though the box crashes right then', async () => {
  const box = new Box()
  await box.restart(1000)
  box.run(30_000)
  box.setClock(TODAY + 12 * HOUR_MS)
  expect(await box.crash(TODAY + 13 * HOUR_MS)).toBe(HOUR_MS)
})

it('a crash in the first minute loses no broker time, and a clock ahead after it wins none', async () => {
  const box = new Box()
  box.run(20_000)
  expect(await box.crash(TODAY + 30_000)).toBe(10_000)
  expect(await box.crash(TODAY + 300 * DAY_MS)).toBe(0)
})

it('what waits over a long rest ages by it once the cloud core agrees with the clock', async () => {
  const box = new Box()
  await box.keep('for a day', DAY_MS)
  const later = TODAY + 40 * DAY_MS
  await box.restart(later)
  box.run(HOUR_MS)
  expect((await box.kept()).messages).toEqual(['for a day'])
  expect(await box.time.confirm(later + HOUR_MS, 0)).toBe(true)
  box.run(1000)
  expect((await box.kept()).messages).toEqual([])
})

it('what waits does not age by a clock that somebody sets ahead when the box has run for a while', async () => {
  const box = new Box()
  await box.keep('for a day', DAY_MS)
  await box.restart(TODAY)
  box.run(HOUR_MS)
  box.setClock(TODAY + 5 * DAY_MS)
  expect((await box.kept()).messages).toEqual(['for a day'])
})

/** A clock that the core has to confirm after a rest of three days. */
function siteClock() {
  const start = performance.now()
  const state = { wallMs: TODAY, isKnown: true, skippedMs: 0 }
  const ranMs = () => performance.now() - start + state.skippedMs
  const clock = {
    nowMs: () => state.wallMs + ranMs(),
    monotonicMs: ranMs,
    time: {
      provenMs: () => (state.isKnown ? state.wallMs : TODAY) + ranMs(),
      reading: () => ({ nowMs: state.wallMs, isKnown: state.isKnown }),
    },
  } as unknown as MqttClock
  return { state, clock }
}

it('all that is retained ages by a rest, though the power goes while the rows are written', async () => {
  const { state, clock } = siteClock()
  let running = await startBroker({ clock })
  onTestFinished(() => running.close())
  const properties = { messageExpiryInterval: (4 * DAY_MS) / 1000 }
  const notice = { payload: 'on Friday', qos: 1, retain: true, properties } as const
  const topics = Array.from({ length: 1000 }, (_, n) => `notice/${n}`)
  await Promise.all(topics.map((topic) => running.broker.publish({ ...notice, topic })))
  state.isKnown = false
  running = await running.restart()
  await running.broker.publish({ ...notice, topic: 'notice/999' })
  state.wallMs += 3 * DAY_MS
  state.isKnown = true
  const SOON = 'SELECT count(*) AS count FROM mqtt_retained WHERE expires_at < ?'
  const soon = ({ store, broker }: TestBroker) =>
    store.prepare<{ count: number }>(SOON).get(broker.nowMs() + 2 * DAY_MS)?.count
  await expect.poll(() => soon(running), { timeout: 5000, interval: 5 }).toBeGreaterThan(0)
  // What is read may be of a transaction that is still open: lost, the next run would count the rest at its start.
  await running.store.durable()
  const after = await running.afterPowerCut()
  onTestFinished(() => after.close())
  expect(soon(after)).toBe(999)
})

it('what is retained, and sessions in memory, age with it too', async () => {
  const { state, clock } = siteClock()
  let running = await startBroker({ clock })
  onTestFinished(() => running.close())
  const { broker } = running
  const hour = { messageExpiryInterval: 3600 }
  const notice = { payload: 'until 3 pm', qos: 1, retain: true } as const
  await broker.publish({ ...notice, topic: 'notice/old', properties: hour })
  await broker.publish({ ...notice, topic: 'notice/renewed', properties: hour })
  await broker.publish({ ...notice, topic: 'notice/for-good' })
  const properties = { sessionExpiryInterval: 3600 }
  const options = { clientId: 'bed', protocolVersion: 5, reconnectPeriod: 0, properties } as const
  const bed = await connectAsync(`mqtt://127.0.0.1:${running.port}`, options)
  await bed.endAsync()
  state.isKnown = false
  running = await running.restart()
  await running.broker.publish({ ...notice, topic: 'notice/renewed', properties: hour })
  state.wallMs += 3 * DAY_MS
  state.isKnown = true
  const topics = () => running.broker.retainedTopics('notice/#').sort()
  await expect.poll(topics, { timeout: 5000 }).toEqual(['notice/for-good', 'notice/renewed'])
  state.skippedMs = 10_000
  running.broker.runDue()
  expect(running.broker.connections()).toEqual([])
})

/** A box without a battery, restarted while the will of a bed waits for so many seconds. */
async function restartWithWill(willDelayInterval: number) {
  const { state, clock } = siteClock()
  const first = await startBroker({ clock })
  const bed = await connectAsync(`mqtt://127.0.0.1:${first.port}`, {
    clientId: 'bed',
    protocolVersion: 5,
    reconnectPeriod: 0,
    properties: { sessionExpiryInterval: 7 * 24 * 3600 },
    will: {
      topic: 'lost',
      payload: Buffer.from('bed'),
      qos: 1,
      retain: true,
      properties: { willDelayInterval },
    },
  })
  bed.stream.destroy()
  await expect.poll(() => first.broker.connections()[0]?.isConnected).toBe(false)
  state.isKnown = false
  const running = await first.restart()
  onTestFinished(() => running.close())
  const DUE = 'SELECT due_at FROM mqtt_will'
  const dueMs = () => running.store.prepare<{ due_at: number }>(DUE).get()?.due_at ?? 0
  return {
    running,
    state,
    dueMs,
    /** It turns out that the box was off for three days. */
    setClock(): void {
      state.wallMs += 3 * DAY_MS
      state.isKnown = true
    },
    /** What was sent once the box has run for so long. */
    sentAfter(ms: number): string[] {
      state.skippedMs = ms
      running.broker.runDue()
      return running.broker.retainedTopics('#')
    },
  }
}

it('a will that waits ages with it, and leaves its client the time to come back', async () => {
  const { dueMs, setClock, sentAfter } = await restartWithWill(3600)
  const beforeMs = dueMs()
  setClock()
  await expect.poll(() => beforeMs - dueMs(), { timeout: 5000 }).toBe(3 * DAY_MS)
  expect(sentAfter(0)).toEqual([])
  expect(sentAfter(11_000)).toEqual(['lost'])
})

it('a will that was about to be sent when the rest became known is not sent later for it', async () => {
  const { dueMs, setClock, sentAfter } = await restartWithWill(5)
  const beforeMs = dueMs()
  expect(sentAfter(7000)).toEqual([])
  setClock()
  await expect.poll(dueMs, { timeout: 5000 }).not.toBe(beforeMs)
  expect(sentAfter(11_000)).toEqual(['lost'])
})

it('a will whose row a full disk did not take ages once there is room', async () => {
  const { running, dueMs, setClock } = await restartWithWill(3600)
  const beforeMs = dueMs()
  running.failWrites(true)
  setClock()
  await expect.poll(() => running.lostWrites(), { timeout: 5000 }).toBeGreaterThan(0)
  expect(dueMs()).toBe(beforeMs)
  running.failWrites(false)
  await expect.poll(() => beforeMs - dueMs(), { timeout: 5000 }).toBe(3 * DAY_MS)
})
