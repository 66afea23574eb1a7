/** Retained messages for a client that has just subscribed: all of them, however it acknowledges, comes and goes. */
import { expect, onTestFinished, test } from 'vitest'
import {
  brokerOfTest,
  clientOfTest,
  joinOfTest,
  type RawClient,
  type TestBroker,
} from './broker-support.ts'

/** 3.1.1, clean session 0, client id `a`. */
const CONNECT_KEPT = '100d 0004 4d515454 04 00 003c 0001 61'
/** MQTT 5, clean start 0, session expiry 3600. */
const CONNECT_KEPT_5 = '1013 0004 4d515454 05 00 003c 05 11 00000e10 0001 61'
const STATE = '0007 73746174652f23' // state/#

async function retain({ broker }: TestBroker, topics: number): Promise<void> {
  const all = Array.from({ length: topics }, (_, n) =>
    broker.publish({ topic: `state/${n}`, payload: 'x', qos: 1, retain: true }),
  )
  await Promise.all(all)
}

/** Topic and packet id of a PUBLISH of QoS 1. */
function read(packet: string): { topic: string; id: string } {
  expect(packet.slice(0, 1)).toBe('3')
  const headBytes = Number.parseInt(packet.slice(2, 4), 16) < 0x80 ? 2 : 3
  const topicAt = 2 * headBytes + 4
  const topicEnd = topicAt + 2 * Number.parseInt(packet.slice(topicAt - 4, topicAt), 16)
  return { topic: packet.slice(topicAt, topicEnd), id: packet.slice(topicEnd, topicEnd + 4) }
}

/** Reads and acknowledges until so many different topics have come. */
async function takeUntil(client: RawClient, got: Set<string>, count: number): Promise<void> {
  while (got.size < count) {
    const packet = await client.next()
    // A SUBACK stands where it came.
    if (packet.startsWith('90')) continue
    const { topic, id } = read(packet)
    got.add(topic)
    client.send(`4002 ${id}`)
  }
}

async function connect(broker: TestBroker, bytes: string, connack: string): Promise<RawClient> {
  const client = await clientOfTest(broker)
  client.send(bytes)
  expect((await client.next()).slice(0, connack.length)).toBe(connack)
  return client
}

test('a kept session that acknowledges many at once gets each retained message', async () => {
  const topics = 600
  const running = await brokerOfTest({ limits: { maxQueuedMessages: 200, maxInflight: 20 } })
  await retain(running, topics)
  const client = await connect(running, CONNECT_KEPT, '20020000')
  client.send(`820c 0001 ${STATE} 01`)
  expect(await client.next()).toBe('9003000101')
  const got = new Set<string>()
  while (got.size < topics) {
    const acks: string[] = []
    for (let n = 0; n < Math.min(20, topics - got.size); n++) {
      const { topic, id } = read(await client.next())
      got.add(topic)
      acks.push(`4002 ${id}`)
    }
    client.send(acks.join(' '))
  }
  expect(running.broker.connections()[0]?.counters.droppedQueue).toBe(0)
})

/** A kept session with 600 retained messages before it, cut off after 250 of them. */
async function cutOff(running: TestBroker): Promise<Set<string>> {
  await retain(running, 600)
  const client = await connect(running, CONNECT_KEPT, '20020000')
  client.send(`820c 0001 ${STATE} 01`)
  expect(await client.next()).toBe('9003000101')
  const got = new Set<string>()
  await takeUntil(client, got, 250)
  client.destroy()
  await expect.poll(() => running.broker.connections()[0]?.isConnected).toBe(false)
  return got
}

test('a kept session that is cut off in the middle gets the rest when it is back', async () => {
  const running = await brokerOfTest()
  const got = await cutOff(running)
  const back = await connect(running, CONNECT_KEPT, '20020100')
  await takeUntil(back, got, 600)
})

