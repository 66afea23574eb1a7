import { afterEach, describe, expect, test } from 'vitest'
import { AEDES_SQL } from '../../../../gateway/channels/mqtt/aedes/persistence.ts'
import { RETAINED_SQL } from '../../../../gateway/channels/mqtt/aedes/retained-rows.ts'
import { BrokerClock } from '../../../../gateway/channels/mqtt/broker-clock.ts'
import { CLIENT_SQL } from '../../../../gateway/channels/mqtt/client-rows.ts'
import { QUEUE_SQL } from '../../../../gateway/channels/mqtt/queue-rows.ts'
import { SESSION_SQL } from '../../../../gateway/channels/mqtt/session-rows.ts'
import { startBroker, type TestBroker } from './broker-support.ts'

let running: TestBroker | undefined

afterEach(async () => {
  await running?.close()
  running = undefined
})

test.each(
  Object.entries({ ...QUEUE_SQL, ...SESSION_SQL, ...CLIENT_SQL, ...AEDES_SQL, ...RETAINED_SQL }),
)('the statement %s scans no table', async (_name, sql) => {
  running = await startBroker()
  const parameters = Array.from({ length: (sql.match(/\?/g) ?? []).length }, () => 1)
  const plan = running.store
    .prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...parameters)
    .map((row) => row.detail)
  // `max(seq)` reads one end of the primary key, which SQLite calls a search.
  expect(plan.filter((detail) => /^SCAN (?!CONSTANT)/.test(detail))).toEqual([])
})

describe('broker time', () => {
  const YEAR_2026 = Date.UTC(2026, 5, 1)

  test('goes on from where it was when the box boots in 1970', async () => {
    running = await startBroker()
    const { store } = running
    const before = new BrokerClock(store, { nowMs: () => YEAR_2026, monotonicMs: () => 0 })
    before.note()
    await store.durable()
    let sinceBootMs = 5000
    const after = new BrokerClock(store, { nowMs: () => 1000, monotonicMs: () => sinceBootMs })
    expect(after.nowMs()).toBe(YEAR_2026)
    sinceBootMs = 9000
    expect(after.nowMs()).toBe(YEAR_2026 + 4000)
  })

  test('moves stored times along when a run in 1970 is followed by one with a set clock', async () => {
    running = await startBroker()
    const { store } = running
    await store.commit(() => {
      store.prepare('DELETE FROM mqtt_clock').run()
      store
        .prepare('INSERT INTO mqtt_session (client_id, expiry_seconds, expires_at) VALUES (?,?,?)')
        .run('bed', 60, 61_000)
    })
    new BrokerClock(store, { nowMs: () => 1000, monotonicMs: () => 0 }).note()
    await store.durable()
    const later = new BrokerClock(store, { nowMs: () => YEAR_2026, monotonicMs: () => 0 })
    await store.durable()
    expect(later.nowMs()).toBe(YEAR_2026)
    const row = store.prepare<{ expires_at: number }>('SELECT expires_at FROM mqtt_session').get()
    expect(row?.expires_at).toBe(YEAR_2026 + 60_000)
  })

  test('does not jump when the wall clock is set while the box runs', async () => {
    running = await startBroker()
    let wallMs = 1000
    let monotonicMs = 0
    const clock = new BrokerClock(running.store, {
      nowMs: () => wallMs,
      monotonicMs: () => monotonicMs,
    })
    const startMs = clock.nowMs()
    wallMs = YEAR_2026
    monotonicMs = 250
    expect(clock.nowMs() - startMs).toBe(250)
  })
})
