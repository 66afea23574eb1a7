/** What is read of clients that are held back, and where it ends. */
import { expect, test } from 'vitest'
import type { BrokerClock } from '../../../../gateway/channels/mqtt/broker-clock.ts'
import type { ByteConnection } from '../../../../gateway/channels/mqtt/byte-connection.ts'
import { Intake } from '../../../../gateway/channels/mqtt/connection/intake.ts'

const MB = 1024 * 1024
/** One read, of a packet that is never whole, with what it costs to hold it. */
const READ_BYTES = 65_536
const READ = Buffer.alloc(READ_BYTES - 128)
const clock = { nowMs: () => 0 } as BrokerClock

/** A client that is held back, of a transport that holds its peer back or cannot, and what it gets rid of. */
function clientOf(held: { bytes: number }, cannotPause: boolean) {
  let hear = (_: Buffer): void => {}
  let isPaused = false
  let isOver = false
  const io = {
    cannotPause,
    onData: (listener: typeof hear) => {
      hear = listener
    },
    pause: () => {
      isPaused = !cannotPause
    },
    resume: () => {
      isPaused = false
    },
  } as unknown as ByteConnection
  const owner = {
    onRead: () => {},
    onPacket: () => {},
    guard: (work: () => void) => work(),
    onOverrun: () => {
      isOver = true
      intake.close()
    },
  }
  const intake = new Intake(io, { clock, held }, owner, 256 * MB)
  intake.hold()
  intake.readAhead()
  return {
    /** How much it gets rid of, of so much. */
    send(bytes: number): number {
      let sent = 0
      for (; sent < bytes && !isPaused && !isOver; sent += READ_BYTES) hear(READ)
      return sent
    },
    get isOver() {
      return isOver
    },
  }
}

test('of clients that can be held back no more is read ahead than is kept of all, however many they are', () => {
  const held = { bytes: 0 }
  const clients = Array.from({ length: 60 }, () => clientOf(held, false))
  for (const client of clients.slice(0, 3)) {
    expect(client.send(100 * MB)).toBe(16 * MB + READ_BYTES)
  }
  for (const client of clients.slice(3)) client.send(100 * MB)
  expect(held.bytes).toBeLessThanOrEqual(64 * MB + clients.length * READ_BYTES)
})

test('of clients that cannot be held back each has its small part where much is kept of the others', () => {
  const held = { bytes: 0 }
  const clients = Array.from({ length: 10 }, () => clientOf(held, true))
  expect(clients.map((client) => client.send(3 * MB))).toEqual(Array(10).fill(3 * MB))
  held.bytes += 64 * MB
  expect(clients.map((client) => client.send(MB))).toEqual(Array(10).fill(MB))
  expect(clients.map((client) => client.isOver)).toEqual(Array(10).fill(false))
  for (const client of clients) client.send(MB)
  expect(clients.map((client) => client.isOver)).toEqual(Array(10).fill(true))
})
