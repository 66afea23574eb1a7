/** A socket that knows where a message of MQTT, WebSocket or HTTP ends, and nothing more. */
import { connect, type Socket } from 'node:net'
import { vi } from 'vitest'

/** Cuts the first whole message off the front; undefined while it is not all there. */
export type Framing = (bytes: Buffer) => number | undefined

export class WirePeer {
  readonly #socket: Socket
  #buffer = Buffer.alloc(0)
  /** Whole messages that no one has asked for yet. */
  readonly messages: Buffer[] = []
  framing: Framing
  closed = false

  private constructor(socket: Socket, framing: Framing) {
    this.#socket = socket
    this.framing = framing
    socket.on('data', (data) => {
      this.#buffer = Buffer.concat([this.#buffer, data])
      this.#cut()
    })
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('error', () => undefined)
  }

  static open(port: number, framing: Framing): Promise<WirePeer> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', reject)
      socket.once('connect', () => resolve(new WirePeer(socket, framing)))
    })
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** The first message that fits, whatever came before it. */
  async take(fits: (message: Buffer) => boolean, what: string): Promise<Buffer> {
    return vi.waitFor(
      () => {
        const index = this.messages.findIndex(fits)
        const found = index < 0 ? undefined : this.messages.splice(index, 1)[0]
        if (found !== undefined) return found
        const came = this.messages.map((m) => m.toString('hex')).join(' | ')
        throw new Error(`${what} did not come; came: ${came || 'nothing'}`)
      },
      { timeout: 3_000, interval: 5 },
    )
  }

  async untilClosed(): Promise<void> {
    await vi.waitFor(
      () => {
        if (!this.closed) throw new Error('the connection is still open')
      },
      { timeout: 3_000, interval: 5 },
    )
  }

  close(): void {
    this.#socket.destroy()
  }

  #cut(): void {
    for (;;) {
      const length = this.framing(this.#buffer)
      if (length === undefined || this.#buffer.length < length) return
      this.messages.push(this.#buffer.subarray(0, length))
      this.#buffer = this.#buffer.subarray(length)
    }
  }
}

/** Fixed header: one byte, then the remaining length in seven bits a byte. */
export const mqttFraming: Framing = (bytes) => {
  let length = 0
  for (let i = 1; i < Math.min(bytes.length, 5); i++) {
    const byte = bytes[i] ?? 0
    length += (byte & 127) * 128 ** (i - 1)
    if (byte < 128) return 1 + i + length
  }
  return undefined
}

/** Frames of a server, which are not masked. */
export const webSocketFraming: Framing = (bytes) => {
  const short = bytes[1]
  if (short === undefined) return undefined
  if (short < 126) return 2 + short
  if (short === 126) return bytes.length < 4 ? undefined : 4 + bytes.readUInt16BE(2)
  return bytes.length < 10 ? undefined : 10 + Number(bytes.readBigUInt64BE(2))
}

export const httpFraming: Framing = (bytes) => {
  const head = bytes.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const length = /content-length: *(\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1]
  return head + 4 + Number(length ?? 0)
}

/** Payload of a server's frame. */
export const framePayload = (frame: Buffer): Buffer =>
  frame.subarray((frame[1] ?? 0) < 126 ? 2 : frame[1] === 126 ? 4 : 10)

/** The payload of a device's short frame without its mask, changed, and masked again. */
export function remask(frame: Buffer, change: (payload: Buffer) => Buffer): Buffer {
  const mask = frame.subarray(2, 6)
  const xor = (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => byte ^ (mask[i % 4] ?? 0)))
  return Buffer.concat([frame.subarray(0, 6), xor(change(xor(frame.subarray(6))))])
}
