/**
 * The bridge as a client of the house's own broker, without a socket: a kept session, so that whatever
 * the broker acknowledges to a publisher is on disk for the bridge too.
 *
 * What comes in one burst is taken in one transaction and acknowledged after it.
 */
import { generate, type Packet, type Parser, parser } from 'mqtt-packet'
import type { ByteConnection } from '../channels/mqtt/byte-connection.ts'
import type { Properties, Qos } from '../channels/mqtt/codec/packets.ts'
import { fromPacket } from './packet-properties.ts'

/** Messages of the session on their way at once: as many as the broker sends unacknowledged. */
const RECEIVE_MAXIMUM = 1000
/** The broker caps it at its own limit for sessions. */
const SESSION_EXPIRY_SECONDS = 0xffff_ffff
/** After the broker closed the link, as when the operator disconnects every client. */
const RETRY_MS = 1000
const MQTT_5 = { protocolVersion: 5 } as const

export interface LocalMessage {
  readonly kind: 'publish'
  readonly topic: string
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly packetId: number
  readonly properties: Properties | undefined
}
/** The second half of a QoS 2 handshake: the packet id may be used again. */
export interface LocalRelease {
  readonly kind: 'release'
  readonly packetId: number
}
export type LocalItem = LocalMessage | LocalRelease

export interface LocalLinkParts {
  readonly accept: (connection: ByteConnection) => void
  readonly clientId: string
  readonly secret: Buffer
  readonly filters: readonly { readonly filter: string; readonly qos: Qos }[]
  /** Filters that the session holds from an earlier configuration. */
  readonly staleFilters: readonly string[]
  /** Takes what came, in order; resolves when it is on disk. */
  readonly take: (items: readonly LocalItem[]) => Promise<void>
  /** The subscriptions stand. */
  readonly onReady: () => void
  readonly onError: (error: unknown) => void
  /** The session is to end: nothing is kept for it any more. */
  readonly isEnding?: boolean
}

export interface LocalLink {
  close(): void
}

export function openLocalLink(parts: LocalLinkParts): LocalLink {
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let session: LocalSession | undefined
  const open = () => {
    if (isClosed) return
    session = new LocalSession(parts, () => {
      if (!isClosed) timer = setTimeout(open, RETRY_MS)
    })
    parts.accept(session)
    session.start()
  }
  open()
  return {
    close: () => {
      isClosed = true
      clearTimeout(timer)
      session?.destroy()
    },
  }
}

/** Ends the kept session of a bridge that is no longer configured. */
export function endLocalSession(
  accept: LocalLinkParts['accept'],
  clientId: string,
  secret: Buffer,
): void {
  const session = new LocalSession(
    {
      accept,
      clientId,
      secret,
      filters: [],
      staleFilters: [],
      take: async () => {},
      onReady: () => {},
      onError: () => {},
      isEnding: true,
    },
    () => {},
  )
  accept(session)
  session.start()
}

class LocalSession implements ByteConnection {
  readonly transport = 'tcp'
  readonly remoteAddress: string
  readonly #parts: LocalLinkParts
  readonly #closed: () => void
  readonly #parser: Parser = parser(MQTT_5)
  #onData: (chunk: Buffer) => void = () => {}
  #onClose: () => void = () => {}
  #onDrain: () => void = () => {}
  #batch: LocalItem[] = []
  #taking = 0
  #isPaused = false
  #isEnded = false
  #unread: Buffer[] = []

  constructor(parts: LocalLinkParts, closed: () => void) {
    this.#parts = parts
    this.#closed = closed
    this.remoteAddress = parts.clientId
    this.#parser.on('packet', (packet: Packet) => this.#handle(packet))
    this.#parser.on('error', (error: unknown) => this.#fail(error))
  }

  start(): void {
    this.#send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId: this.#parts.clientId,
      clean: this.#parts.isEnding === true,
      keepalive: 0,
      username: this.#parts.clientId,
      password: this.#parts.secret,
      properties: {
        sessionExpiryInterval: this.#parts.isEnding === true ? 0 : SESSION_EXPIRY_SECONDS,
        receiveMaximum: RECEIVE_MAXIMUM,
      },
    })
  }

  write(bytes: Uint8Array): void {
    if (!this.#isEnded) this.#parser.parse(Buffer.from(bytes))
  }
  /** What is not on disk yet: above its bound the broker drops QoS 0 and holds back the rest. */
  bufferedBytes(): number {
    return this.#taking
  }
  pause(): void {
    this.#isPaused = true
  }
  resume(): void {
    this.#isPaused = false
    for (const chunk of this.#unread.splice(0)) this.#deliver(chunk)
  }
  end(): void {
    queueMicrotask(() => this.destroy())
  }
  destroy(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#onClose()
    this.#closed()
  }
  onData(listener: (chunk: Buffer) => void): void {
    this.#onData = listener
  }
  onDrain(listener: () => void): void {
    this.#onDrain = listener
  }
  onClose(listener: () => void): void {
    this.#onClose = listener
  }

  #send(packet: Packet): void {
    const bytes = generate(packet, MQTT_5)
    // The broker may be in the middle of writing to us.
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
        if ((packet.reasonCode ?? 0) >= 0x80) this.#fail(new Error(`refused: ${packet.reasonCode}`))
        else if (this.#parts.isEnding) this.destroy()
        else this.#subscribe()
        return
      case 'suback':
        this.#parts.onReady()
        return
      case 'publish':
        this.#add({
          kind: 'publish',
          topic: packet.topic,
          payload: Buffer.from(packet.payload),
          qos: packet.qos,
          retain: packet.retain,
          packetId: packet.messageId ?? 0,
          properties: fromPacket(packet.properties),
        })
        return
      case 'pubrel':
        this.#add({ kind: 'release', packetId: packet.messageId ?? 0 })
        return
      default:
    }
  }

  /** Retained messages come only when the subscription is new: the rest of them passed long ago. */
  #subscribe(): void {
    const { filters, staleFilters } = this.#parts
    if (staleFilters.length > 0) {
      this.#send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: [...staleFilters] })
    }
    if (filters.length === 0) return
    const options = { nl: false, rap: true, rh: 1 } as const
    this.#send({
      cmd: 'subscribe',
      messageId: 2,
      subscriptions: filters.map(({ filter, qos }) => ({ topic: filter, qos, ...options })),
    })
  }

  #add(item: LocalItem): void {
    if (this.#batch.length === 0) queueMicrotask(() => this.#flush())
    this.#batch.push(item)
  }

  #flush(): void {
    const items = this.#batch
    this.#batch = []
    const bytes = items.reduce(
      (sum, item) => sum + (item.kind === 'publish' ? item.payload.length : 0),
      0,
    )
    this.#taking += bytes
    this.#parts.take(items).then(
      () => {
        for (const item of items) this.#acknowledge(item)
        this.#taking -= bytes
        if (this.#taking === 0) this.#onDrain()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #acknowledge(item: LocalItem): void {
    const messageId = item.packetId
    if (item.kind === 'release') this.#send({ cmd: 'pubcomp', messageId })
    else if (item.qos === 1) this.#send({ cmd: 'puback', messageId })
    else if (item.qos === 2) this.#send({ cmd: 'pubrec', messageId })
  }

  /** Not acknowledged is not lost: the session sends it again on the next connection. */
  #fail(error: unknown): void {
    this.#parts.onError(error)
    this.destroy()
  }
}
