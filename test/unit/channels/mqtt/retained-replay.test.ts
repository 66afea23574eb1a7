/** Retained messages for a client that has just subscribed: all of them, however it acknowledges. */
import { afterEach, expect, test } from 'vitest'
import { RawClient, startBroker, type TestBroker } from './broker-support.ts'

let running: TestBroker | undefined
let client: RawClient | undefined

afterEach(async () => {
  client?.destroy()
  await running?.close()
  running = undefined
})

test('a kept session that acknowledges many at once gets each retained message', async () => {
  const topics = 600
  running = await startBroker({ limits: { maxQueuedMessages: 200, maxInflight: 20 } })
  for (let n = 0; n < topics; n++) {
    const topic = `state/${n}`
    await running.broker.publish({ topic, payload: 'x', qos: 1, retain: true })
  }
  client = await RawClient.open(running.port)
  client.send('100d 0004 4d515454 04 00 003c 0001 61')
  expect(await client.next()).toBe('20020000')
  client.send('820c 0001 0007 73746174652f23 01') // state/#
  expect(await client.next()).toBe('9003000101')
  const got = new Set<string>()
  while (got.size < topics) {
    const acks: string[] = []
    for (let n = 0; n < Math.min(20, topics - got.size); n++) {
      const packet = await client.next()
      const topicEnd = 8 + 2 * Number.parseInt(packet.slice(4, 8), 16)
      got.add(packet.slice(8, topicEnd))
      acks.push(`4002 ${packet.slice(topicEnd, topicEnd + 4)}`)
    }
    client.send(acks.join(' '))
  }
  expect(running.broker.connections()[0]?.counters.droppedQueue).toBe(0)
})
