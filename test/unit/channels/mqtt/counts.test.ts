/** What ended or was given up is counted. */
import { expect, test } from 'vitest'
import { brokerOfTest, clientOfTest, type RawClient, type TestBroker } from './broker-support.ts'

/** A client of MQTT 5, kept for a minute, one message in flight at a time, subscribed to `x` at QoS 1. */
async function open(broker: TestBroker): Promise<RawClient> {
  const client = await clientOfTest(broker)
  client.send('1016 0004 4d515454 05 02 003c 08 11 0000003c 21 0001 0001 61')
  expect(await client.next()).toMatch(/^20..0000/)
  client.send('8207 0001 00 0001 78 01')
  expect(await client.next()).toBe('900400010001')
  return client
}

test('a session that ends because its client did not come back in time is counted as expired', async () => {
  const running = await brokerOfTest()
  const client = await open(running)
  client.send('e000')
  await client.closed()
  const { broker, advance } = running
  await expect.poll(() => broker.totals().connected).toBe(0)
  advance(61_000)
  expect(broker.totals()).toMatchObject({ sessions: 0, expiredSessions: 1 })
})

test('a message that expires in the queue of a connected client is counted as dropped', async () => {
  const running = await brokerOfTest()
  const client = await open(running)
  const { broker, advance } = running
  await broker.publish({ topic: 'x', payload: '1', qos: 1 })
  const properties = { messageExpiryInterval: 5 }
  await broker.publish({ topic: 'x', payload: '2', qos: 1, properties })
  expect(await client.next()).toBe('320700017800010031')
  advance(6000)
  client.send('4002 0001 c000')
  expect(await client.next()).toBe('d000')
  expect(broker.connections()[0]?.counters.droppedQueue).toBe(1)
  expect(broker.counters.publishesDropped).toBe(1)
})
