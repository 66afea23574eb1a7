/** PUBREL of a client whose session is kept: the id is free again once that is on disk, and not before. */
import { expect, test } from 'vitest'
import { brokerOfTest, clientOfTest, type RawClient, type TestBroker } from './broker-support.ts'

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
