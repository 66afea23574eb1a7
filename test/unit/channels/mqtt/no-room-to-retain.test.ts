/** What is for the box reaches it though the broker holds as many retained messages as it may. */
import { expect, onTestFinished, test } from 'vitest'
import { brokerOfTest, clientOfTest, joinOfTest, startBroker } from './broker-support.ts'

const hex = (text: string): string => Buffer.from(text).toString('hex')

/** PUBLISH of QoS 1 with RETAIN. */
const retained = (packetId: string, topic: string, text: string): string => {
  const length = (2 + topic.length + 2 + text.length).toString(16).padStart(2, '0')
  return `33 ${length} 00${topic.length.toString(16).padStart(2, '0')} ${hex(topic)} ${packetId} ${hex(text)}`
}

test('a state that cannot be retained is taken by the box, and no older one is given out in its place', async () => {
  const taken: string[] = []
  const running = await brokerOfTest({
    limits: { maxRetainedBytes: 1600 },
    isDeviceMessageTopic: (topic) => topic === 'reported',
    onDeviceMessage: ({ payload }) => {
      taken.push(Buffer.from(payload).toString())
      return { reasonCode: 0 }
    },
  })
  const client = await clientOfTest(running)
  client.send('100d 0004 4d515454 04 02 0000 0001 61')
  expect(await client.next()).toBe('20020000')
  client.send(retained('0001', 'reported', 'on'))
  expect(await client.next()).toBe('40020001')
  client.send(retained('0002', 'other', 'x'.repeat(100)))
  expect(await client.next()).toBe('40020002')
  client.send(retained('0003', 'reported', 'switched off'.padEnd(90)))
  expect(await client.next()).toBe('40020003')
  expect(taken.map((text) => text.trim())).toEqual(['on', 'switched off'])
  expect(running.broker.retainedTopics('#')).toEqual(['other'])
  expect(running.broker.counters.notRetained).toBe(1)
  // It is gone from the disk too.
  const again = await running.afterPowerCut()
  expect(again.broker.retainedTopics('#')).toEqual(['other'])
  await again.close()
})

test('a will that cannot be retained is told to whoever is there', async () => {
  const running = await brokerOfTest({ limits: { maxRetainedBytes: 0 } })
  const desk = await clientOfTest(running)
  desk.send('100d 0004 4d515454 04 02 0000 0001 64 8206 0001 0001 77 01')
  for (const packet of ['20020000', '9003000101']) expect(await desk.next()).toBe(packet)
  const bed = await clientOfTest(running)
  // Will `lost` on `w`, QoS 1, with RETAIN.
  bed.send(`1016 0004 4d515454 04 2e 0000 0001 62 0001 77 0004 ${hex('lost')}`)
  expect(await bed.next()).toBe('20020000')
  bed.destroy()
  expect(await desk.next()).toBe(`32090001770001${hex('lost')}`)
  expect(running.broker.counters.notRetained).toBe(1)
})

test('one device that retains all it can leaves the others their room, under whatever names and over a restart', async () => {
  const principalOf = (clientId: string) => ({ id: clientId.replace(/:.*/, '') })
  let running = await startBroker({
    limits: { maxRetainedMessages: 8000 },
    principalOf,
    authenticate: ({ clientId }) => ({ ok: true, principal: principalOf(clientId) }),
  })
  onTestFinished(() => running.close())
  /** How many more are retained by it. */
  const retain = async (clientId: string, topics: readonly string[]) => {
    const before = running.broker.totals().retainedMessages
    const client = await joinOfTest(running, { clientId })
    const send = (topic: string) => client.publishAsync(topic, 'x', { qos: 1, retain: true })
    await Promise.all(topics.map(send))
    await client.endAsync()
    return running.broker.totals().retainedMessages - before
  }
  const topics = (name: string, count: number) =>
    Array.from({ length: count }, (_, n) => `${name}/${n}`)
  expect(await retain('greedy', topics('a', 1500))).toBe(1500)
  expect(await retain('greedy:2', topics('b', 600))).toBe(500)
  running = await running.restart()
  expect(await retain('greedy:3', ['c', 'a/0'])).toBe(0)
  expect(await retain('other', topics('d', 300))).toBe(300)
  // What it takes away it may keep anew.
  await running.broker.publish({ topic: 'a/1', payload: '', retain: true })
  expect(await retain('greedy', ['c'])).toBe(1)
})

test('deep topics are charged for what their levels take', async () => {
  const running = await brokerOfTest({ limits: { maxRetainedBytes: 40_000 } })
  const place = (n: number) => ({ topic: `${n}${'/a'.repeat(29)}`, payload: 'x', retain: true })
  for (let n = 0; n < 10; n++)
    await running.broker.publish({ ...place(n), publisher: '$bridge/his' })
  // Each some 7 KB, in three quarters of the room.
  expect(running.broker.totals().retainedMessages).toBe(4)
})
