/** What waits for clients that are away is cleared a little at a time, and holds nobody up. */
import { expect, it, onTestFinished, vi } from 'vitest'
import { RESTART_GRACE_MS } from '../../../../gateway/channels/mqtt/sessions/wills.ts'
import { joinOfTest, RawClient, startBroker, type TestBroker } from './broker-support.ts'

const HOUR_MS = 3_600_000
/** Four slices. */
const MANY = 800

/** `bed` is away, and so many messages of its own wait for it. */
async function leaveMany(broker: TestBroker): Promise<void> {
  const client = await joinOfTest(broker, { clientId: 'bed', clean: false })
  await client.subscribeAsync(['x', '$share/ward/y'], { qos: 1 })
  await client.endAsync()
  const writer = await joinOfTest(broker)
  await Promise.all(
    Array.from({ length: MANY }, (_, n) => writer.publishAsync('x', `${n}`, { qos: 1 })),
  )
}

/** Messages on disk. */
const rowsOf = ({ store }: TestBroker): number =>
  store.prepare<{ n: number }>('SELECT count(*) AS n FROM mqtt_queue').get()?.n ?? 0
const isEmpty = (broker: TestBroker) =>
  expect.poll(() => rowsOf(broker), { timeout: 15_000 }).toBe(0)

async function aBroker(more: Parameters<typeof startBroker>[0] = {}) {
  const clock = { nowMs: Date.now() }
  const overrides = {
    clock: { nowMs: () => clock.nowMs },
    limits: { maxQueuedAgeMs: HOUR_MS },
    ...more,
  }
  const holder = { broker: await startBroker(overrides), clock }
  onTestFinished(() => holder.broker.close())
  await leaveMany(holder.broker)
  return holder
}

it('a session that ends with a long queue loses it in slices, and nothing of it reaches the next one', async () => {
  const { broker } = await aBroker()
  const again = await joinOfTest(broker, { clientId: 'bed', clean: true })
  await again.endAsync()
  // The number of a row that has ended is not given again while its queue is being cleared.
  const next = await joinOfTest(broker, { clientId: 'bed', clean: false })
  const heard = vi.fn()
  next.on('message', heard)
  expect(rowsOf(broker)).toBeGreaterThan(0)
  await isEmpty(broker)
  expect(heard).not.toHaveBeenCalled()
  expect(broker.broker.totals()).toMatchObject({ queuedMessages: 0, queuedBytes: 0 })
})

it('a long queue whose clearing a restart cut short is cleared by the next run', async () => {
  const holder = await aBroker()
  await (await joinOfTest(holder.broker, { clientId: 'bed', clean: true })).endAsync()
  holder.broker = await holder.broker.restart()
  expect(rowsOf(holder.broker)).toBeGreaterThan(0)
  holder.clock.nowMs += RESTART_GRACE_MS
  holder.broker.broker.runDue()
  await isEmpty(holder.broker)
})

it('of a session that ends only what came by a group is read, and goes to the other members', async () => {
  const { broker } = await aBroker()
  const writer = await joinOfTest(broker)
  await writer.publishAsync('y', 'for the ward', { qos: 1 })
  const other = await joinOfTest(broker, { clientId: 'nurse' })
  const heard = new Promise((resolve) => other.on('message', (_, text) => resolve(`${text}`)))
  await other.subscribeAsync('$share/ward/y', { qos: 1 })
  await joinOfTest(broker, { clientId: 'bed', clean: true })
  expect(await heard).toBe('for the ward')
})

/** `bed` is away, and so many messages wait for it that came by a group. */
async function leaveManyOfGroup(broker: TestBroker): Promise<void> {
  const writer = await joinOfTest(broker)
  await Promise.all(
    Array.from({ length: MANY }, (_, n) => writer.publishAsync('y', `${n}`, { qos: 1 })),
  )
}

it('much that waits by a group for a session that ends goes to the other members in slices, in its order', async () => {
  const { broker } = await aBroker()
  await leaveManyOfGroup(broker)
  const nurse = await joinOfTest(broker, { clientId: 'nurse', clean: false })
  const heard: string[] = []
  nurse.on('message', (_, text) => heard.push(`${text}`))
  await nurse.subscribeAsync('$share/ward/y', { qos: 1 })
  await joinOfTest(broker, { clientId: 'bed', clean: true })
  const left = broker.store.prepare<{ n: number }>(
    'SELECT count(*) AS n FROM mqtt_queue WHERE session_id = 1 AND share IS NOT NULL',
  )
  expect(left.get()?.n).toBeGreaterThan(0)
  await expect.poll(() => heard.length, { timeout: 15_000 }).toBe(MANY)
  expect(heard).toEqual(Array.from({ length: MANY }, (_, n) => `${n}`))
  await isEmpty(broker)
})

it('a client that begins anew alone in its group is given nothing of what waited before', async () => {
  const { broker } = await aBroker()
  await leaveManyOfGroup(broker)
  const again = await joinOfTest(broker, { clientId: 'bed', clean: true })
  const heard = vi.fn()
  again.on('message', heard)
  await again.subscribeAsync('$share/ward/y', { qos: 1 })
  await isEmpty(broker)
  expect(heard).not.toHaveBeenCalled()
  await again.publishAsync('y', 'of now', { qos: 1 })
  await expect.poll(() => heard.mock.calls.length).toBe(1)
})

it('what a group member had been sent before a restart, and never acknowledged, goes to another one', async () => {
  let broker = await startBroker()
  onTestFinished(() => broker.close())
  const member = await RawClient.open(broker.port)
  member.send('10 0f 0004 4d515454 04 00 003c 0003 626564')
  expect(await member.next()).toBe('20020000')
  member.send(`82 12 0001 000d ${Buffer.from('$share/ward/y').toString('hex')} 01`)
  expect(await member.next()).toBe('9003000101')
  await (await joinOfTest(broker)).publishAsync('y', 'for the ward', { qos: 1 })
  expect(await member.next()).toMatch(/^32/)
  member.destroy()
  broker = await broker.restart()
  const other = await joinOfTest(broker, { clientId: 'nurse' })
  const heard = new Promise((resolve) => other.on('message', (_, text) => resolve(`${text}`)))
  await other.subscribeAsync('$share/ward/y', { qos: 1 })
  await joinOfTest(broker, { clientId: 'bed', clean: true })
  expect(await heard).toBe('for the ward')
})

it('messages that grew too old go in slices, and are counted once', async () => {
  const holder = await aBroker()
  holder.clock.nowMs += 2 * HOUR_MS
  holder.broker = await holder.broker.restart()
  const { broker } = holder.broker
  expect(rowsOf(holder.broker)).toBeGreaterThan(0)
  await isEmpty(holder.broker)
  await expect.poll(() => broker.counters.publishesDropped).toBe(MANY)
  expect(broker.totals()).toMatchObject({ queuedMessages: 0, queuedBytes: 0 })
})

it('what cannot be removed for a full disk stays counted, and waits for the next round', async () => {
  const error = vi.fn()
  const ignore = () => {}
  const holder = await aBroker({ logger: { debug: ignore, info: ignore, warn: ignore, error } })
  holder.clock.nowMs += 2 * HOUR_MS
  holder.broker = await holder.broker.restart()
  await holder.broker.store.durable()
  holder.broker.failWrites(true)
  await expect.poll(() => error.mock.calls.length).toBe(1)
  const rows = rowsOf(holder.broker)
  expect(rows).toBeGreaterThan(0)
  expect(holder.broker.broker.totals().queuedMessages).toBe(rows)
})
