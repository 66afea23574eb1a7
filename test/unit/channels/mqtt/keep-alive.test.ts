/** Keep alive [MQTT-3.1.2-22]: one and a half times what the client has promised, and no more. */
import { expect, test } from 'vitest'
import { brokerOfTest, clientOfTest } from './broker-support.ts'

/** CONNECT of MQTT 3.1.1, clean session, client id `d`, keep alive of 10 s, will `gone` on `x`. */
const CONNECT = '10 16 0004 4d515454 04 06 000a 0001 64 0001 78 0004 676f6e65'
/** The same without a will, client id `r`, keep alive 0. */
const CONNECT_READER = '10 0d 0004 4d515454 04 02 0000 0001 72'
const SUBSCRIBE = '82 06 0001 0001 78 00'
const PINGREQ = 'c000'
const WILL = '30070001' + '78' + '676f6e65'

test('a client that is silent for 1.5 times its keep alive is gone, and its will is sent; a ping counts', async () => {
  const broker = await brokerOfTest()
  const reader = await clientOfTest(broker)
  reader.send(CONNECT_READER + SUBSCRIBE)
  expect(await reader.next()).toBe('20020000')
  expect(await reader.next()).toBe('9003000100')
  const device = await clientOfTest(broker)
  device.send(CONNECT)
  expect(await device.next()).toBe('20020000')
  const isAlive = async () => {
    reader.send(PINGREQ)
    return (await reader.next()) === 'd000'
  }

  broker.advance(14_000)
  device.send(PINGREQ)
  expect(await device.next()).toBe('d000')
  broker.advance(14_000)
  expect(await isAlive()).toBe(true)
  expect(device.isClosed).toBe(false)
  broker.advance(1_500)
  await device.closed()
  expect(await reader.next()).toBe(WILL)
  expect(await isAlive()).toBe(true)
})

test('a client whose link breaks in the middle of a packet is not said to have sent more than it may', async () => {
  const told: string[] = []
  const tell = (_: object, message: string): void => void told.push(message)
  const logger = { debug: () => {}, info: tell, warn: tell, error: tell }
  const broker = await brokerOfTest({ logger })
  const device = await clientOfTest(broker)
  device.send(CONNECT)
  expect(await device.next()).toBe('20020000')
  // A PINGREQ, and of a PUBLISH the beginning.
  device.send(`${PINGREQ} 30 50 0001`)
  expect(await device.next()).toBe('d000')
  broker.advance(16_000)
  await device.closed()
  expect(told).toEqual(['client disconnected'])
})
