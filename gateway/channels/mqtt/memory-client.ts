/**
 * An MQTT 5 client of the house at its own broker, in memory: what the house sends and takes goes through
 * the same engine, with the same promises, as what devices do.
 */
import { generate, type Packet, type Parser, parser } from 'mqtt-packet'
import type { ByteConnection } from './byte-connection.ts'
import { PausableChunks } from './connection/pausable-chunks.ts'

const MQTT_5 = { protocolVersion: 5 } as const
/** The broker caps it at its own limit for sessions. */
const LONGEST_EXPIRY_SECONDS = 0xffff_ffff

export interface MemoryClientParts {
  readonly accept: (connection: ByteConnection) => void
  readonly clientId: string
  /** Who the house says it is; see `house-pass.ts`. */
  readonly username: string
  readonly secret: Buffer
  /** False ends the client's session with this connection. */
  readonly isKept: boolean
  /** Messages of QoS 1 and 2 that the broker may send unacknowledged. */
  readonly receiveMaximum: number
  /** Every packet of the broker but a CONNACK that refuses. */
  readonly onPacket: (packet: Packet) => void
  /** The connection has ended; with an error when the broker refused it or could not be understood. */
  readonly onEnd: (error?: unknown) => void
}

export class MemoryClient implements ByteConnection {
  readonly transport = 'tcp'
  readonly remoteAddress: string
  readonly #parts: MemoryClientParts
  readonly #parser: Parser = parser(MQTT_5)
  #onClose: () => void = () => {}
  #onDrain: () => void = () => {}
  readonly #chunks = new PausableChunks()
  #isEnded = false
  #heldBytes = 0

  constructor(parts: MemoryClientParts) {
    this.#parts = parts
    this.remoteAddress = parts.clientId
    this.#parser.on('packet', (packet: Packet) => this.#handle(packet))
    this.#parser.on('error', (error: unknown) => this.destroy(error))
  }

  /** Connects. What comes of it is told by `onPacket` and `onEnd`. */
  start(): void {
    const { accept, clientId, username, secret, isKept, receiveMaximum } = this.#parts
    accept(this)
    this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId,
      clean: !isKept,
      keepalive: 0,
      username,
      password: secret,
      properties: {
        sessionExpiryInterval: isKept ? LONGEST_EXPIRY_SECONDS : 0,
        receiveMaximum,
      },
    })
  }

  send(packet: Packet): void {
    const bytes = generate(packet, MQTT_5)
    // The broker may be in the middle of writing to us.
    queueMicrotask(() => this.#deliver(bytes))
  }

  /** Bytes that came and are not dealt with: above its bound the broker drops QoS 0 and holds back the rest. */
  hold(bytes: number): void {
    this.#heldBytes += bytes
  }
  release(bytes: number): void {
    this.#heldBytes -= bytes
    if (this.#heldBytes === 0) this.#onDrain()
  }

  /** Ends the connection at once, as a cut cable would: what was not acknowledged stays in the session. */
  destroy(error?: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    queueMicrotask(() => this.#onClose())
    this.#parts.onEnd(error)
  }
  end(): void {
    queueMicrotask(() => this.destroy())
  }

  write(bytes: Uint8Array): void {
    if (!this.#isEnded) this.#parser.parse(Buffer.from(bytes))
  }
  bufferedBytes(): number {
    return this.#heldBytes
  }
  pause(): void {
    this.#chunks.pause()
  }
  resume(): void {
    this.#chunks.resume()
  }
  onData(listener: (chunk: Buffer) => void): void {
    this.#chunks.onData = listener
  }
  onDrain(listener: () => void): void {
    this.#onDrain = listener
  }
  onClose(listener: () => void): void {
    this.#onClose = listener
  }

  #deliver(chunk: Buffer): void {
    if (!this.#isEnded) this.#chunks.receive(chunk)
  }

  #handle(packet: Packet): void {
    const code = packet.cmd === 'connack' ? (packet.reasonCode ?? 0) : 0
    if (code >= 0x80) this.destroy(new Error(`the own broker refuses with reason code ${code}`))
    else this.#parts.onPacket(packet)
  }
}
