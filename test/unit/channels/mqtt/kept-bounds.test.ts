/** What the broker keeps has a bound, however many client ids, topics or filters one token brings. */
import { expect, it, onTestFinished } from 'vitest'
import {
  brokerOfTest,
  clientOfTest,
  joinOfTest,
  startBroker,
  type TestBroker,
} from './broker-support.ts'

/** Every client id belongs to the device before its colon, as in the house. */
const ofDevices = {
  principalOf: (clientId: string) => ({ id: clientId.split(':', 1)[0] ?? clientId }),
}

/** A kept session subscribed to `filter`, whose client is away. */
async function leave(broker: TestBroker, clientId: string, filter = 'x'): Promise<void> {
  const client = await joinOfTest(broker, { clientId, clean: false })
  await client.subscribeAsync(filter, { qos: 1 })
  await client.endAsync()
}

const clientIds = ({ broker }: TestBroker) =>
  broker
    .connections()
    .map(({ clientId }) => clientId)
    .sort()

it('of a device that comes under ever new names the sessions it left last are kept, and no other device loses one', async () => {
  const warned: object[] = []
  const ignore = () => {}
  const running = await brokerOfTest({
    ...ofDevices,
    logger: { debug: ignore, info: ignore, warn: (it) => warned.push(it), error: ignore },
    limits: { maxKeptSessions: 2 },
  })
  for (const id of ['bed', 'tablet:1', 'tablet:2']) await leave(running, id)
  // Back again, it was left after the second.
  await leave(running, 'tablet:1')
  await leave(running, 'tablet:3')
  expect(clientIds(running)).toEqual(['bed', 'tablet:1', 'tablet:3'])
  expect(running.broker.totals().crowdedOutSessions).toBe(1)
  expect(warned).toEqual([{ clientId: 'tablet:2', messages: 0, kept: 2 }])
})

it('a device has no more kept sessions than it may once its clients had time to come back after a restart', async () => {
  const limits = { maxKeptSessions: 3 }
  let running = await startBroker({ ...ofDevices, limits })
  onTestFinished(() => running.close())
  for (const id of ['tablet:3', 'tablet:2', 'tablet:1']) await leave(running, id)
  limits.maxKeptSessions = 2
  running = await running.restart()
  expect(clientIds(running)).toEqual(['tablet:1', 'tablet:2', 'tablet:3'])
  running.advance(10_000)
  expect(clientIds(running)).toEqual(['tablet:1', 'tablet:2'])
  running = await running.restart()
  expect(clientIds(running)).toEqual(['tablet:1', 'tablet:2'])
})

it('clients that are connected when the gateway stops find their sessions again, however many they are', async () => {
  const kept = { clean: false, reconnectPeriod: 0 }
  const limits = { maxKeptSessions: 2 }
  let running = await startBroker({ ...ofDevices, limits })
  onTestFinished(() => running.close())
  const ids = Array.from({ length: 5 }, (_, n) => `his:${n}`)
  for (const clientId of ids) {
    await (await joinOfTest(running, { clientId, ...kept })).subscribeAsync(clientId, { qos: 1 })
  }
  running = await running.restart()
  for (const clientId of ids) await joinOfTest(running, { clientId, ...kept })
  running.advance(10_000)
  expect(running.broker.connections().map((one) => one.subscriptions)).toEqual([1, 1, 1, 1, 1])
})

it('where all queues together are full, a client that is away has its own small part and no more', async () => {
  const limits = { maxTotalQueuedBytes: 3000, crowdedQueuedBytes: 500 }
  let running = await startBroker({ limits })
  onTestFinished(() => running.close())
  await leave(running, 'bed', 'of/bed')
  await leave(running, 'nurse', 'of/nurse')
  const writer = await joinOfTest(running)
  const send = async (topic: string, count: number) => {
    for (let n = 0; n < count; n++) await writer.publishAsync(topic, 'a'.repeat(94), { qos: 1 })
  }
  await send('of/bed', 40) // 100 bytes each
  await send('of/nurse', 10)
  const queued = () => {
    const kept = running.broker.connections().filter(({ queuedBytes }) => queuedBytes > 0)
    return Object.fromEntries(kept.map((one) => [one.clientId, one.queuedBytes]))
  }
  expect(queued()).toEqual({ bed: 3000, nurse: 408 })
  running = await running.restart()
  expect(queued()).toEqual({ bed: 3000, nurse: 408 })
  expect(running.broker.totals().queuedBytes).toBe(3408)
})

