/** Clients that leave while more of them is held back than their rate allows: what they said last still counts. */
import { createConnection } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WireClient } from '../../../support/wire/client.ts'
import { openLink } from '../../../support/wire/link.ts'
import * as packet from '../../../support/wire/packets.ts'
import { brokerOfTest, type TestBroker } from './broker-support.ts'

async function open({ port }: TestBroker, clientId: string) {
  const address = { tcp: { host: '127.0.0.1', port }, ws: '' }
  const client = new WireClient(await openLink('tcp', address), 4, clientId)
  onTestFinished(() => client.kill())
  return client
}

async function join(
  box: TestBroker,
  clientId: string,
  options: Partial<packet.ConnectOptions> = {},
) {
  const client = await open(box, clientId)
  client.send(packet.connect({ version: 4, clientId, ...options }))
  await client.expect('connack')
  return client
}

const will = { topic: 'will', payload: 'lost' }
/** More than one read brings, so that the rest waits in the kernel. */
const flood = (messages: number): Uint8Array[] =>
  Array.from({ length: messages }, (_, n) => packet.publish(4, `flood/${n}`, 'x'.repeat(20)))

/** What has come of a topic while time went on, until something is true. */
async function heardUntil(box: TestBroker, watch: WireClient, isDone: () => boolean) {
  const topics: string[] = []
  await expect
    .poll(
      async () => {
        box.advance(50)
        await watch.ping()
        while (watch.unread.length > 0) topics.push((await watch.receive()).topic)
        return isDone()
      },
      { timeout: 10_000 },
    )
    .toBe(true)
  return topics
}

const SLOW = { maxMessagesPerSecond: 1000, rateBurstSeconds: 1 }

test('a client that says goodbye behind what it sent too fast, and is back at once, is heard to the end', async () => {
  const box = await brokerOfTest({ limits: { ...SLOW, floodShare: 0.1 } })
  const watch = await join(box, 'desk')
  await watch.subscribe('#')
  const bed = await join(box, 'bed', { will })
  bed.send(...flood(4000))
  bed.disconnect().catch(() => {})
  const again = await open(box, 'bed')
  again.send(packet.connect({ version: 4, clientId: 'bed' }))
  const topics = await heardUntil(box, watch, () => again.unread.length > 0)
  expect(topics).toHaveLength(4000)
  expect((await again.expect('connack')).code).toBe(0)
})

test('a client that floods keeps its small share where another connection of its name comes and goes again', async () => {
  const box = await brokerOfTest({ limits: { ...SLOW, floodShare: 0.1 } })
  const watch = await join(box, 'desk')
  const bed = await join(box, 'bed')
  bed.send(...flood(12_000))
  const handledIn = async (seconds: number): Promise<number> => {
    const before = box.broker.counters.publishesReceived
    for (let ms = 0; ms < seconds * 1000; ms += 10) {
      box.advance(10)
      await watch.ping()
    }
    return box.broker.counters.publishesReceived - before
  }
  await expect.poll(() => handledIn(1)).toBeLessThan(200)
  const other = createConnection({ port: box.port, host: '127.0.0.1', noDelay: true })
  other.write(packet.connect({ version: 4, clientId: 'bed' }))
  await new Promise((resolve) => other.once('connect', resolve))
  await watch.ping()
  // Cut hard, which is seen of a socket that is not read too.
  other.resetAndDestroy()
  const leftInLogin = () =>
    box.broker.recentEnds().some(({ reason }) => reason === 'the client left during its login')
  await expect.poll(leftInLogin).toBe(true)
  expect(await handledIn(5)).toBeLessThan(1000)
})

test('where hearing it to the end takes too long its goodbye alone counts, and its next connection is let in', async () => {
  const box = await brokerOfTest({ limits: { ...SLOW, maxMessagesPerSecond: 10 } })
  const watch = await join(box, 'desk')
  await watch.subscribe('will')
  const bed = await join(box, 'bed', { will })
  bed.send(...flood(4000))
  bed.disconnect().catch(() => {})
  const again = await open(box, 'bed')
  again.send(packet.connect({ version: 4, clientId: 'bed' }))
  let ms = 0
  const later = async (): Promise<number> => {
    box.advance(500)
    ms += 500
    await watch.ping()
    return again.unread.length
  }
  await expect.poll(later, { timeout: 10_000 }).toBeGreaterThan(0)
  expect((await again.expect('connack')).code).toBe(0)
  expect(ms).toBeLessThan(10_000)
  expect(watch.unread).toEqual([])
})

test('a client that said goodbye behind what it sent too fast is not lost when the gateway stops', async () => {
  const box = await brokerOfTest({ limits: { ...SLOW, maxMessagesPerSecond: 10 } })
  const bed = await join(box, 'bed', { will })
  bed.send(...flood(4000))
  bed.disconnect().catch(() => {})
  await expect.poll(() => box.broker.connections()[0]?.counters.heldBack).toBeGreaterThan(0)
  const after = await box.restart()
  onTestFinished(() => after.broker.close())
  const watch = await join(after, 'desk')
  await watch.subscribe('#')
  after.advance(15_000)
  await watch.publish('end', 'of test')
  expect((await watch.receive()).topic).toBe('end')
})

test('a client that is gone while it is held back gets no more of its group, and its will is sent in time', async () => {
  const box = await brokerOfTest({ limits: { ...SLOW, maxMessagesPerSecond: 10 } })
  const watch = await join(box, 'desk')
  await watch.subscribe('will')
  await watch.subscribe('$share/g/job')
  const bed = await join(box, 'bed', { will, keepAlive: 10 })
  await bed.subscribe('$share/g/job')
  bed.send(...flood(4000))
  await expect
    .poll(
      () => box.broker.connections().find(({ clientId }) => clientId === 'bed')?.counters.heldBack,
    )
    .toBeGreaterThan(0)
  bed.kill()
  const isHere = () =>
    box.broker.connections().some((one) => one.isConnected && one.clientId === 'bed')
  let ms = 0
  const later = async (): Promise<void> => {
    box.advance(1000)
    ms += 1000
    await watch.ping()
  }
  await expect.poll(() => later().then(isHere), { timeout: 4000, interval: 200 }).toBe(false)
  for (let n = 0; n < 4; n++) await watch.publish('job', `${n}`)
  for (let n = 0; n < 4; n++) expect((await watch.receive()).topic).toBe('job')
  await expect
    .poll(() => later().then(() => watch.unread.length), { timeout: 4000, interval: 50 })
    .toBeGreaterThan(0)
  expect((await watch.receive()).topic).toBe('will')
  // Five seconds until it is looked for, and one and a half times its keep alive.
  expect(ms).toBeLessThan(40_000)
})
