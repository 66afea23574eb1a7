/** PUBREL and PUBREC of a client whose session is kept: an id is free again once that is on disk, and not before. */
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  brokerOfTest,
  clientOfTest,
  joinOfTest,
  type RawClient,
  type TestBroker,
} from './broker-support.ts'

/** CONNECT of MQTT 5, client id `w`, kept for an hour. */
const CONNECT_KEPT = '1013 0004 4d515454 05 00 003c 05 11 00000e10 0001 77'
/** CONNECT of MQTT 5, clean start, client id `r`. */
const CONNECT_READER = '100e 0004 4d515454 05 02 003c 00 0001 72'
/** QoS 2 to `x` under the packet id 1. */
const publish = (payloadHex: string): string => `3407 0001 78 0001 00 ${payloadHex}`
const PUBREL = '6202 0001'

async function join(broker: TestBroker, connect: string): Promise<RawClient> {
  const client = await clientOfTest(broker)
  client.send(connect)
  expect((await client.next()).slice(0, 2)).toBe('20')
  return client
}

test('a release that a full disk did not take is taken when the client is back, and its next message of that id counts', async () => {
  const broker = await brokerOfTest()
  const writer = await join(broker, CONNECT_KEPT)
  writer.send(publish('31'))
  expect((await writer.next()).slice(0, 2)).toBe('50')
  broker.failWrites(true)
  writer.send(PUBREL)
  expect((await writer.next()).slice(0, 6)).toMatch(/^e0..83$/)
  broker.failWrites(false)
  const back = await join(broker, CONNECT_KEPT)
  back.send(PUBREL)
  expect(await back.next()).toBe('70020001')

  const later = await broker.afterPowerCut()
  try {
    const reader = await join(later, CONNECT_READER)
    reader.send('8207 0001 00 0001 78 00')
    expect((await reader.next()).slice(0, 2)).toBe('90')
    const again = await join(later, CONNECT_KEPT)
    again.send(publish('32'))
    expect(await reader.next()).toBe('300500017800' + '32')
  } finally {
    await later.close()
  }
})

test('a release that is repeated while the first one is written is answered once that is on disk', async () => {
  const broker = await brokerOfTest()
  const writer = await join(broker, CONNECT_KEPT)
  writer.send(publish('31'))
  expect((await writer.next()).slice(0, 2)).toBe('50')
  broker.failWrites(true)
  writer.send(PUBREL + PUBREL)
  expect((await writer.next()).slice(0, 6)).toMatch(/^e0..83$/)
})

test('a message of MQTT 3.1.1 that is repeated in front of its release leaves its id free: the next one counts', async () => {
  const broker = await brokerOfTest()
  const reader = await join(broker, CONNECT_READER)
  reader.send('8207 0001 00 0001 78 00')
  expect((await reader.next()).slice(0, 2)).toBe('90')
  const writer = await join(broker, '100d 0004 4d515454 04 00 003c 0001 77')
  writer.send('3406 0001 78 0001 31')
  expect(await writer.next()).toBe('50020001')
  writer.send(`3c06 0001 78 0001 31 ${PUBREL}`)
  expect(await writer.next()).toBe('70020001')
  await broker.store.durable()
  writer.send('3406 0001 78 0001 32')
  expect(await writer.next()).toBe('50020001')
  for (const payload of ['31', '32']) expect(await reader.next()).toBe(`300500017800${payload}`)
})

describe('a disk that is full for a moment', () => {
  /** CONNECT of MQTT 5, kept for an hour, client id `a`, one message in flight at a time. */
  const CONNECT_ONE = '1016 0004 4d515454 05 00 003c 08 11 00000e10 21 0001 0001 61'

  /** A reader that has got the first of two messages of QoS 2. */
  async function reading(): Promise<{ broker: TestBroker; reader: RawClient }> {
    const broker = await brokerOfTest()
    const reader = await join(broker, CONNECT_ONE)
    reader.send('8207 0001 00 0001 78 02')
    expect(await reader.next()).toBe('900400010002')
    const writer = await joinOfTest(broker, { protocolVersion: 5 })
    await writer.publishAsync('x', '1', { qos: 2 })
    await writer.publishAsync('x', '2', { qos: 2 })
    expect(await reader.next()).toBe('340700017800010031')
    return { broker, reader }
  }

  test('sends a QoS 2 reader away whose release could not be kept, and goes on when it is back', async () => {
    const { broker, reader } = await reading()
    broker.failWrites(true)
    reader.send('5002 0001')
    expect((await reader.next()).slice(0, 2)).toBe('e0')
    broker.failWrites(false)
    const back = await join(broker, CONNECT_ONE)
    expect(await back.next()).toBe('3c0700017800010031')
    back.send('5002 0001')
    expect(await back.next()).toBe('62020001')
  })

  test('sends a QoS 2 reader away whose next packet id could not be kept, and goes on when it is back', async () => {
    const { broker, reader } = await reading()
    reader.send('5002 0001')
    expect(await reader.next()).toBe('62020001')
    broker.failWrites(true)
    reader.send('7002 0001')
    expect((await reader.next()).slice(0, 6)).toMatch(/^e0..83$/)
    broker.failWrites(false)
    const back = await join(broker, CONNECT_ONE)
    expect(await back.next()).toBe('340700017800020032')
    // The packet id is on disk: after a restart the message comes under it again.
    const later = await broker.restart()
    onTestFinished(() => later.close())
    const again = await join(later, CONNECT_ONE)
    expect(await again.next()).toBe('3c0700017800020032')
  })
})
