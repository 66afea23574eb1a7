/** Wills on topics of the box, and the rights of a will when its time has come. */
import mqtt from 'mqtt'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { DeviceMessage, MqttPrincipal } from '../../../../gateway/channels/mqtt/ports.ts'
import { startBroker, type TestBroker } from './broker-support.ts'

let running: TestBroker | undefined
const clients: mqtt.MqttClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true)
  await running?.close()
  running = undefined
})

async function join(broker: TestBroker, clientId: string, options: mqtt.IClientOptions = {}) {
  const url = `mqtt://127.0.0.1:${broker.port}`
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, clientId, ...options })
  clients.push(client)
  return client
}

const will = (topic: string) => ({
  will: { topic, payload: Buffer.from('lost'), qos: 1 as const, retain: false },
})
const isForBox = (topic: string): boolean => topic.endsWith('/event')
/** The first message that a client hears. */
const heard = (client: mqtt.MqttClient): Promise<string> =>
  new Promise((resolve) =>
    client.once('message', (topic, payload) => resolve(`${topic} ${payload}`)),
  )

test('a will on a topic of the box is taken by the box as if its device had sent it, and then by subscribers', async () => {
  const taken: DeviceMessage<MqttPrincipal>[] = []
  running = await startBroker({
    isDeviceMessageTopic: isForBox,
    onDeviceMessage: (message) => {
      taken.push(message)
      return Promise.resolve({ reasonCode: 0 })
    },
  })
  const desk = await join(running, 'desk')
  await desk.subscribeAsync('bed/event', { qos: 1 })
  const first = heard(desk)
  const bed = await join(running, 'bed', will('bed/event'))
  bed.stream.destroy()
  expect(await first).toBe('bed/event lost')
  expect(taken).toHaveLength(1)
  expect(taken[0]).toMatchObject({ clientId: 'bed', device: { id: 'bed' }, topic: 'bed/event' })
})

test('a will that the box refuses reaches nobody, and the log says why', async () => {
  const warn = vi.fn()
  const ignore = () => {}
  running = await startBroker({
    logger: { debug: ignore, info: ignore, warn, error: ignore },
    isDeviceMessageTopic: isForBox,
    onDeviceMessage: () => ({ reasonCode: 0x99, reason: 'not an event' }),
  })
  const desk = await join(running, 'desk')
  await desk.subscribeAsync('#', { qos: 1 })
  const first = heard(desk)
  const bed = await join(running, 'bed', will('bed/event'))
  bed.stream.destroy()
  await expect.poll(() => warn.mock.calls[0]?.[0]).toMatchObject({ reason: 'not an event' })
  await running.broker.publish({ topic: 'end', payload: 'end' })
  expect(await first).toBe('end end')
})

test('a will whose device has lost the right to it meanwhile is not sent', async () => {
  let isAllowed = true
  const onRefusedPublish = vi.fn()
  running = await startBroker({
    authorize: (_principal, action) =>
      isAllowed || action !== 'publish'
        ? { ok: true }
        : { ok: false, reasonCode: 0x87, reason: 'not any more' },
    onRefusedPublish,
  })
  const desk = await join(running, 'desk')
  await desk.subscribeAsync('#', { qos: 1 })
  const first = heard(desk)
  const bed = await join(running, 'bed', will('ward/notice'))
  isAllowed = false
  bed.stream.destroy()
  await expect.poll(() => onRefusedPublish.mock.calls.length).toBe(1)
  await running.broker.publish({ topic: 'end', payload: 'end' })
  expect(await first).toBe('end end')
})

test('a device that does not come back after a restart has its will taken by the box too', async () => {
  const taken: string[] = []
  const before = await startBroker({
    isDeviceMessageTopic: isForBox,
    onDeviceMessage: ({ device, topic }) => {
      taken.push(`${device.id} ${topic}`)
      return { reasonCode: 0 }
    },
    principalOf: (clientId) => (clientId === 'bed' ? { id: 'bed' } : undefined),
  })
  running = before
  await join(before, 'bed', will('bed/event'))
  await join(before, 'stranger', will('stranger/event'))
  running = await before.restart()
  running.advance(15_000)
  expect(taken).toEqual(['bed bed/event'])
})