it('a topic or filter that is too long is refused with the limit; with an alias it ends the connection', async () => {
  const running = await brokerOfTest({ limits: { maxTopicBytes: 64 } })
  const client = await clientOfTest(running)
  client.send('1011 0004 4d515454 05 02 003c 03 22 0005 0001 61')
  expect(await client.next()).toMatch(/^20..0000/)
  const longest = '61'.repeat(64)
  client.send(`32 45 0040 ${longest} 0001 00`)
  expect(await client.next()).toMatch(/^40..0001(10)?$/)
  // 22 letters of three bytes each: 66 bytes.
  client.send(`32 47 0042 ${'e58cbb'.repeat(22)} 0002 00`)
  const refusal = Buffer.from(await client.next(), 'hex')
  expect(refusal[4]).toBe(0x90)
  expect(`${refusal}`).toContain('64 bytes at most (mqtt.maxTopicBytes)')
  client.send(`82 47 0003 00 0041 ${longest}61 01`)
  expect(Buffer.from(await client.next(), 'hex').at(-1)).toBe(0x8f)
  client.send(`30 47 0041 ${longest}61 03 23 0001`)
  expect(await client.next()).toMatch(/^e0..90/)
})

it('where all filters together are too much, a client has a few and is told', async () => {
  const limits = { maxTotalFilterBytes: 10_000, crowdedFilterBytes: 1000 }
  const running = await brokerOfTest({ limits })
  const greedy = await joinOfTest(running, { protocolVersion: 5 })
  const filters = Array.from({ length: 11 }, (_, n) => `filter/${100 + n}`)
  const refusal = await greedy.subscribeAsync(filters).catch((error: unknown) => error)
  const codes = [...Array(10).fill(0), 0x97]
  expect(refusal).toMatchObject({ packet: { granted: codes } })
  const other = await joinOfTest(running, { protocolVersion: 5 })
  expect((await other.subscribeAsync('x/y'))[0]?.qos).toBe(0)
  await greedy.unsubscribeAsync(filters)
  expect((await greedy.subscribeAsync('filter/after'))[0]?.qos).toBe(0)
})

it('a filter of many levels is charged for each of them, however short its text is', async () => {
  const running = await brokerOfTest({
    limits: { maxTotalFilterBytes: 0, crowdedFilterBytes: 6000 },
  })
  const client = await joinOfTest(running, { protocolVersion: 5 })
  const deep = Array(31).fill('x').join('/')
  const refusal = await client.subscribeAsync(deep).catch((error: unknown) => error)
  expect(refusal).toMatchObject({ packet: { granted: [0x97] } })
  expect((await client.subscribeAsync('ward/3/bed/7'))[0]?.qos).toBe(0)
})

it('one device has so many connections at once, and a place again when one of them ends or is taken over', async () => {
  const running = await brokerOfTest({ ...ofDevices, limits: { maxConnectionsPerDevice: 2 } })
  const five = { protocolVersion: 5 } as const
  const first = await joinOfTest(running, { clientId: 'tablet', ...five })
  await joinOfTest(running, { clientId: 'tablet:1', ...five })
  const refused = await joinOfTest(running, { clientId: 'tablet:2', ...five }).catch(
    (error) => error,
  )
  expect(refused).toMatchObject({ code: 0x97 })
  expect(running.broker.recentEnds()[0]).toMatchObject({
    clientId: 'tablet:2',
    reason: 'a device has 2 connections at most (mqtt.maxConnectionsPerDevice)',
  })
  await joinOfTest(running, { clientId: 'bed', ...five })
  await joinOfTest(running, { clientId: 'tablet:1', ...five })
  await first.endAsync()
  await joinOfTest(running, { clientId: 'tablet:3', ...five })
  await expect(joinOfTest(running, { clientId: 'tablet:4', ...five })).rejects.toMatchObject({
    code: 0x97,
  })
})

it('a device comes in under its own id though forgotten connections have its places: the one silent longest goes', async () => {
  const running = await brokerOfTest({ ...ofDevices, limits: { maxConnectionsPerDevice: 2 } })
  await joinOfTest(running, { clientId: 'tablet:1' })
  running.advance(1000)
  await joinOfTest(running, { clientId: 'tablet:2' })
  running.advance(1000)
  await joinOfTest(running, { clientId: 'tablet' })
  const here = () => running.broker.connections().map(({ clientId }) => clientId)
  await expect.poll(here).toEqual(['tablet:2', 'tablet'])
  expect(running.broker.recentEnds()[0]).toMatchObject({
    clientId: 'tablet:1',
    reason: expect.stringContaining('its device came itself'),
  })
})
