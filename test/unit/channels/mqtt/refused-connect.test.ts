/** A CONNECT that comes to nothing leaves nothing: no session, no will, no row. */
import type { Packet } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { MemoryClient } from '../../../../gateway/channels/mqtt/memory-client.ts'
import { brokerOfTest, clientOfTest, type TestBroker } from './broker-support.ts'

/** CONNECT of MQTT 5, client id `b`, kept for an hour. */
const CONNECT_KEPT = '1013 0004 4d515454 05 00 003c 05 11 00000e10 0001 62'
const CONNECT_KEPT_CLEAN = '1013 0004 4d515454 05 02 003c 05 11 00000e10 0001 62'
/** The same with a will of QoS 0 on `w`. */
const CONNECT_KEPT_WITH_WILL =
  '101b 0004 4d515454 05 04 003c 05 11 00000e10 0001 62 00 0001 77 0002 6869'
/** The session goes on, and ends with this connection. */
const CONNECT_NOT_KEPT = '100e 0004 4d515454 05 00 003c 00 0001 62'
/** CONNECT of MQTT 5, client id `d`, clean start. */
const CONNECT_DESK = '100e 0004 4d515454 05 02 003c 00 0001 64'
const DISCONNECT = 'e000'

/** Session Present of a CONNACK that lets in. */
function isPresent(connack: string): boolean {
  expect([connack.slice(0, 2), connack.slice(6, 8)]).toEqual(['20', '00'])
  return connack.slice(4, 6) === '01'
}

async function connect(broker: TestBroker, hex: string) {
  const client = await clientOfTest(broker)
  client.send(hex)
  return { client, connack: await client.next() }
}

const sessionRows = ({ store }: TestBroker): object[] =>
  store.prepare<object>('SELECT client_id FROM mqtt_session').all()

test('a client that was refused for a full disk sends no will and finds no session', async () => {
  const broker = await brokerOfTest()
  const { client: desk } = await connect(broker, CONNECT_DESK)
  desk.send('8207 0001 00 0001 23 00')
  expect((await desk.next()).slice(0, 2)).toBe('90')
  broker.failWrites(true)
  const { connack } = await connect(broker, CONNECT_KEPT_WITH_WILL)
  expect(connack.slice(6, 8)).toBe('88')
  broker.failWrites(false)
  await broker.broker.publish({ topic: 'e', payload: 'end' })
  expect(await desk.next()).toBe('300700016500656e64')
  expect(isPresent((await connect(broker, CONNECT_KEPT)).connack)).toBe(false)
})

test('a client that was refused finds the session that it had, though it wanted to keep it no longer', async () => {
  const broker = await brokerOfTest()
  const { client } = await connect(broker, CONNECT_KEPT)
  client.send(DISCONNECT)
  await client.closed()
  broker.failWrites(true)
  expect((await connect(broker, CONNECT_NOT_KEPT)).connack.slice(6, 8)).toBe('88')
  broker.failWrites(false)
  expect(isPresent((await connect(broker, CONNECT_KEPT)).connack)).toBe(true)
})

test('a session whose end the full disk did not take does not come back with its subscriptions', async () => {
  const broker = await brokerOfTest()
  const { client } = await connect(broker, CONNECT_KEPT)
  client.send('8207 0001 00 0001 78 01')
  expect((await client.next()).slice(0, 2)).toBe('90')
  client.send(DISCONNECT)
  await client.closed()
  broker.failWrites(true)
  expect((await connect(broker, CONNECT_KEPT_CLEAN)).connack.slice(6, 8)).toBe('88')
  broker.failWrites(false)
  const { connack } = await connect(broker, CONNECT_KEPT_CLEAN)
  expect(isPresent(connack)).toBe(false)
  const later = await broker.restart()
  expect(later.broker.connections()).toMatchObject([{ clientId: 'b', subscriptions: 0 }])
  await later.broker.close()
})

test('a client that was refused is still told to be lost when its earlier connection was', async () => {
  const broker = await brokerOfTest()
  const { client: desk } = await connect(broker, CONNECT_DESK)
  desk.send('8207 0001 00 0001 23 00')
  expect((await desk.next()).slice(0, 2)).toBe('90')
  // A will on `w` that waits for 60 s.
  const delayed = '05 18 0000003c 0001 77 0002 6869'
  const { client } = await connect(
    broker,
    `1020 0004 4d515454 05 04 003c 05 11 00000e10 0001 62 ${delayed}`,
  )
  client.destroy()
  const isAway = () => broker.broker.connections().some((one) => !one.isConnected)
  await expect.poll(isAway).toBe(true)
  broker.failWrites(true)
  expect((await connect(broker, CONNECT_KEPT)).connack.slice(6, 8)).toBe('88')
  broker.failWrites(false)
  broker.advance(61_000)
  expect(await desk.next()).toBe('300600017700' + '6869')
})

/** A client of the house, which is handled without a socket: what follows is in one turn of the loop. */
function startInMemory({ broker }: TestBroker, isKept: boolean): Promise<Packet | 'refused'> {
  return new Promise((resolve) => {
    new MemoryClient({
      accept: (connection) => broker.accept(connection),
      clientId: 'b',
      username: 'b',
      secret: Buffer.from('secret'),
      isKept,
      receiveMaximum: 10,
      onPacket: resolve,
      onEnd: () => resolve('refused'),
    }).start()
  })
}

test('a client that is taken over during its handshake leaves no session to the one that came after it', async () => {
  const broker = await brokerOfTest()
  const first = startInMemory(broker, true)
  const second = startInMemory(broker, false)
  expect(await first).toBe('refused')
  expect(await second).toMatchObject({ cmd: 'connack', sessionPresent: false })
  await broker.store.durable()
  expect(sessionRows(broker)).toEqual([])
})
