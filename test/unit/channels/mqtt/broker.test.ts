import mqtt from 'mqtt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startBroker, type TestBroker } from './broker-support.ts'

type Version = 4 | 5

let running: TestBroker
const clients: mqtt.MqttClient[] = []

beforeEach(async () => {
  running = await startBroker()
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true)
  await running.close()
})

async function join(
  options: mqtt.IClientOptions & { protocolVersion?: Version } = {},
): Promise<mqtt.MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${running.port}`, {
    reconnectPeriod: 0,
    ...options,
  })
  clients.push(client)
  return client
}

interface Got {
  readonly topic: string
  readonly text: string
  readonly packet: mqtt.IPublishPacket
}

function collect(client: mqtt.MqttClient): { got: Got[]; until(count: number): Promise<Got[]> } {
  const got: Got[] = []
  let wake = (): void => undefined
  client.on('message', (topic, payload, packet) => {
    got.push({ topic, text: payload.toString(), packet })
    wake()
  })
  return {
    got,
    until: async (count) => {
      while (got.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return got
    },
  }
}

describe.each([4, 5] as const)('with MQTT.js at protocol level %i', (protocolVersion) => {
  test.each([0, 1, 2] as const)('a message of QoS %i reaches its subscriber once', async (qos) => {
    const reader = await join({ protocolVersion })
    const messages = collect(reader)
    await reader.subscribeAsync('ward/+/bell', { qos })
    const writer = await join({ protocolVersion })
    await writer.publishAsync('ward/3/bell', 'ring', { qos })
    await writer.publishAsync('ward/4/bell', 'end', { qos })
    const got = await messages.until(2)
    expect(got.map(({ topic, text, packet }) => [topic, text, packet.qos])).toEqual([
      ['ward/3/bell', 'ring', qos],
      ['ward/4/bell', 'end', qos],
    ])
  })

  test('a retained message greets a later subscriber and is marked so', async () => {
    const writer = await join({ protocolVersion })
    await writer.publishAsync('state/lift', 'down', { qos: 1, retain: true })
    const reader = await join({ protocolVersion })
    const messages = collect(reader)
    await reader.subscribeAsync('state/#', { qos: 1 })
    const [first] = await messages.until(1)
    expect(first?.text).toBe('down')
    expect(first?.packet.retain).toBe(true)
  })

  test('the will of a client that vanishes is sent', async () => {
    const reader = await join({ protocolVersion })
    const messages = collect(reader)
    await reader.subscribeAsync('wills/#', { qos: 1 })
    const victim = await join({
      protocolVersion,
      will: { topic: 'wills/victim', payload: Buffer.from('lost'), qos: 1, retain: false },
    })
    victim.stream.destroy()
    const [first] = await messages.until(1)
    expect(first?.text).toBe('lost')
  })

  test('a kept session gets what it missed, in order, also after a restart', async () => {
    const options = {
      protocolVersion,
      clientId: 'bed-7',
      clean: false,
      ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 100 } } : {}),
    }
    const reader = await join(options)
    await reader.subscribeAsync('news', { qos: 1 })
    await reader.endAsync()
    const writer = await join({ protocolVersion })
    for (const text of ['one', 'two']) await writer.publishAsync('news', text, { qos: 1 })
    await writer.endAsync()
    running = await running.restart()
    const other = await join({ protocolVersion })
    await other.publishAsync('news', 'three', { qos: 1 })
    const back = mqtt.connect(`mqtt://127.0.0.1:${running.port}`, {
      ...options,
      reconnectPeriod: 0,
    })
    clients.push(back)
    const messages = collect(back)
    const got = await messages.until(3)
    expect(got.map(({ text }) => text)).toEqual(['one', 'two', 'three'])
  })
})

test('a second connection with the same client id takes the session over', async () => {
  const first = await join({ clientId: 'kiosk-1', protocolVersion: 5 })
  const reason = new Promise<number | undefined>((resolve) => {
    first.on('disconnect', (packet) => resolve(packet.reasonCode))
  })
  await join({ clientId: 'kiosk-1', protocolVersion: 5 })
  expect(await reason).toBe(0x8e)
})
