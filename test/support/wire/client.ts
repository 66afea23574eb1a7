import type { Link } from './link.ts'
import * as packet from './packets.ts'
import {
  type Ack,
  type Connack,
  type Notice,
  type Packet,
  type PacketType,
  type Publish,
  parsePacket,
  type SubAck,
} from './parse.ts'
import type { Property } from './properties.ts'

/** How long a packet that must come may take: generous, since a passing case never waits for it. */
export const PATIENCE_MS = 8_000

/**
 * The specification lets a server close without giving its reason; the gateway promises to give
 * it. `WIRE_ALOUD=0` judges another broker by the specification alone.
 */
const REASON_MUST_BE_GIVEN = process.env.WIRE_ALOUD !== '0'

type Match<P, T> = P extends { type: infer U } ? (T extends U ? P : never) : never
type Of<T extends PacketType> = Match<Packet, T>
type Waiter = () => void

function describe(found: Packet): string {
  const code = 'code' in found ? ` 0x${found.code.toString(16).padStart(2, '0')}` : ''
  const topic = found.type === 'publish' ? ` ${found.topic} "${found.payload.slice(0, 40)}"` : ''
  return found.type.toUpperCase() + code + topic
}

/** One raw connection: bytes out as the test says, packets in as a strict parser reads them. */
export class WireClient {
  readonly version: packet.Version
  readonly clientId: string
  connack: Connack | undefined
  closed = false
  readonly #link: Link
  readonly #inbox: Packet[] = []
  readonly #waiters = new Set<Waiter>()
  #violation: unknown
  #buffered: Buffer = Buffer.alloc(0)
  #packetId = 0

