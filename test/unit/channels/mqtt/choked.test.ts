/** A client that sends and never reads what it is answered. */
import { afterEach, expect, test } from 'vitest'
import type { ByteConnection } from '../../../../gateway/channels/mqtt/byte-connection.ts'
import { startBroker, type TestBroker } from './broker-support.ts'

let running: TestBroker | undefined

afterEach(async () => {
  await running?.close()
  running = undefined
})

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** A transport whose peer takes nothing, and that knows when it was ended. */
class DeafPeer implements ByteConnection {
  readonly remoteAddress = '10.0.0.9'
  readonly transport = 'tcp'
  isEnded = false
  send: (chunk: Buffer) => void = () => {}
  private buffered = 0
  write(bytes: Uint8Array): void {
    this.buffered += bytes.length
  }
  bufferedBytes(): number {
    return this.buffered
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.isEnded = true
  }
  destroy(): void {}
  onData(listener: (chunk: Buffer) => void): void {
    this.send = listener
  }
  onDrain(): void {}
  onClose(): void {}
}

test('a client that does not take its answers for minutes is sent away, whatever its keep alive', async () => {
  running = await startBroker({ limits: { maxSocketBufferBytes: 10 } })
  const { broker, advance } = running
  const peer = new DeafPeer()
  broker.accept(peer)
  peer.send(hex('100e 0004 4d515454 05 02 0000 00 0001 61'))
  for (let n = 0; n < 20; n++) peer.send(hex('c000'))
  await expect.poll(() => peer.bufferedBytes()).toBeGreaterThan(20)
  advance(4 * 60_000)
  await expect.poll(() => broker.connections()[0]?.isConnected).toBe(true)
  advance(2 * 60_000)
  await expect.poll(() => peer.isEnded, { timeout: 3000 }).toBe(true)
  expect(broker.recentEnds()[0]?.reason).toMatch(/does not read/)
})