test('so it does after a restart meanwhile, and once all have come another restart brings none again', async () => {
  const first = await brokerOfTest()
  const got = await cutOff(first)
  const second = await first.restart()
  const back = await connect(second, CONNECT_KEPT, '20020100')
  await takeUntil(back, got, 600)
  back.send('c000')
  while ((await back.next()) !== 'd000') {}
  back.destroy()
  const third = await second.restart()
  try {
    const again = await connect(third, CONNECT_KEPT, '20020100')
    await third.broker.publish({ topic: 'state/live', payload: 'x', qos: 1 })
    const next: string[] = []
    do next.push(Buffer.from(read(await again.next()).topic, 'hex').toString())
    while (next[next.length - 1] !== 'state/live')
    // What was on its way to it may be sent again; all 600 are not.
    expect(next.length).toBeLessThan(150)
  } finally {
    await third.close()
  }
})

test('a power cut as soon as the subscription is on disk takes no retained message of it away', async () => {
  let cut: Promise<TestBroker> | undefined
  const running: TestBroker = await brokerOfTest({
    onSubscriptions: () => {
      cut ??= running.afterPowerCut()
    },
  })
  await retain(running, 10)
  const client = await connect(running, CONNECT_KEPT, '20020000')
  client.send(`820c 0001 ${STATE} 01`)
  expect(await client.next()).toBe('9003000101')
  const after = (await cut) as TestBroker
  onTestFinished(() => after.close())
  const back = await connect(after, CONNECT_KEPT, '20020100')
  await takeUntil(back, new Set(), 10)
})

test('a subscription that asks for retained messages only where it is new still gets the rest', async () => {
  const running = await brokerOfTest()
  const got = await cutOff(running)
  const back = await connect(running, CONNECT_KEPT_5, '20')
  back.send(`820d 0002 00 ${STATE} 11`) // retain handling 1
  await takeUntil(back, got, 600)
})

test('many filters in one packet over many retained messages hold nobody up', async () => {
  const running = await brokerOfTest({ limits: { maxMessagesPerSecond: 0 } })
  await retain(running, 20_000)
  const other = await connect(running, '100d 0004 4d515454 04 02 003c 0001 62', '20020000')
  const dashboard = await connect(running, '100d 0004 4d515454 04 02 003c 0001 63', '20020000')
  const filters = Array.from({ length: 900 }, (_, n) => {
    const filter = Buffer.from(`+/+/${n}`)
    return Buffer.concat([Buffer.from([0, filter.length]), filter, Buffer.from([0])])
  })
  const body = Buffer.concat([Buffer.from([0, 1]), ...filters])
  const length = Buffer.from([0x80 | (body.length & 0x7f), body.length >> 7])
  dashboard.sendBytes(Buffer.concat([Buffer.from([0x82]), length, body]))
  expect((await dashboard.next()).slice(0, 2)).toBe('90')
  // Walked in one stretch they take about 4 s; `next` waits one.
  other.send('c000')
  expect(await other.next()).toBe('d000')
})

test.each([
  [0, true],
  [1, true],
  [1, false],
] as const)(
  'a subscriber to everything gets every retained message of QoS %i, clean session %s',
  async (qos, clean) => {
    const broker = await brokerOfTest({
      limits: {
        maxSocketBufferBytes: 64 * 1024,
        maxMemoryQueue: 50,
        maxQueuedMessages: 200,
        maxInflight: 20,
      },
    })
    const payload = Buffer.alloc(1024)
    for (let n = 0; n < 1500; n++) {
      await broker.broker.publish({ topic: `state/${n}`, payload, qos, retain: true })
    }
    const topics = new Set<string>()
    const reader = await joinOfTest(broker, { clean, clientId: 'desk' })
    reader.on('message', (topic) => topics.add(topic))
    await reader.subscribeAsync('state/#', { qos })
    await expect.poll(() => topics.size, { timeout: 10_000 }).toBe(1500)
    const info = broker.broker.connections()[0]
    expect([info?.counters.droppedSlow, info?.counters.droppedQueue]).toEqual([0, 0])
  },
)
