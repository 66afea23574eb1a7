/** Clients that leave while what they asked for is being written. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { ByteConnection } from '../../../../gateway/channels/mqtt/byte-connection.ts'
import { brokerOfTest, clientOfTest } from './broker-support.ts'

/** A transport that tells of its end at once, as a WebSocket does. */
function wire() {
  const ears = { data: (_: Buffer): void => {}, close: (): void => {}, connack: (): void => {} }
  const connack = new Promise<void>((resolve) => {
    ears.connack = resolve
  })
  const io = {
    transport: 'websocket',
    remoteAddress: '127.0.0.1',
    write: () => ears.connack(),
    bufferedBytes: () => 0,
    pause: () => {},
    resume: () => {},
    end: () => {},
    destroy: () => {},
    onData: (listener: (chunk: Buffer) => void) => {
      ears.data = listener
    },
    onDrain: () => {},
    onClose: (listener: () => void) => {
      ears.close = listener
    },
  } as unknown as ByteConnection
  const send = (hex: string): void => ears.data(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
  return { io, send, connack, close: () => ears.close() }
}

test('a subscription that is on disk only after its client has left makes nobody a listener', async () => {
  const said: string[] = []
  const { broker, store } = await brokerOfTest({
    onSubscriptions: ({ filters }) => said.push(filters.length > 0 ? 'listens' : 'is deaf'),
    onPresence: ({ online }) => said.push(online ? 'online' : 'offline'),
  })
  const { io, send, connack, close } = wire()
  broker.accept(io)
  send('100d 0004 4d515454 04 00 003c 0001 61')
  await connack
  send('8206 0001 0001 78 01')
  close()
  await store.durable()
  await delay(0)
  expect(said).toEqual(['online', 'is deaf', 'offline'])
})

test('a client that says all it has to say at once and closes is heard, though its session has to be written first', async () => {
  const box = await brokerOfTest()
  const desk = await clientOfTest(box)
  desk.send('1010 0004 4d515454 04 02 0000 0004 6465736b 8209 0001 0004 63616c6c 00')
  await desk.next()
  await desk.next()
  const { io, send, close } = wire()
  box.broker.accept(io)
  send('100d 0004 4d515454 04 00 003c 0001 61  300b 0004 63616c6c 6e75727365  e000')
  close()
  expect(await desk.next()).toBe('300b000463616c6c6e75727365')
  await expect
    .poll(() => box.broker.connections().find(({ clientId }) => clientId === 'a'))
    .toMatchObject({ isConnected: false, lastDisconnectReason: 'the client disconnected' })
})
