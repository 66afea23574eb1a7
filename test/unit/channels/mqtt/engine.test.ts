import mqtt from 'mqtt'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { MqttBrokerParts } from '../../../../gateway/channels/mqtt/broker.ts'
import type {
  DeviceMessageOutcome,
  MqttPrincipal,
  PresenceChange,
} from '../../../../gateway/channels/mqtt/ports.ts'
import { RawClient, startBroker, type TestBroker } from './broker-support.ts'

/** CONNECT of MQTT 5, clean start, client id `a`. */
const CONNECT_5 = '100e 0004 4d515454 05 02 003c 00 0001 61'
/** CONNECT of 3.1.1, clean session, client id `a`. */
const CONNECT_4 = '100d 0004 4d515454 04 02 003c 0001 61'

let running: TestBroker | undefined
const clients: mqtt.MqttClient[] = []
const raws: RawClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true)
  for (const raw of raws.splice(0)) raw.destroy()
  await running?.close()
  running = undefined
})

async function start(overrides: Partial<MqttBrokerParts<MqttPrincipal>>): Promise<TestBroker> {
  running = await startBroker(overrides)
  return running
}

async function raw(broker: TestBroker, connect?: string): Promise<RawClient> {
  const client = await RawClient.open(broker.port)
  raws.push(client)
  if (connect !== undefined) {
    client.send(connect)
    expect((await client.next()).slice(0, 2)).toBe('20')
  }
  return client
}

async function join(
  broker: TestBroker,
  options: mqtt.IClientOptions = {},
): Promise<mqtt.MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, {
    reconnectPeriod: 0,
    ...options,
  })
  clients.push(client)
  return client
}

/** A promise and its handles. */
function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

describe('messages to the box', () => {
  test('are acknowledged only when the box says that it has them, in the order they came', async () => {
    const outcomes = new Map<string, ReturnType<typeof deferred<DeviceMessageOutcome>>>()
    const broker = await start({
      isDeviceMessageTopic: (topic) => topic === 'x',
      onDeviceMessage: ({ payload }) => {
        const outcome = deferred<DeviceMessageOutcome>()
        outcomes.set(payload.toString(), outcome)
        return outcome.promise
      },
    })
    const client = await raw(broker, CONNECT_5)
    client.send('3207 0001 78 0001 00 61') // QoS 1, id 1, payload a
    client.send('3207 0001 78 0002 00 62') // QoS 1, id 2, payload b
    client.send('c000')
    expect(await client.next()).toBe('d000')
    outcomes.get('b')?.resolve({ reasonCode: 0x99, reason: 'no' })
    client.send('c000')
    expect(await client.next()).toBe('d000')
    outcomes.get('a')?.resolve({ reasonCode: 0x10 })
    expect(await client.next()).toBe('4003000110')
    expect(await client.next()).toBe('4009000299051f00026e6f')
  })

  test('of QoS 2 are taken once, though the client repeats them', async () => {
    const taken: string[] = []
    const broker = await start({
      isDeviceMessageTopic: () => true,
      onDeviceMessage: ({ payload }) => {
        taken.push(payload.toString())
        return { reasonCode: 0 }
      },
    })
    const client = await raw(broker, CONNECT_4)
    client.send('3406 0001 78 0007 61')
    expect(await client.next()).toBe('50020007')
    client.send('3c06 0001 78 0007 61')
    expect(await client.next()).toBe('50020007')
    client.send('6202 0007')
    expect(await client.next()).toBe('70020007')
    client.send('3406 0001 78 0007 62')
    expect(await client.next()).toBe('50020007')
    expect(taken).toEqual(['a', 'b'])
  })

  test('whose handler fails are refused with 0x83 and a 3.1.1 client is cut off, so that both send again', async () => {
    const broker = await start({
      isDeviceMessageTopic: () => true,
      onDeviceMessage: () => Promise.reject(new Error('disk full')),
    })
    const five = await raw(broker, CONNECT_5)
    five.send('3207 0001 78 0001 00 61')
    expect((await five.next()).slice(0, 10)).toMatch(/^40..000183$/)
    const four = await raw(broker, CONNECT_4)
    four.send('3206 0001 78 0001 61')
    expect(await four.next()).toBe('closed')
  })

  test('reach other subscribers too once the box has taken them', async () => {
    const broker = await start({ isDeviceMessageTopic: () => true })
    const reader = await join(broker)
    await reader.subscribeAsync('x/event')
    const got = deferred<string>()
    reader.on('message', (_topic, payload) => got.resolve(payload.toString()))
    const device = await join(broker)
    await device.publishAsync('x/event', 'pressed', { qos: 1 })
    expect(await got.promise).toBe('pressed')
  })
})

