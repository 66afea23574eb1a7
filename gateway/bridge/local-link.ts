/**
 * The bridge as a client of the house's own broker, without a socket: a kept session, so that whatever
 * the broker acknowledges to a publisher is on disk for the bridge too.
 *
 * What comes in one burst is taken in one transaction and acknowledged after it.
 */
import type { Packet } from 'mqtt-packet'
import type { ByteConnection } from '../channels/mqtt/byte-connection.ts'
import type { Properties, Qos } from '../channels/mqtt/codec/packets.ts'
import { MemoryClient } from '../channels/mqtt/memory-client.ts'
import { fromPacket } from './packet-properties.ts'

/** Messages of the session on their way at once: as many as the broker sends unacknowledged. */
const RECEIVE_MAXIMUM = 1000
/** After the broker closed the link, as when the operator disconnects every client. */
const RETRY_MS = 1000

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
    session = new LocalSession(parts, (error) => {
      if (error !== undefined) parts.onError(error)
      if (!isClosed) timer = setTimeout(open, RETRY_MS)
    })
  }
  open()
  return {
    close: () => {
      isClosed = true
      clearTimeout(timer)
      session?.close()
    },
  }
}

/** Ends the kept session of a bridge that is no longer configured. */
export function endLocalSession(
  accept: LocalLinkParts['accept'],
  clientId: string,
  secret: Buffer,
): void {
  const client = new MemoryClient({
    accept,
    clientId,
    username: clientId,
    secret,
    isKept: false,
    receiveMaximum: RECEIVE_MAXIMUM,
    onPacket: () => client.destroy(),
    onEnd: () => {},
  })
  client.start()
}

class LocalSession {
  readonly #parts: LocalLinkParts
  readonly #client: MemoryClient
  #batch: LocalItem[] = []

  constructor(parts: LocalLinkParts, onEnd: (error?: unknown) => void) {
    this.#parts = parts
    const { accept, clientId, secret } = parts
    this.#client = new MemoryClient({
      accept,
      clientId,
      username: clientId,
      secret,
      isKept: true,
      receiveMaximum: RECEIVE_MAXIMUM,
      onPacket: (packet) => this.#handle(packet),
      onEnd,
    })
    this.#client.start()
  }

  close(): void {
    this.#client.destroy()
  }

  #handle(packet: Packet): void {
    switch (packet.cmd) {
      case 'connack':
        this.#subscribe()
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
      this.#client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: [...staleFilters] })
    }
    if (filters.length === 0) return
    const options = { nl: false, rap: true, rh: 1 } as const
    this.#client.send({
      cmd: 'subscribe',
      messageId: 2,
      subscriptions: filters.map(({ filter, qos }) => ({ topic: filter, qos, ...options })),
    })
  }

  #add(item: LocalItem): void {
    if (this.#batch.length === 0) queueMicrotask(() => this.#flush())
    this.#batch.push(item)
  }

  /** Not acknowledged is not lost: the session sends it again on the next connection. */
  #flush(): void {
    const items = this.#batch
    this.#batch = []
    const bytes = items.reduce(
      (sum, item) => sum + (item.kind === 'publish' ? item.payload.length : 0),
      0,
    )
    this.#client.hold(bytes)
    this.#parts.take(items).then(
      () => {
        for (const item of items) this.#acknowledge(item)
        this.#client.release(bytes)
      },
      (error: unknown) => this.#client.destroy(error),
    )
  }

  #acknowledge(item: LocalItem): void {
    const messageId = item.packetId
    if (item.kind === 'release') this.#client.send({ cmd: 'pubcomp', messageId })
    else if (item.qos === 1) this.#client.send({ cmd: 'puback', messageId })
    else if (item.qos === 2) this.#client.send({ cmd: 'pubrec', messageId })
  }
}
