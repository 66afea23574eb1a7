/** Clients that leave while what they asked for is being written. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { ByteConnection } from '../../../../gateway/channels/mqtt/byte-connection.ts'
import { brokerOfTest } from './broker-support.ts'

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
    onSubscriptions: ({ added }) => said.push(`listens ${added}`),
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
  expect(said).toEqual(['online', 'offline'])
})