describe('a failing disk', () => {
  test('refuses the message with 0x83 and hands it to nobody; the next one goes through', async () => {
    const broker = await start({})
    const reader = await join(broker, { clientId: 'bed', clean: false })
    await reader.subscribeAsync('x', { qos: 1 })
    const got: string[] = []
    const second = deferred<void>()
    reader.on('message', (_topic, payload) => {
      got.push(payload.toString())
      if (payload.toString() === '2') second.resolve()
    })
    const writer = await join(broker, { protocolVersion: 5 })
    broker.failWrites(true)
    await expect(writer.publishAsync('x', '1', { qos: 1 })).rejects.toThrow(/specific error/i)
    broker.failWrites(false)
    await writer.publishAsync('x', '2', { qos: 1 })
    await second.promise
    expect(got).toEqual(['2'])
    const info = broker.broker.connections().find((one) => one.clientId === 'bed')
    expect(info?.queuedMessages).toBeLessThanOrEqual(1)
  })

  test('leaves the retained message as it was', async () => {
    const broker = await start({})
    const writer = await join(broker, { protocolVersion: 5 })
    await writer.publishAsync('state', 'old', { qos: 1, retain: true })
    broker.failWrites(true)
    await expect(writer.publishAsync('state', 'new', { qos: 1, retain: true })).rejects.toThrow()
    broker.failWrites(false)
    const got = deferred<string>()
    writer.on('message', (_topic, payload) => got.resolve(payload.toString()))
    await writer.subscribeAsync('state', { qos: 1 })
    expect(await got.promise).toBe('old')
  })
})

describe('refusals', () => {
  test('name the reason to an MQTT 5 client and tell the house of it', async () => {
    const refused = vi.fn()
    const broker = await start({
      authorize: (_principal, action, topic) =>
        action === 'publish' && topic.startsWith('other/')
          ? { ok: false, reasonCode: 0x87, reason: 'not your topic' }
          : { ok: true },
      onRefusedPublish: refused,
    })
    const client = await join(broker, { protocolVersion: 5, clientId: 'kiosk' })
    await expect(client.publishAsync('other/x', '1', { qos: 1 })).rejects.toThrow(/Not authorized/i)
    expect(refused).toHaveBeenCalledWith(
      expect.objectContaining({ clientId: 'kiosk', topic: 'other/x', reasonCode: 0x87 }),
    )
  })

  test('take effect on a live connection when permissions change', async () => {
    let isAllowed = true
    const broker = await start({
      authorize: () =>
        isAllowed ? { ok: true } : { ok: false, reasonCode: 0x87, reason: 'not any more' },
    })
    const reader = await join(broker)
    await reader.subscribeAsync('x')
    const got: string[] = []
    reader.on('message', (_topic, payload) => got.push(payload.toString()))
    const writer = await join(broker, { protocolVersion: 5 })
    await writer.publishAsync('x', '1', { qos: 1 })
    isAllowed = false
    broker.broker.permissionsChanged()
    await expect(writer.publishAsync('x', '2', { qos: 1 })).rejects.toThrow(/Not authorized/i)
    await broker.broker.publish({ topic: 'x', payload: '3' })
    await reader.unsubscribeAsync('x')
    expect(got).toEqual(['1'])
  })

  test('are listed for the operator in plain words', async () => {
    const broker = await start({
      authenticate: () => ({ ok: false, reasonCode: 0x86, reason: 'the token is not known' }),
    })
    const client = await raw(broker, CONNECT_4)
    expect(await client.next()).toBe('closed')
    expect(broker.broker.recentEnds()[0]).toMatchObject({
      clientId: 'a',
      wasRefused: true,
      reason: 'the token is not known',
    })
  })

  test('slow a client down that keeps failing to log in', async () => {
    const broker = await start({
      authenticate: () => ({ ok: false, reasonCode: 0x86, reason: 'no' }),
    })
    const codes: string[] = []
    for (let n = 0; n < 5; n++) {
      const client = await raw(broker)
      client.send(CONNECT_4)
      codes.push(await client.next())
    }
    expect(codes).toEqual(['20020004', '20020004', '20020004', '20020004', '20020003'])
  })
})

