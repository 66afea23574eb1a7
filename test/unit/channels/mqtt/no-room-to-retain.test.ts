/** What is for the box reaches it though the broker holds as many retained messages as it may. */
import { expect, test } from 'vitest'
import { brokerOfTest, clientOfTest } from './broker-support.ts'

const hex = (text: string): string => Buffer.from(text).toString('hex')

/** PUBLISH of QoS 1 with RETAIN. */
const retained = (packetId: string, topic: string, text: string): string => {
  const length = (2 + topic.length + 2 + text.length).toString(16).padStart(2, '0')
  return `33 ${length} 00${topic.length.toString(16).padStart(2, '0')} ${hex(topic)} ${packetId} ${hex(text)}`
}

test('a state that cannot be retained is taken by the box, and no older one is given out in its place', async () => {
  const taken: string[] = []
  const running = await brokerOfTest({
    limits: { maxRetainedBytes: 100 },
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
  client.send(retained('0002', 'other', 'x'.repeat(70)))
  expect(await client.next()).toBe('40020002')
  client.send(retained('0003', 'reported', 'switched off'.padEnd(60)))
  expect(await client.next()).toBe('40020003')
  expect(taken.map((text) => text.trim())).toEqual(['on', 'switched off'])
  expect(running.broker.retainedTopics('#')).toEqual(['other'])
  expect(running.broker.counters.notRetained).toBe(1)
  // It is gone from the disk too.
  const again = await running.afterPowerCut()
  expect(again.broker.retainedTopics('#')).toEqual(['other'])
  await again.close()
})
