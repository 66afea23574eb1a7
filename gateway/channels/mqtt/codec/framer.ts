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

export class Framer {
  private readonly sink: PacketSink
  private readonly maxPacketBytes: number
  /** Bytes not yet taken: a partial packet, or whole ones while held. */
  private rest: Buffer | null = null
  /** Chunks of a large packet, joined once it is whole. */
  private parts: Buffer[] | null = null
  private partBytes = 0
  private wantedBytes = 0
  private isHeld = false
  private isRunning = false

  constructor(maxPacketBytes: number, sink: PacketSink) {
    this.maxPacketBytes = maxPacketBytes
    this.sink = sink
  }

  /** Takes bytes; hands each whole packet on. Throws ProtocolError. */
  push(chunk: Buffer): void {
    if (this.parts !== null) {
      this.parts.push(chunk)
      this.partBytes += chunk.length
      if (this.partBytes < this.wantedBytes) return
      chunk = Buffer.concat(this.parts, this.partBytes)
      this.parts = null
    } else if (this.rest !== null) {
      chunk = Buffer.concat([this.rest, chunk])
      this.rest = null
    }
    this.run(chunk)
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

  /** A partial packet: small ones are copied, so that a big read buffer is not held for a few bytes. */
  private keep(buffer: Buffer, at: number): void {
    const bytes = Buffer.from(buffer.subarray(at))
    const wanted = this.wantedBytes
    if (wanted > bytes.length) {
      this.parts = [bytes]
      this.partBytes = bytes.length
    } else this.rest = bytes
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