describe('limits', () => {
  test('a client that publishes too fast is paused, not cut off, and loses nothing', async () => {
    const broker = await start({ limits: { maxMessagesPerSecond: 100, rateBurstSeconds: 0.1 } })
    const reader = await join(broker)
    await reader.subscribeAsync('x', { qos: 0 })
    let count = 0
    const all = deferred<void>()
    reader.on('message', () => {
      if (++count === 40) all.resolve()
    })
    const writer = await join(broker)
    const startedMs = performance.now()
    for (let n = 0; n < 40; n++) writer.publish('x', `${n}`)
    await all.promise
    expect(performance.now() - startedMs).toBeGreaterThan(200)
    expect(writer.connected).toBe(true)
  })

  test('a frozen subscriber loses QoS 0, counted, while others get everything', async () => {
    const broker = await start({
      limits: { maxSocketBufferBytes: 64 * 1024, maxMessagesPerSecond: 0, maxBytesPerSecond: 0 },
    })
    const frozen = await raw(broker, CONNECT_4)
    frozen.send('8206 0001 0001 78 00')
    expect(await frozen.next()).toBe('9003000100')
    frozen.pause()
    const reader = await join(broker)
    await reader.subscribeAsync('x', { qos: 0 })
    let received = 0
    const all = deferred<void>()
    reader.on('message', () => {
      if (++received === 2000) all.resolve()
    })
    const writer = await join(broker)
    const payload = Buffer.alloc(8 * 1024)
    for (let n = 0; n < 2000; n++) await writer.publishAsync('x', payload, { qos: 1 })
    await all.promise
    const info = broker.broker.connections().find((one) => one.clientId === 'a')
    expect(info?.counters.droppedSlow).toBeGreaterThan(0)
    expect(info?.isConnected).toBe(true)
  })

  test('QoS 1 for a frozen kept session is spilled to disk and arrives in order later', async () => {
    const broker = await start({
      limits: {
        maxSocketBufferBytes: 32 * 1024,
        maxMemoryQueue: 10,
        maxMessagesPerSecond: 0,
        maxBytesPerSecond: 0,
      },
    })
    const options = { clientId: 'bed', clean: false }
    const reader = await join(broker, options)
    await reader.subscribeAsync('x', { qos: 1 })
    reader.stream.pause()
    const writer = await join(broker)
    const sends = Array.from({ length: 600 }, (_, n) =>
      writer.publishAsync('x', Buffer.concat([Buffer.from(`${n} `), Buffer.alloc(4096)]), {
        qos: 1,
      }),
    )
    await Promise.all(sends)
    const got: number[] = []
    const all = deferred<void>()
    reader.on('message', (_topic, payload) => {
      got.push(Number.parseInt(payload.toString('latin1', 0, 8), 10))
      if (got.length === 600) all.resolve()
    })
    reader.stream.resume()
    await all.promise
    expect(got).toEqual(Array.from({ length: 600 }, (_, n) => n))
  })
})

test('presence is told with its reason', async () => {
  const changes: PresenceChange<MqttPrincipal>[] = []
  const gone = deferred<void>()
  const broker = await start({
    onPresence: (change) => {
      changes.push(change)
      if (!change.online) gone.resolve()
    },
  })
  const client = await join(broker, { clientId: 'kiosk' })
  expect(broker.broker.disconnect('kiosk', 'moved to another ward')).toBe(true)
  await gone.promise
  client.end(true)
  expect(changes.map(({ online, reason }) => [online, reason])).toEqual([
    [true, undefined],
    [false, 'moved to another ward'],
  ])
})
