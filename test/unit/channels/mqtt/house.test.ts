/** The broker as the house sees it: its own messages, those it passes on, plug-ins, figures. */
import mqtt from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import type { BoxMessage } from '../../../../gateway/channels/mqtt/box-message.ts'
import { mqttFigures } from '../../../../gateway/channels/mqtt/figures.ts'
import { startBroker, type TestBroker } from './broker-support.ts'

let running: TestBroker | undefined
const clients: mqtt.MqttClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true)
  await running?.close()
  running = undefined
})

async function start(): Promise<TestBroker> {
  running = await startBroker()
  return running
}

async function join(clientId: string, options: mqtt.IClientOptions = {}) {
  const url = `mqtt://127.0.0.1:${running?.port}`
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, clientId, ...options })
  clients.push(client)
  return client
}

/** What a client gets, and a wait for so many of them. */
function gather(client: mqtt.MqttClient) {
  const got: string[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  client.on('message', (topic, payload) => {
    got.push(`${topic} ${payload}`)
    for (const one of waiting) if (got.length >= one.count) one.resolve()
  })
  const have = (count: number) =>
    new Promise<void>((resolve) => {
      if (got.length >= count) resolve()
      else waiting.push({ count, resolve })
    })
  return { got, have }
}

describe('a message that the box passes on', () => {
  const passedOn: BoxMessage = { topic: 'his/n', payload: '1', qos: 1, publisher: '$bridge/his' }

  test('reaches a kept session only after it is on disk, unlike one of its own', async () => {
    const broker = await start()
    const reader = await join('bed', { clean: false })
    await reader.subscribeAsync('his/n', { qos: 1 })
    const { got, have } = gather(reader)
    broker.failWrites(true)
    await expect(broker.broker.publish(passedOn)).rejects.toThrow()
    broker.failWrites(false)
    await broker.broker.publish({ ...passedOn, payload: '2' })
    await have(1)
    expect(got).toEqual(['his/n 2'])
  })

  test('is given to subscribers and not retained where there is no room, and devices keep theirs', async () => {
    const warned: object[] = []
    const ignore = () => {}
    const warn = (fields: object) => warned.push(fields)
    running = await startBroker({
      logger: { debug: ignore, info: ignore, warn, error: ignore },
      limits: { maxRetainedMessages: 80 },
    })
    const { broker } = running
    const room = 60
    const reader = await join('bed', { protocolVersion: 5 })
    await reader.subscribeAsync('his/#', { qos: 1 })
    const { got, have } = gather(reader)
    const all = Array.from({ length: room + 4 }, (_, n) => `his/${n}`)
    for (const topic of all) await broker.publish({ ...passedOn, topic, retain: true })
    await have(room + 4)
    expect(got).toEqual(all.map((topic) => `${topic} 1`))
    expect([broker.totals().retainedMessages, broker.counters.notRetained]).toEqual([60, 4])
    // What has its place is brought up to date.
    await broker.publish({ ...passedOn, topic: 'his/0', payload: '2', retain: true })
    expect([broker.totals().retainedMessages, broker.counters.notRetained]).toEqual([60, 4])
    expect(warned).toEqual([{ clientId: '$bridge/his', topic: `his/${room}`, notRetained: 1 }])
    // Refused, this rejects.
    await reader.publishAsync('of/a/device', 'on', { qos: 1, retain: true })
  })

  test('takes an older one of its topic along where it is too large to be retained', async () => {
    running = await startBroker({ limits: { maxRetainedBytes: 20_000 } })
    const { broker, store } = running
    // In one stretch: neither is on disk when the second takes the first along.
    const large = { ...passedOn, payload: 'a'.repeat(20_000) }
    await Promise.all([passedOn, large].map((one) => broker.publish({ ...one, retain: true })))
    await store.durable()
    expect(broker.counters.notRetained).toBe(1)
    const topics = () => store.prepare<{ topic: string }>('SELECT topic FROM mqtt_retained').all()
    expect(topics()).toEqual([])
  })

  test('and what is written alongside it are kept together, or neither is', async () => {
    const { broker, store, failWrites } = await start()
    const reader = await join('bed', { clean: false })
    await reader.subscribeAsync('his/n', { qos: 1 })
    await reader.endAsync()
    await store.commit(() => store.prepare('CREATE TABLE note (id INTEGER)').run())
    const note = (id: number) => () => void store.prepare('INSERT INTO note VALUES (?)').run(id)
    const queued = () => broker.connections()[0]?.queuedMessages
    failWrites(true)
    await expect(broker.publish(passedOn, note(1))).rejects.toThrow()
    failWrites(false)
    const notes = () => store.prepare<{ id: number }>('SELECT id FROM note').all()
    expect([notes(), queued()]).toEqual([[], 0])
    await broker.publish(passedOn, note(2))
    expect([notes(), queued()]).toEqual([[{ id: 2 }], 1])
    // Nobody subscribes: the note is kept all the same.
    await broker.publish({ ...passedOn, topic: 'nobody' }, note(3))
    expect(notes()).toEqual([{ id: 2 }, { id: 3 }])
  })
})

describe('a plug-in of aedes', () => {
  test('hears devices and is heard by them', async () => {
    const { broker } = await start()
    const heard: string[] = []
    await new Promise<void>((resolve) =>
      broker.aedes.subscribe(
        'door/+',
        (packet, done) => {
          heard.push(`${packet.topic} ${packet.payload}`)
          done()
        },
        resolve,
      ),
    )
    const device = await join('sensor')
    const { got, have } = gather(device)
    await device.subscribeAsync('lamp')
    await device.publishAsync('door/1', 'open', { qos: 1 })
    expect(heard).toEqual(['door/1 open'])
    broker.aedes.publish(
      { cmd: 'publish', topic: 'lamp', payload: 'on', qos: 1, retain: false, dup: false },
      () => undefined,
    )
    await have(1)
    expect(got).toEqual(['lamp on'])
  })

  test('hears until when a message is good, by the wall clock', async () => {
    const { broker, advance } = await start()
    const expiries: (number | undefined)[] = []
    await new Promise<void>((resolve) =>
      broker.aedes.subscribe(
        'call/#',
        (packet, done) => {
          expiries.push((packet as { messageExpiry?: number }).messageExpiry)
          done()
        },
        resolve,
      ),
    )
    advance(3_600_000)
    const nowMs = Date.now() + 3_600_000
    const device = await join('desk', { protocolVersion: 5 })
    const properties = { messageExpiryInterval: 90 }
    await device.publishAsync('call/1', 'next', { qos: 1, properties })
    await device.publishAsync('call/2', 'next', { qos: 1 })
    await broker.publish({ topic: 'call/3', payload: 'next', properties })
    const [first = 0, second, third = 0] = expiries
    expect(Math.abs(first - (nowMs + 90_000))).toBeLessThan(5000)
    expect(second).toBeUndefined()
    expect(Math.abs(third - (nowMs + 90_000))).toBeLessThan(5000)
  })
})

describe('the figures', () => {
  test('are retained in $SYS under the names that Mosquitto uses', async () => {
    await start()
    const client = await join('screen')
    const { got } = gather(client)
    const all = new Promise<void>((resolve) => {
      client.on('message', (topic) => {
        if (topic === '$SYS/broker/load/bytes/sent/15min') resolve()
      })
    })
    await client.subscribeAsync('$SYS/broker/#')
    await all
    const topics = got.map((one) => one.replace(/ [^ ]*$/, ''))
    for (const name of [
      'uptime',
      'clients/connected',
      'retained messages/count',
      'shared_subscriptions/messages/dropped',
    ]) {
      expect(topics.some((topic) => topic.startsWith(`$SYS/broker/${name}`))).toBe(true)
    }
  })

  test('of the metrics page tell what a group could not take, and what each client did', async () => {
    const { broker } = await start()
    const figures = mqttFigures(() => broker)
    const read = (name: string) => figures.find((one) => one.name === `kefu_mqtt_${name}`)?.read()
    const member = await join('member', { protocolVersion: 5 })
    await member.subscribeAsync('$share/crew/job', { qos: 0 })
    const writer = await join('writer')
    await writer.publishAsync('job', '1', { qos: 1 })
    expect(read('shared_messages_dropped')).toEqual([{ value: 0 }])
    // A kept session holds the group, but at QoS 0 nothing waits for it.
    const kept = await join('kept', { clean: false })
    await kept.subscribeAsync('$share/crew/job', { qos: 0 })
    await member.endAsync()
    await kept.endAsync()
    await writer.publishAsync('job', '2', { qos: 1 })
    expect(read('shared_messages_dropped')).toEqual([{ value: 1 }])
    expect(read('clients_connected')).toEqual([{ value: 1 }])
    const counts = read('client_count') ?? []
    const ofWriter = counts.filter(({ labels }) => labels?.client === 'writer')
    expect(ofWriter.find(({ labels }) => labels?.what === 'received')?.value).toBe(2)
    expect(new Set(figures.map(({ name }) => name)).size).toBe(figures.length)
  })
})
