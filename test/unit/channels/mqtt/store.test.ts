import { afterEach, expect, test } from 'vitest'
import { AEDES_SQL } from '../../../../gateway/channels/mqtt/aedes/persistence.ts'
import { RETAINED_SQL } from '../../../../gateway/channels/mqtt/aedes/retained-rows.ts'
import { CLOCK_SQL } from '../../../../gateway/channels/mqtt/broker-clock.ts'
import { AGING_SQL } from '../../../../gateway/channels/mqtt/queues/queue-aging.ts'
import { QUEUE_SQL } from '../../../../gateway/channels/mqtt/queues/queue-rows.ts'
import { RETAINED_AGING_SQL } from '../../../../gateway/channels/mqtt/routing/retained-aging.ts'
import { CLIENT_SQL } from '../../../../gateway/channels/mqtt/sessions/client-rows.ts'
import { ENDED_SQL } from '../../../../gateway/channels/mqtt/sessions/ended-rows.ts'
import { SESSION_SQL } from '../../../../gateway/channels/mqtt/sessions/session-rows.ts'
import { startBroker, type TestBroker } from './broker-support.ts'

let running: TestBroker | undefined

afterEach(async () => {
  await running?.close()
  running = undefined
})

/** Group by group: names occur in several. */
const STATEMENTS = [
  QUEUE_SQL,
  ENDED_SQL,
  SESSION_SQL,
  CLIENT_SQL,
  AEDES_SQL,
  RETAINED_SQL,
  CLOCK_SQL,
  AGING_SQL,
  RETAINED_AGING_SQL,
].flatMap((group): [string, string][] => Object.entries(group))

test.each(STATEMENTS)('the statement %s scans no table', async (_name, sql) => {
  running = await startBroker()
  const parameters = Array.from({ length: (sql.match(/\?/g) ?? []).length }, () => 1)
  const plan = running.store
    .prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...parameters)
    .map((row) => row.detail)
  // `max(seq)` reads one end of the primary key, which SQLite calls a search.
  expect(plan.filter((detail) => /^SCAN (?!CONSTANT)/.test(detail))).toEqual([])
})
