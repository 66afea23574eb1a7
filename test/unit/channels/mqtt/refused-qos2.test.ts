/** A QoS 2 message that was not taken: its packet id is free, and what comes next under it counts. */
import { expect, test } from 'vitest'
import { brokerOfTest, clientOfTest, type RawClient, type TestBroker } from './broker-support.ts'

/** CONNECT of MQTT 5, client id `w`, kept for an hour. */
const CONNECT_KEPT = '1013 0004 4d515454 05 00 003c 05 11 00000e10 0001 77'
/** CONNECT of MQTT 5, clean start, client id `r`. */
const CONNECT_READER = '100e 0004 4d515454 05 02 003c 00 0001 72'
/** QoS 2 to a topic of one letter under the packet id 1. */
const publish = (topic: 'x' | 'y', payloadHex: string): string =>
  `34 07 0001 ${topic === 'x' ? '78' : '79'} 0001 00 ${payloadHex}`
const PUBREL = '62 02 0001'
const TAKEN = '50020001'
/** Messages that a client may have open towards the broker. */
const RECEIVE_MAXIMUM = 10

async function join(broker: TestBroker, connect: string): Promise<RawClient> {
  const client = await clientOfTest(broker)
  client.send(connect)
  expect((await client.next()).slice(0, 2)).toBe('20')
  return client
}

async function readerOf(broker: TestBroker, connect = CONNECT_READER, qos = 0) {
  const reader = await join(broker, connect)
  reader.send(`82 07 0001 00 0001 78 0${qos}`)
  expect((await reader.next()).slice(0, 2)).toBe('90')
  return reader
}

test('one that was refused frees its packet id, more often than the client may have open at once', async () => {
  const refused = { ok: false, reasonCode: 0x87, reason: 'not yours' } as const
  const broker = await brokerOfTest({
    limits: { receiveMaximum: RECEIVE_MAXIMUM },
    authorize: (_who, action, topic) =>
      action === 'publish' && topic === 'y' ? refused : { ok: true },
  })
  const reader = await readerOf(broker)
  const writer = await join(broker, CONNECT_KEPT)
  for (let n = 0; n <= RECEIVE_MAXIMUM; n++) {
    writer.send(publish('y', '30'))
    expect((await writer.next()).slice(0, 10)).toMatch(/^50..000187$/)
  }
  writer.send(publish('x', '31'))
  expect(await writer.next()).toBe(TAKEN)
  expect(await reader.next()).toBe('300500017800' + '31')
})

test('one that the disk did not take counts when it is sent again under its id', async () => {
  const broker = await brokerOfTest()
  const reader = await readerOf(broker, CONNECT_KEPT.replace(/77$/, '72'), 1)
  const writer = await join(broker, CONNECT_KEPT)
  broker.failWrites(true)
  writer.send(publish('x', '31'))
  expect((await writer.next()).slice(0, 10)).toMatch(/^50..000183$/)
  broker.failWrites(false)
  // At QoS 0, so that what the reader was given before stands before it.
  writer.send('30 05 0001 78 00 30')
  expect(await reader.next()).toBe('300500017800' + '30')
  writer.send(publish('x', '31'))
  expect(await writer.next()).toBe(TAKEN)
  expect(await reader.next()).toMatch(/^3207000178....0031$/)
  writer.send(PUBREL)
  expect(await writer.next()).toBe('70020001')
})
