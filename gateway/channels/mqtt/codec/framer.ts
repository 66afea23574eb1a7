/**
 * Cuts a byte stream into packets. The size limit is checked on the fixed header, before anything
 * is buffered; flags and types are checked before the body is awaited.
 */
import { PacketType, ProtocolError } from './packets.ts'
import { malformed } from './reader.ts'
import { Reason } from './reason-codes.ts'

export interface PacketSink {
  /** One whole packet: its first byte and its body in `buffer[start, end)`; it begins at `from`. */
  onPacket(head: number, buffer: Buffer, from: number, start: number, end: number): void
}

/** Flags of the fixed header by packet type; -1 where any are allowed, -2 where a client may not send it. */
const FLAGS: readonly number[] = [-2, 0, -2, -1, 0, 0, 2, 0, 2, -2, 2, -2, 0, -2, 0, 0]

/**
 * Room for a packet that is not whole yet: so much to begin with, later so many times what has come. A full
 * read of 64 KB makes room for 1 MB, which is then copied once; room that nothing was written to takes no memory.
 */
const FIRST_ROOM_BYTES = 4096
const GROWTH = 16

export class Framer {
  private readonly sink: PacketSink
  /** A larger packet is refused from its header on. */
  maxPacketBytes: number
  /** Bytes not yet taken: a partial header, or whole packets while held. */
  private rest: Buffer | null = null
  /** A packet that is not whole yet: room for it, of which `partialBytes` are filled. */
  private partial: Buffer | null = null
  private partialBytes = 0
  private wantedBytes = 0
  private isHeld = false
  private isRunning = false

  constructor(maxPacketBytes: number, sink: PacketSink) {
    this.maxPacketBytes = maxPacketBytes
    this.sink = sink
  }

  /** Takes bytes; hands each whole packet on. Throws ProtocolError. */
  push(chunk: Buffer): void {
    let bytes = chunk
    if (this.partial !== null) {
      const missing = this.wantedBytes - this.partialBytes
      const whole = this.fill(this.partial, chunk.subarray(0, missing))
      if (chunk.length < missing) return
      this.partial = null
      this.run(whole)
      if (chunk.length === missing) return
      bytes = chunk.subarray(missing)
    }
    if (this.rest !== null) {
      bytes = Buffer.concat([this.rest, bytes])
      this.rest = null
    }
    this.run(bytes)
  }

  /** Whether there is something that `release` goes on with. */
  get isHolding(): boolean {
    return this.isHeld && this.rest !== null
  }

  /** What came and is not handed out yet, from the beginning of a packet on. */
  get unhandled(): Buffer {
    return this.partial?.subarray(0, this.partialBytes) ?? this.rest ?? NOTHING
  }

  /** Forgets that. */
  drop(): void {
    this.partial = null
    this.rest = null
  }

  /** Stops handing out packets; bytes that come meanwhile are kept. */
  hold(): void {
    this.isHeld = true
  }

  /** Goes on after `hold`. Throws ProtocolError. */
  release(): void {
    if (!this.isHeld) return
    this.isHeld = false
    const rest = this.rest
    if (rest === null || this.isRunning) return
    this.rest = null
    this.run(rest)
  }

  private run(buffer: Buffer): void {
    this.isRunning = true
    let at = 0
    try {
      while (!this.isHeld) {
        const next = this.one(buffer, at)
        if (next === at) break
        at = next
      }
    } finally {
      this.isRunning = false
    }
    if (at === buffer.length) return
    if (this.isHeld) this.rest = buffer.subarray(at)
    else this.keep(buffer, at)
  }

  /** What is partial is copied, so that a big read buffer is not held for a few bytes. */
  private keep(buffer: Buffer, at: number): void {
    const bytes = buffer.subarray(at)
    if (this.wantedBytes > 0) {
      this.partialBytes = 0
      this.fill(NOTHING, bytes)
    } else this.rest = Buffer.from(bytes)
  }

  /** Copies bytes into the partial packet, which gets more room where it needs some, up to its whole size. */
  private fill(partial: Buffer, bytes: Buffer): Buffer {
    const filled = this.partialBytes + bytes.length
    let room = partial
    if (filled > room.length) {
      const wished = Math.max(FIRST_ROOM_BYTES, GROWTH * filled)
      room = Buffer.allocUnsafe(Math.min(this.wantedBytes, wished))
      partial.copy(room, 0, 0, this.partialBytes)
      this.partial = room
    }
    bytes.copy(room, this.partialBytes)
    this.partialBytes = filled
    return room
  }

  /** Handles the packet at `from` if it is whole; gives where the next one begins, or `from`. */
  private one(buffer: Buffer, from: number): number {
    this.wantedBytes = 0
    if (from >= buffer.length) return from
    const head = buffer[from] as number
    const flags = FLAGS[head >> 4] as number
    if (flags !== -1 && flags !== (head & 0x0f)) {
      if (flags === -2) throw malformed(`a client does not send packet type ${head >> 4}`)
      throw malformed('reserved flags of the fixed header')
    }
    let length = 0
    let at = from + 1
    for (let shift = 0; ; shift += 7) {
      if (at >= buffer.length) return from
      const byte = buffer[at++] as number
      length |= (byte & 0x7f) << shift
      if ((byte & 0x80) === 0) {
        if (byte === 0 && shift > 0) throw malformed('a length is not in its shortest form')
        break
      }
      if (shift === 21) throw malformed('a length has more than four bytes')
    }
    const end = at + length
    if (end - from > this.maxPacketBytes) {
      throw new ProtocolError(
        Reason.packetTooLarge,
        `a packet of ${end - from} bytes; the limit is ${this.maxPacketBytes}`,
      )
    }
    if (end > buffer.length) {
      this.wantedBytes = end - from
      return from
    }
    if (length > 0 && head >> 4 === PacketType.pingreq) throw malformed('PINGREQ with a body')
    this.sink.onPacket(head, buffer, from, at, end)
    return end
  }
}

const NOTHING = Buffer.alloc(0)
