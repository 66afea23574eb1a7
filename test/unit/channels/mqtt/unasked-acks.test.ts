/** Acknowledgements that answer nothing open: a flood of them is held like any, and costs no write. */
import { connectAsync } from 'mqtt'
import { expect, onTestFinished, test } from 'vitest'
import { brokerOfTest, clientOfTest, type TestBroker } from './broker-support.ts'

/** CONNECT of MQTT 5, client id `w`, kept for an hour. */
const CONNECT_KEPT = '1013 0004 4d515454 05 00 003c 05 11 00000e10 0001 77'
/** SUBSCRIBE to `x`, QoS 2. */
const SUBSCRIBE = '8207 0001 00 0001 78 02'
const PER_SECOND = 100

const heldBack = ({ broker }: TestBroker): number => broker.connections()[0]?.counters.heldBack ?? 0

async function join(broker: TestBroker) {
  const client = await clientOfTest(broker)
  client.send(CONNECT_KEPT)
  expect((await client.next()).slice(0, 2)).toBe('20')
  return client
}

test.each([
  ['PUBACK', '4002'],
  ['PUBREC', '5002'],
  ['PUBREL', '6202'],
  ['PUBCOMP', '7002'],
])('a flood of %s that nobody waits for is held to the rate of messages', async (_name, head) => {
  const broker = await brokerOfTest({ limits: { maxMessagesPerSecond: PER_SECOND } })
  const client = await join(broker)
  client.send(`${head} 0009`.repeat(4 * PER_SECOND))
  await expect.poll(() => heldBack(broker)).toBeGreaterThan(0)
})

test('a client that acknowledges what it was sent is never held for it', async () => {
  const broker = await brokerOfTest({ limits: { maxMessagesPerSecond: PER_SECOND } })
  const reader = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, {
    protocolVersion: 5,
    clientId: 'r',
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
  })
  onTestFinished(() => void reader.end(true))
  await reader.subscribeAsync('x', { qos: 2 })
  let got = 0
  reader.on('message', () => got++)
  for (let n = 0; n < 4 * PER_SECOND; n++) {
    await broker.broker.publish({ topic: 'x', payload: `${n}`, qos: n % 2 === 0 ? 1 : 2 })
  }
  await expect.poll(() => got).toBe(4 * PER_SECOND)
  await expect.poll(() => broker.broker.connections()[0]?.queuedMessages).toBe(0)
  expect(heldBack(broker)).toBe(0)
})

test('a release of what is not open is answered without a write', async () => {
  const broker = await brokerOfTest()
  const client = await join(broker)
  broker.failWrites(true)
  client.send('6202 0009')
  expect(await client.next()).toBe('7003000992')
})

test('a receipt that is repeated while its release is written is answered once', async () => {
  const broker = await brokerOfTest()
  const client = await join(broker)
  client.send(SUBSCRIBE)
  expect((await client.next()).slice(0, 2)).toBe('90')
  await broker.broker.publish({ topic: 'x', payload: '1', qos: 2 })
  expect(await client.next()).toBe('34070001780001' + '0031')
  client.send(`${'5002 0001'.repeat(3)}c000`)
  expect([await client.next(), await client.next()].sort()).toEqual(['62020001', 'd000'])
  client.send('c000')
  expect(await client.next()).toBe('d000')
})
