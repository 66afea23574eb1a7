/** Messages larger than their receiver takes, among those that wait for it. */
import mqtt from 'mqtt'
import { expect, test } from 'vitest'
import { brokerOfTest, clientOfTest } from './broker-support.ts'

/** MQTT 5, client id `a`, kept for an hour, receive maximum 2, maximum packet size 200. */
const CONNECT = '101b 0004 4d515454 05 00 003c 0d 11 00000e10 21 0002 27 000000c8 0001 61'

test('messages of QoS 2 that a client does not take, as many as its window, hold up nothing behind them', async () => {
  const running = await brokerOfTest()
  const first = await clientOfTest(running)
  first.send(CONNECT)
  expect((await first.next()).slice(0, 2)).toBe('20')
  first.send('8207 0001 00 0001 78 02')
  expect((await first.next()).slice(0, 2)).toBe('90')
  first.send('e000')
  await first.closed()
  const writer = await mqtt.connectAsync(`mqtt://127.0.0.1:${running.port}`)
  for (const payload of ['a'.repeat(300), 'b'.repeat(300)]) {
    await writer.publishAsync('x', payload, { qos: 2 })
  }
  await writer.publishAsync('x', 'small', { qos: 1 })
  await writer.endAsync()
  const back = await clientOfTest(running)
  back.send(CONNECT)
  expect((await back.next()).slice(0, 2)).toBe('20')
  expect(Buffer.from(await back.next(), 'hex').toString()).toContain('small')
})

test('a message that fits its client just so is sent without the alias that would make it too large', async () => {
  const running = await brokerOfTest()
  const client = await clientOfTest(running)
  // Clean start, maximum packet size 110, topic alias maximum 10.
  client.send('1016 0004 4d515454 05 02 003c 08 27 0000006e 22 000a 0001 61')
  expect((await client.next()).slice(0, 2)).toBe('20')
  client.send('8207 0001 00 0001 78 00')
  expect((await client.next()).slice(0, 2)).toBe('90')
  const payload = Buffer.alloc(104, 'a')
  await running.broker.publish({ topic: 'x', payload })
  await running.broker.publish({ topic: 'x', payload: 'small' })
  expect(await client.next()).toBe(`306c00017800${payload.toString('hex')}`)
  // The next one has room for it.
  expect(await client.next()).toBe('300c00017803230001736d616c6c')
})