  constructor(link: Link, version: packet.Version, clientId: string) {
    this.#link = link
    this.version = version
    this.clientId = clientId
    link.onData((bytes) => this.#receive(bytes))
    link.onClose(() => {
      this.closed = true
      this.#wake()
    })
  }

  /** Sends bytes as they are. */
  send(...bytes: readonly Uint8Array[]): void {
    this.#link.write(Buffer.concat(bytes))
  }

  nextPacketId(): number {
    this.#packetId += 1
    return this.#packetId
  }

  /** The next packet, whatever it is. Throws when the connection closes or nothing comes. */
  async next(): Promise<Packet> {
    const found = await this.#wait('a packet', () => this.#inbox.shift())
    return found
  }

  /** The next packet, which must be of this type. */
  async expect<T extends PacketType>(type: T): Promise<Of<T>> {
    const found = await this.#wait(type.toUpperCase(), () => this.#inbox.shift())
    if (found.type !== type) {
      throw new Error(`expected ${type.toUpperCase()}, got ${describe(found)}`)
    }
    return found as Of<T>
  }

  /** The first packet of this type, leaving those of other types in their order. */
  async take<T extends PacketType>(type: T): Promise<Of<T>> {
    const found = await this.#wait(type.toUpperCase(), () => {
      const index = this.#inbox.findIndex((one) => one.type === type)
      return index < 0 ? undefined : this.#inbox.splice(index, 1)[0]
    })
    return found as Of<T>
  }

  /** Packets that have come and were not taken. */
  get unread(): readonly Packet[] {
    return this.#inbox
  }

  /** SUBSCRIBE and its SUBACK; a bare filter means QoS 0. */
  async subscribe(
    filters: string | readonly packet.Subscription[],
    options: Omit<packet.Subscription, 'filter'> & { props?: readonly Property[] } = {},
  ): Promise<SubAck> {
    const { props, ...rest } = options
    const list = typeof filters === 'string' ? [{ filter: filters, ...rest }] : filters
    const packetId = this.nextPacketId()
    this.send(packet.subscribe(this.version, packetId, list, props))
    return this.take('suback')
  }

  /** UNSUBSCRIBE and its UNSUBACK. */
  async unsubscribe(...filters: string[]): Promise<SubAck> {
    this.send(packet.unsubscribe(this.version, this.nextPacketId(), filters))
    return this.take('unsuback')
  }

  /** PUBLISH and, at QoS 1 and 2, the whole exchange. Answers the PUBACK or PUBREC. */
  async publish(
    topic: string | Uint8Array,
    payload: string | Uint8Array = '',
    options: packet.PublishOptions = {},
  ): Promise<Ack | undefined> {
    const qos = options.qos ?? 0
    const packetId = options.packetId ?? (qos > 0 ? this.nextPacketId() : 0)
    this.send(packet.publish(this.version, topic, payload, { ...options, packetId }))
    if (qos === 0) return undefined
    if (qos === 1) return this.take('puback')
    const received = await this.take('pubrec')
    if (received.code >= 0x80) return received
    this.send(packet.ack('pubrel', packetId))
    await this.take('pubcomp')
    return received
  }

  /** The next PUBLISH, acknowledged as its QoS asks. */
  async receive(): Promise<Publish> {
    const message = await this.take('publish')
    if (message.qos === 1) this.send(packet.ack('puback', message.packetId))
    if (message.qos === 2) {
      this.send(packet.ack('pubrec', message.packetId))
      await this.take('pubrel')
      this.send(packet.ack('pubcomp', message.packetId))
    }
    return message
  }

  /** So many messages, each acknowledged, in the order they came. */
  async receiveMany(count: number): Promise<Publish[]> {
    const messages: Publish[] = []
    while (messages.length < count) messages.push(await this.receive())
    return messages
  }

  /** PINGREQ and PINGRESP: all that was sent before has been handled. */
  async ping(): Promise<void> {
    this.send(packet.pingreq())
    await this.take('pingresp')
  }

  /** DISCONNECT, then waits until both sides have closed. */
  async disconnect(code?: number, props?: readonly Property[]): Promise<void> {
    this.send(packet.disconnect(code, props))
    this.#link.end()
    await this.#closing()
  }

  /** Cuts the connection without a DISCONNECT. */
  kill(): void {
    this.#link.destroy()
  }

  pause(): void {
    this.#link.pause()
  }

  resume(): void {
    this.#link.resume()
  }

  /** Waits until the server has closed; packets that came before stay readable. */
  async ended(): Promise<void> {
    await this.#closing()
  }

  /**
   * The server must give up this connection: MQTT 5 with a DISCONNECT carrying one of the codes,
   * 3.1.1 by closing without a word. PUBLISH and acknowledgements before it are passed over.
   */
  async refused(...codes: readonly number[]): Promise<Notice | undefined> {
    if (this.version !== 5) {
      await this.#closing()
      return undefined
    }
    if (!REASON_MUST_BE_GIVEN && (await this.#closesWithout('disconnect'))) return undefined
    const notice = await this.take('disconnect')
    if (!codes.includes(notice.code)) {
      const wanted = codes.map((code) => `0x${code.toString(16)}`).join(' or ')
      throw new Error(`expected DISCONNECT ${wanted}, got ${describe(notice)}`)
    }
    await this.#closing()
    return notice
  }

  /** The server must refuse this CONNECT: a CONNACK with one of the codes, then the end. */
  async connectRefused(...codes: readonly number[]): Promise<Connack | undefined> {
    if (!REASON_MUST_BE_GIVEN && (await this.#closesWithout('connack'))) return undefined
    const answer = await this.expect('connack')
    if (!codes.includes(answer.code)) throw new Error(`unexpected ${describe(answer)}`)
    await this.#closing()
    return answer
  }

  /** The server must close without having sent anything. */
  async closedSilently(): Promise<void> {
    await this.#closing()
    if (this.#inbox[0]) throw new Error(`expected nothing, got ${describe(this.#inbox[0])}`)
  }

  async #closesWithout(type: PacketType): Promise<boolean> {
    const come = () => this.#inbox.some((one) => one.type === type)
    await this.#wait('the end', () => this.closed || come() || undefined, true)
    return !come()
  }

  async #closing(): Promise<void> {
    await this.#wait('the end of the connection', () => this.closed || undefined, true)
  }

  async #wait<T>(what: string, look: () => T | undefined, closeIsFine = false): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (this.#violation) throw this.#violation
      const unread = this.#inbox.map(describe).join(', ') || 'nothing'
      if (this.closed && !closeIsFine) {
        throw new Error(`waiting for ${what}: the server closed; unread: ${unread}`)
      }
      if (Date.now() >= deadline)
        throw new Error(`waiting for ${what}: timed out; unread: ${unread}`)
      await this.#wakened(deadline - Date.now())
    }
  }

  #wakened(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiter = () => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        resolve()
      }
      const timer = setTimeout(waiter, limitMs)
      this.#waiters.add(waiter)
    })
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter()
  }

  #receive(bytes: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, bytes])
    try {
      while (this.#parseOne());
    } catch (error) {
      this.#violation = error
    }
    this.#wake()
  }

  #parseOne(): boolean {
    let length = 0
    for (let at = 1; at <= 4; at++) {
      const digit = this.#buffered[at]
      if (digit === undefined) return false
      length += (digit & 0x7f) * 128 ** (at - 1)
      if (digit >= 0x80) continue
      const end = at + 1 + length
      if (this.#buffered.length < end) return false
      const body = this.#buffered.subarray(at + 1, end)
      const first = this.#buffered.readUInt8(0)
      this.#buffered = this.#buffered.subarray(end)
      this.#inbox.push(parsePacket(first, body, this.version))
      return true
    }
    throw new Error('the server sent a Remaining Length of more than 4 bytes')
  }
}
