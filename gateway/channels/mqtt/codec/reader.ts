/** A bounds-checked cursor over one packet. Every read past the end is a malformed packet. */
import { ProtocolError } from './packets.ts'
import { Reason } from './reason-codes.ts'
import { decodeUtf8, toAllowedText } from './utf8.ts'

export class Reader {
  readonly buffer: Buffer
  at: number
  readonly end: number

  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer
    this.at = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.at
  }

  byte(): number {
    if (this.at >= this.end) throw truncated()
    return this.buffer[this.at++] as number
  }

  uint16(): number {
    if (this.end - this.at < 2) throw truncated()
    const value = this.buffer.readUInt16BE(this.at)
    this.at += 2
    return value
  }

  uint32(): number {
    if (this.end - this.at < 4) throw truncated()
    const value = this.buffer.readUInt32BE(this.at)
    this.at += 4
    return value
  }

  /** Variable byte integer, in its shortest form [MQTT-1.5.5-1]. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if ((byte & 0x80) === 0) {
        if (byte === 0 && shift > 0) throw malformed('a length is not in its shortest form')
        return value
      }
    }
    throw malformed('a length has more than four bytes')
  }

  binary(): Buffer {
    const length = this.uint16()
    if (this.end - this.at < length) throw truncated()
    const value = this.buffer.subarray(this.at, this.at + length)
    this.at += length
    return value
  }

  text(): string {
    const length = this.uint16()
    if (this.end - this.at < length) throw truncated()
    const value = decodeUtf8(this.buffer, this.at, this.at + length)
    if (value === undefined) throw malformed('a string is not the UTF-8 that MQTT allows')
    this.at += length
    return value
  }

  packetId(): number {
    const id = this.uint16()
    if (id === 0) throw malformed('packet identifier 0')
    return id
  }

  finish(): void {
    if (this.at !== this.end) throw malformed('bytes after the end of the packet')
  }
}

/** Reads texts that MQTT does not allow as if they were allowed: what was kept of them is ours to give out. */
export class CleaningReader extends Reader {
  override text(): string {
    return toAllowedText(this.binary().toString())
  }
}

export const malformed = (what: string): ProtocolError =>
  new ProtocolError(Reason.malformedPacket, what)

export const protocolError = (what: string): ProtocolError =>
  new ProtocolError(Reason.protocolError, what)

const truncated = (): ProtocolError => malformed('the packet ends too early')
