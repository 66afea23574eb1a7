/** What becomes of messages for a client that is away, once its queue holds as much as it may. */
import mqtt from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { RawClient, startBroker, type TestBroker } from './broker-support.ts'

const HOUR_MS = 3_600_000
/** CONNECT of MQTT 5, clean start, client id `a`. */
const CONNECT_5 = '100e 0004 4d515454 05 02 003c 00 0001 61'

const open: { end(isForced: boolean): unknown }[] = []
let running: TestBroker | undefined

afterEach(async () => {
  for (const client of open.splice(0)) client.end(true)
  await running?.close()
  running = undefined
})

async function join(broker: TestBroker, options: mqtt.IClientOptions = {}) {
  const url = `mqtt://127.0.0.1:${broker.port}`
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options })
  open.push(client)
  return client
}

/** A session that is kept, subscribed to the filters, whose client is away. */
async function leave(broker: TestBroker, ...filters: string[]): Promise<void> {
  const client = await join(broker, { clientId: 'bed', clean: false })
  await client.subscribeAsync(filters, { qos: 1 })
  await client.endAsync()
}

/** Reason code of a PUBACK, which is left out where it is success. */
const codeOf = (puback: string): string => puback.slice(8, 10) || '00'

it('where the policy is to refuse, a burst is acknowledged as far as there is room and no further', async () => {
  const warned: object[] = []
  const ignore = () => {}
  const warn = (fields: object) => warned.push(fields)
  running = await startBroker({
    logger: { debug: ignore, info: ignore, warn, error: ignore },
    limits: { maxQueuedMessages: 5, queueOverflow: 'refuse' },
  })
  await leave(running, 'x', '$share/ward/y')
  const writer = await RawClient.open(running.port)
  open.push({ end: () => writer.destroy() })
  writer.send(CONNECT_5)
  await writer.next()

  // Twenty messages of QoS 1 in one write, as from a device that kept them while it was away.
  const publish = (topic: string, id: number) =>
    `32 07 0001 ${topic} 00${id.toString(16).padStart(2, '0')} 00 61`
  writer.send(Array.from({ length: 20 }, (_, n) => publish('78', n + 1)).join(' '))
  const codes: string[] = []
  for (let n = 0; n < 20; n++) codes.push(codeOf(await writer.next()))
  expect(codes).toEqual([...Array(5).fill('00'), ...Array(15).fill('97')])

  // The one member of a group has no room either.
  writer.send(publish('79', 21))
  expect(codeOf(await writer.next())).toBe('97')
  expect(running.broker.totals()).toMatchObject({ queuedMessages: 5, queuedBytes: 10 })
  // Once, however many found no room.
  expect(warned).toEqual([{ clientId: 'bed', messages: 5, bytes: 10, queueOverflow: 'refuse' }])
})

it('a message larger than the whole queue does not take the others with it', async () => {
  running = await startBroker({ limits: { maxQueuedBytes: 1000 } })
  await leave(running, 'x')
  const writer = await join(running)
  for (const text of ['first', 'second']) await writer.publishAsync('x', text, { qos: 1 })
  await writer.publishAsync('x', 'a'.repeat(1001), { qos: 1 })
  const { queuedMessages } = running.broker.totals()
  expect(queuedMessages).toBe(2)
})

it('what grew too old while the box was off does not reach the client that is back first', async () => {
  let nowMs = Date.now()
  running = await startBroker({
    clock: { nowMs: () => nowMs },
    limits: { maxQueuedAgeMs: HOUR_MS },
  })
  await leave(running, 'x')
  const writer = await join(running)
  await writer.publishAsync('x', 'of yesterday', { qos: 1 })
  nowMs += 24 * HOUR_MS
  running = await running.restart()
  const back = mqtt.connect(`mqtt://127.0.0.1:${running.port}`, { clientId: 'bed', clean: false })
  open.push(back)
  const heard = new Promise((resolve) => back.on('message', (_, payload) => resolve(`${payload}`)))
  await (await join(running)).publishAsync('x', 'of today', { qos: 1 })
  expect(await heard).toBe('of today')
})

it('what waits on disk is counted after a restart, before its client is back', async () => {
  running = await startBroker()
  await leave(running, 'x')
  const writer = await join(running)
  for (let n = 0; n < 3; n++) await writer.publishAsync('x', `${n}`, { qos: 1 })
  expect(running.broker.totals()).toMatchObject({ queuedMessages: 3, queuedBytes: 6 })
  running = await running.restart()
  expect(running.broker.totals()).toMatchObject({ queuedMessages: 3, queuedBytes: 6 })
})

it.each([
  ['drop-oldest', ['2', '3', '4']],
  ['drop-newest', ['0', '1', '2']],
] as const)('a full offline queue gives way by %s', async (queueOverflow, expected) => {
  const broker = await startBroker({ limits: { maxQueuedMessages: 3, queueOverflow } })
  running = broker
  await leave(broker, 'x')
  const writer = await join(broker)
  for (let n = 0; n < 5; n++) await writer.publishAsync('x', `${n}`, { qos: 1 })
  const back = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, { clientId: 'bed', clean: false })
  open.push(back)
  const got: string[] = []
  back.on('message', (_topic, payload) => got.push(payload.toString()))
  await expect.poll(() => got, { timeout: 5000 }).toEqual(expected)
})
