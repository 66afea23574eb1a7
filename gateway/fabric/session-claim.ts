/**
 * The box takes over the session of a client that has moved to another box: it connects under the client's
 * id in memory, so that the old connection ends as MQTT says (0x8E, session taken over), and is given
 * what the session still holds. A message is acknowledged once the other box has it; then the session ends.
 */
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { fromPacket } from '../bridge/packet-properties.ts'
import type { ByteConnection } from '../channels/mqtt/byte-connection.ts'
import type { CrossingMessage } from './frames.ts'
import { SITE_USERNAME } from './site-pass.ts'

/** Messages on their way to the other box at once. */
const WINDOW = 20
/** The broker caps it at its own limit for sessions. */
const KEEP_SECONDS = 0xffff_ffff
const MQTT_5 = { protocolVersion: 5 } as const

export interface ClaimParts {
  readonly accept: (connection: ByteConnection) => void
  readonly clientId: string
  readonly secret: Buffer
  /** The session is ours; false when there was none to take. */
  readonly onTaken: (isPresent: boolean) => void
  /** One message of the session; `done` once it is kept elsewhere. */
  readonly onMessage: (message: CrossingMessage, done: () => void) => void
  /** The connection has ended, by us or because the client has come back. */
  readonly onEnd: () => void
}

export interface SessionClaim {
  /** Ends it. With `isKept` the session stays for the client or a later try. */
  end(isKept: boolean): void
}

export function claimSession(parts: ClaimParts): SessionClaim {
  const claim = new Claim(parts)
  parts.accept(claim)
  claim.start()
  return claim
}

class Claim implements ByteConnection, SessionClaim {
  readonly transport = 'tcp'
  readonly remoteAddress = SITE_USERNAME
  readonly #parts: ClaimParts
  readonly #parser = parser(MQTT_5)
  readonly #unread: Buffer[] = []
  #onData: (chunk: Buffer) => void = () => {}
  #onClose: () => void = () => {}
  #isPaused = false
  #isEnded = false

  constructor(parts: ClaimParts) {
    this.#parts = parts
    this.#parser.on('packet', (packet: Packet) => this.#handle(packet))
    this.#parser.on('error', () => this.destroy())
  }

  start(): void {
    this.#send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId: this.#parts.clientId,
      clean: false,
      keepalive: 0,
      username: SITE_USERNAME,
      password: this.#parts.secret,
      properties: { sessionExpiryInterval: KEEP_SECONDS, receiveMaximum: WINDOW },
    })
  }

  end(isKept = true): void {
    if (this.#isEnded) return
    if (isKept) {
      this.destroy()
      return
    }
    this.#send({
      cmd: 'disconnect',
      reasonCode: 0,
      properties: { sessionExpiryInterval: 0 },
    })
  }
  destroy(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    // The broker may be in the middle of writing to us.
    queueMicrotask(() => this.#onClose())
    this.#parts.onEnd()
  }
  write(bytes: Uint8Array): void {
    if (!this.#isEnded) this.#parser.parse(Buffer.from(bytes))
  }
  bufferedBytes(): number {
    return 0
  }
  pause(): void {
    this.#isPaused = true
  }
  resume(): void {
    this.#isPaused = false
    for (const chunk of this.#unread.splice(0)) this.#deliver(chunk)
  }
  onData(listener: (chunk: Buffer) => void): void {
    this.#onData = listener
  }
  onDrain(): void {}
  onClose(listener: () => void): void {
    this.#onClose = listener
  }

  #send(packet: Packet): void {
    const bytes = generate(packet, MQTT_5)
    queueMicrotask(() => this.#deliver(bytes))
  }

  #deliver(chunk: Buffer): void {
    if (this.#isEnded) return
    if (this.#isPaused) this.#unread.push(chunk)
    else this.#onData(chunk)
  }

  #handle(packet: Packet): void {
    switch (packet.cmd) {
      case 'connack':
        if ((packet.reasonCode ?? 0) >= 0x80) this.destroy()
        else this.#parts.onTaken(packet.sessionPresent)
        return
      case 'publish':
        this.#publish(packet)
        return
      case 'pubrel':
        this.#send({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 })
        return
      default:
    }
  }

  #publish(packet: IPublishPacket): void {
    const { topic, payload, qos, messageId } = packet
    const properties = fromPacket(packet.properties)
    const message: CrossingMessage = {
      topic,
      payload: Buffer.from(payload),
      qos,
      // What was kept for the topic is there already; this is its copy for one client.
      retain: false,
      ...(properties ? { properties } : {}),
    }
    this.#parts.onMessage(message, () => {
      if (qos > 0) this.#send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: messageId ?? 0 })
    })
  }
}