/** A desk that is connected, and what it has heard. */
async function desk(broker: TestBroker): Promise<string[]> {
  const told: string[] = []
  const client = await join(broker, 'desk')
  client.on('message', (_topic, payload) => told.push(`${payload}`))
  await client.subscribeAsync('#', { qos: 1 })
  return told
}

/** Of the desk, once it has heard of this moment. */
async function until(broker: TestBroker, told: string[], mark: string): Promise<string[]> {
  await broker.broker.publish({ topic: 'mark', payload: mark, qos: 1 })
  await expect.poll(() => told).toContain(mark)
  return told
}

const kept = (seconds: number, delaySeconds: number): mqtt.IClientOptions => ({
  clientId: 'bed',
  protocolVersion: 5,
  properties: { sessionExpiryInterval: seconds },
  will: { ...will('ward/lost').will, properties: { willDelayInterval: delaySeconds } },
})

test.each([
  ['will', 60, 3600],
  ['session', 3600, 60],
])(
  'a %s that became due while the gateway was off leaves its client the time to come back',
  async (_what, delaySeconds, expirySeconds) => {
    let nowMs = Date.now()
    running = await startBroker({ clock: { nowMs: () => nowMs } })
    const bed = await join(running, 'bed', kept(expirySeconds, delaySeconds))
    bed.stream.destroy()
    await expect.poll(() => running?.broker.connections()[0]?.isConnected).toBe(false)
    nowMs += 600_000
    running = await running.restart()
    const told = await desk(running)
    running.broker.runDue()
    expect(await until(running, told, 'started')).toEqual(['started'])
    nowMs += 11_000
    running.broker.runDue()
    expect(await until(running, told, 'later')).toEqual(['started', 'lost', 'later'])
  },
)

test('a will of a session that ends with its connection waits no longer than that after a power cut', async () => {
  running = await startBroker()
  await join(running, 'bed', kept(0, 3600))
  const after = await running.afterPowerCut()
  try {
    const told = await desk(after)
    after.advance(11_000)
    expect(await until(after, told, 'later')).toEqual(['lost', 'later'])
  } finally {
    await after.close()
  }
})

test('a client that wants nothing of its own is not given its will either', async () => {
  running = await startBroker()
  const bed = await join(running, 'bed', kept(3600, 0))
  await bed.subscribeAsync('#', { qos: 1, nl: true })
  const told = await desk(running)
  bed.stream.destroy()
  await expect.poll(() => told).toEqual(['lost'])
  await running.broker.publish({ topic: 'mark', payload: 'mark', qos: 1 })
  const back = mqtt.connect(`mqtt://127.0.0.1:${running.port}`, {
    ...kept(3600, 0),
    clean: false,
    reconnectPeriod: 0,
  })
  clients.push(back)
  expect(await heard(back)).toBe('mark mark')
})

describe('wills over a restart', () => {
  async function restarted(): Promise<TestBroker> {
    const broker = await startBroker()
    running = broker
    const reader = await join(broker, 'desk', { clean: false })
    await reader.subscribeAsync('wills/#', { qos: 1 })
    await reader.endAsync()
    await join(broker, 'kiosk', will('wills/kiosk'))
    running = await broker.restart()
    return running
  }

  /** The first message that the desk finds when it is back. */
  function heardBack({ port }: TestBroker): Promise<string> {
    const options = { clientId: 'desk', clean: false, reconnectPeriod: 0 }
    const back = mqtt.connect(`mqtt://127.0.0.1:${port}`, options)
    clients.push(back)
    return heard(back)
  }

  test('a client that does not come back has its will sent', async () => {
    const broker = await restarted()
    const got = heardBack(broker)
    broker.advance(15_000)
    expect(await got).toBe('wills/kiosk lost')
  })

  test('a client that comes back in time does not', async () => {
    const broker = await restarted()
    const kiosk = await join(broker, 'kiosk')
    broker.advance(15_000)
    await kiosk.publishAsync('wills/end', 'end', { qos: 1 })
    const got = heardBack(broker)
    expect(await got).toBe('wills/end end')
  })
})
