/** What one packet may carry, and what it costs its client. */
import { expect, test } from 'vitest'
import { brokerOfTest, clientOfTest, type RawClient, type TestBroker } from './broker-support.ts'

/** A client of MQTT 5, clean start, that is connected. */
async function open(broker: TestBroker): Promise<RawClient> {
  const client = await clientOfTest(broker)
  client.send('100e 0004 4d515454 05 02 003c 00 0001 61')
  expect(await client.next()).toMatch(/^20..0000/)
  return client
}

/** A packet: its first byte and its body, of 128 bytes or more. */
const packetOf = (head: number, body: Buffer): Buffer => {
  const { length } = body
  return Buffer.concat([Buffer.of(head, (length & 0x7f) | 0x80, length >> 7), body])
}
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
/** SUBSCRIBE to the filter `x`, again and again. */
const subscribeTimes = (filters: number): Buffer =>
  packetOf(0x82, Buffer.concat([hex('0001 00'), ...Array(filters).fill(hex('0001 78 00'))]))
/** A bridge's mark, `kefu-via` with nothing behind it. */
const MARK = '26 0008 6b6566752d766961 0000'
/** PUBLISH of QoS 0 to `x` with so many empty user properties and marks of bridges. */
const publishWith = (pairs: number, marks = 0): Buffer => {
  const length = pairs * 5 + marks * 13
  const properties = [...Array(pairs).fill(hex('26 0000 0000')), ...Array(marks).fill(hex(MARK))]
  const head = Buffer.of(0, 1, 0x78, (length & 0x7f) | 0x80, length >> 7)
  return packetOf(0x30, Buffer.concat([head, ...properties]))
}

test.each([
  ['SUBSCRIBE of more than a thousand filters', subscribeTimes(1000), subscribeTimes(1001)],
  ['PUBLISH with more than a hundred user properties', publishWith(100), publishWith(101)],
  [
    'PUBLISH with more marks of bridges than there are hops',
    publishWith(100, 8),
    publishWith(100, 9),
  ],
])('a %s ends the connection with 0x97, one fewer does not', async (_name, most, tooMany) => {
  const running = await brokerOfTest()
  const client = await open(running)
  client.sendBytes(most)
  client.send('c000')
  let packet = await client.next()
  if (packet.startsWith('90')) packet = await client.next()
  expect(packet).toBe('d000')
  client.sendBytes(tooMany)
  expect(await client.next()).toMatch(/^e0..97/)
})

test('each filter of a SUBSCRIBE counts against the rate of its client', async () => {
  const running = await brokerOfTest({
    limits: { maxMessagesPerSecond: 100, rateBurstSeconds: 0.5 },
  })
  const client = await open(running)
  client.sendBytes(subscribeTimes(60))
  expect(await client.next()).toMatch(/^90/)
  expect(running.broker.connections()[0]?.counters.heldBack).toBe(1)
})

test('who is not let in yet may send 256 KB at most, and afterwards what the limit for packets allows', async () => {
  const running = await brokerOfTest({ limits: { maxPacketBytes: 1_000_000 } })
  const unknown = await clientOfTest(running)
  unknown.send('10 e0a712') // a CONNECT of 300,000 bytes
  await unknown.closed()
  expect(running.broker.recentEnds()[0]?.reasonCode).toBe(0x95)
  const known = await open(running)
  known.sendBytes(Buffer.concat([hex('30 e3a712 0001 78 00'), Buffer.alloc(299_999)]))
  known.send('c000')
  expect(await known.next()).toBe('d000')
})

test('a client that takes no SUBACK of this size hears so, and none is sent', async () => {
  const running = await brokerOfTest({
    authorize: () => ({ ok: false, reasonCode: 0x87, reason: 'a reason of some length'.repeat(5) }),
  })
  const client = await clientOfTest(running)
  // Takes packets of 80 bytes.
  client.send('1013 0004 4d515454 05 02 003c 05 27 00000050 0001 61')
  expect(await client.next()).toMatch(/^20..0000/)
  client.sendBytes(subscribeTimes(60))
  expect(await client.next()).toBe(`903f000100${'87'.repeat(60)}`)
  client.sendBytes(subscribeTimes(80))
  expect(await client.next()).toMatch(/^e0..95/)
})
