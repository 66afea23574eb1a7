/** The bridge as a client of the other broker: MQTT.js with a kept session and stores of our own. */
import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import type { IClientOptions, MqttClient } from 'mqtt'
import type { IConnackPacket, IPublishPacket, Packet } from 'mqtt-packet'
import type { Store } from '../storage/store.ts'
import type { BridgeRows, OutgoingRow } from './bridge-rows.ts'
import { dial } from './dial.ts'
import type { BridgedMessage, WaitingMessage } from './outgoing-queue.ts'
import { frameBytes, fromPacket, toPacket } from './packet-properties.ts'
import { createIncomingStore, createOutgoingStore } from './packet-store.ts'
import {
  type Introduction,
  introductionOf,
  mostUnderWay,
  RETRY_MS,
  retryMsAfter,
  subscriptionsOf,
} from './remote-options.ts'
import { createSuspectMessage, MAX_CLOSED_AT } from './suspect-message.ts'

const REFUSED = 0x80

export type RemoteMessage = BridgedMessage

export interface RemoteLinkParts extends Introduction {
  readonly caPem?: string | undefined
  /** The certificate of the other broker is judged by it. */
  readonly time: () => TrustedTime
  readonly echoTopic: string
  readonly store: Store
  readonly rows: BridgeRows
  readonly random: () => number
  readonly read: (row: OutgoingRow) => WaitingMessage | undefined
  readonly settle: (idx: number, outcome: 'sent' | 'refused' | 'expired') => Promise<void>
  /** Publishes here. `taken` runs in the same commit. Resolves when both are on disk. */
  readonly receive: (message: RemoteMessage, taken: () => void) => Promise<void>
  readonly onEcho: (payload: Uint8Array) => void
  /** Connected, what was under way is settled, subscriptions stand. */
  readonly onUp: () => void
  readonly onDown: (error?: unknown) => void
  /** A place for the next message is free. */
  readonly onRoom: () => void
  readonly onRefused: (detail: string) => void
}

export interface RemoteLink {
  readonly isUp: boolean
  /** How many messages may be added just now. */
  room(): number
  send(message: WaitingMessage): void
  sendEcho(payload: string): void
  close(): Promise<void>
}

export function openRemoteLink(parts: RemoteLinkParts): RemoteLink {
  return new Remote(parts)
}

class Remote implements RemoteLink {
  readonly #parts: RemoteLinkParts
  readonly #client: MqttClient
  readonly #isVersion5: boolean
  /** Why the other broker does not take a packet, until it is settled. */
  readonly #refusals = new Map<number, string>()
  readonly #suspect = createSuspectMessage()
  #closedFor: number | undefined
  #connack: IConnackPacket | undefined
  #publishing: number | undefined
  #underWay = 0
  #failures = 0
  #lastError: unknown
  isUp = false

  constructor(parts: RemoteLinkParts) {
    this.#parts = parts
    this.#isVersion5 = parts.options.protocolVersion === 5
    const { caPem, time } = parts
    const onError = (error: unknown) => {
      this.#lastError = error
    }
    this.#client = dial({ url: parts.options.url, caPem, time, onError }, this.#clientOptions())
    this.#client.handleMessage = (packet, done) => this.#handle(packet, done)
    this.#client.on('packetreceive', (packet) => this.#look(packet))
    this.#client.on('packetsend', (packet) => {
      if (packet.cmd === 'publish' && packet.qos > 0) this.#suspect.sent(packet.messageId ?? 0)
    })
    this.#client.on('connect', () => this.#up())
    this.#client.on('close', () => this.#down())
    this.#client.on('error', onError)
    this.#client.on('disconnect', (packet) => {
      const code = packet.reasonCode ?? 0
      this.#closedFor = code
      const error = new Error(`closed by the other broker, reason ${code}`)
      this.#lastError = Object.assign(error, { code })
    })
  }

  #clientOptions(): IClientOptions {
    const { store, rows, read, settle } = this.#parts
    return {
      ...introductionOf(this.#parts),
      incomingStore: createIncomingStore(store, rows, (packet, done) =>
        this.#takeOnce(packet, done),
      ),
      outgoingStore: createOutgoingStore({
        store,
        rows,
        read,
        isVersion5: this.#isVersion5,
        publishing: () => this.#publishing,
        gone: (row) => void settle(row.idx, 'expired').catch(() => this.#client.stream.destroy()),
        settled: (row) => this.#settled(row),
      }),
    }
  }

  room(): number {
    if (!this.isUp) return 0
    const { receiveMaximum } = this.#connack?.properties ?? {}
    return mostUnderWay(this.#isVersion5, receiveMaximum) - this.#underWay
  }

  send(message: WaitingMessage): void {
    const { idx, topic } = message
    const largest = this.#connack?.properties?.maximumPacketSize
    this.#underWay++
    if (largest !== undefined && frameBytes(message) > largest) {
      this.#refuse(idx, `${topic}: larger than the ${largest} bytes that the other broker takes`)
      return
    }
    try {
      this.#publish(message)
    } catch (error) {
      // One message that cannot be sent must not hold up those behind it.
      this.#refuse(idx, `${topic}: it cannot be sent: ${String(error)}`)
    }
  }

  #publish({ idx, topic, payload, qos, retain, properties }: WaitingMessage): void {
    const extra = properties && this.#isVersion5 ? { properties: toPacket(properties) } : {}
    this.#publishing = idx
    this.#client.publish(topic, payload, { qos, retain, ...extra }, (error) => {
      // QoS 1 and 2 are settled by the store, with the acknowledgement.
      if (qos > 0) {
        const { code } = (error ?? {}) as { code?: unknown }
        // Neither acknowledged nor refused: it is sent again on the next connection.
        if (error && typeof code !== 'number') this.#client.stream.destroy()
        return
      }
      if (error) this.#underWay--
      else this.#finish(idx, 'sent')
    })
    this.#publishing = undefined
  }

  #refuse(idx: number, detail: string): void {
    this.#parts.onRefused(detail)
    this.#finish(idx, 'refused')
  }

  sendEcho(payload: string): void {
    this.#client.publish(this.#parts.echoTopic, payload, { qos: 0 })
  }

  async close(): Promise<void> {
    this.isUp = false
    await this.#client.endAsync(true)
  }

  #finish(idx: number, outcome: 'sent' | 'refused'): void {
    this.#parts.settle(idx, outcome).then(
      () => {
        this.#underWay--
        this.#parts.onRoom()
      },
      // Not settled is sent again on the next connection.
      () => this.#client.stream.destroy(),
    )
  }

  async #settled(row: OutgoingRow): Promise<void> {
    const packetId = row.packet_id ?? 0
    const refusal = this.#refusals.get(packetId)
    this.#suspect.settled(packetId)
    if (refusal !== undefined) {
      this.#refusals.delete(packetId)
      this.#parts.onRefused(`${this.#parts.read(row)?.topic ?? '?'}: ${refusal}`)
    }
    await this.#parts.settle(row.idx, refusal === undefined ? 'sent' : 'refused')
    if (this.#underWay > 0) this.#underWay--
    this.#parts.onRoom()
  }

  /** Before MQTT.js acts on a packet. */
  #look(packet: Packet): void {
    if (packet.cmd === 'connack') {
      this.#connack = packet
      const { store, rows } = this.#parts
      // A new session numbers its messages anew.
      if (!packet.sessionPresent) {
        store.commit(() => rows.forgetAll('remote')).catch(() => this.#client.stream.destroy())
      }
    }
    const isFirstAnswer = packet.cmd === 'puback' || packet.cmd === 'pubrec'
    const code = isFirstAnswer ? (packet.reasonCode ?? 0) : 0
    if (code >= REFUSED) {
      this.#refusals.set(packet.messageId ?? 0, `the other broker gives reason code ${code}`)
    }
  }

  #up(): void {
    const { options, rows, store, echoTopic } = this.#parts
    this.#underWay = 0
    this.#failures = 0
    this.#lastError = undefined
    this.#client.options.reconnectPeriod = RETRY_MS
    const wanted = options.in.map((rule) => rule.filter)
    const stale = rows.filters('remote').filter((filter) => !wanted.includes(filter))
    if (stale.length > 0) this.#client.unsubscribe(stale)
    this.#client.subscribe({ ...subscriptionsOf(options), [echoTopic]: { qos: 0 } }, (error) => {
      if (!this.#client.connected) return
      if (error) {
        const topics = [...wanted, echoTopic].join(', ')
        this.#parts.onRefused(`a subscription: check the rules of the other broker for ${topics}`)
      }
      store
        .commit(() => rows.setFilters('remote', wanted))
        .catch(() => this.#client.stream.destroy())
      this.isUp = true
      this.#parts.onUp()
      this.#parts.onRoom()
    })
  }

  #down(): void {
    this.#client.options.reconnectPeriod = retryMsAfter(this.#failures, this.#parts.random())
    this.#failures++
    this.isUp = false
    this.#underWay = 0
    this.#refusals.clear()
    this.#giveUpSuspect(this.#closedFor)
    this.#closedFor = undefined
    this.#parts.onDown(this.#lastError)
  }

  /** One message at which the other broker always closes the connection must not hold up those behind it. */
  #giveUpSuspect(code: number | undefined): void {
    const packetId = this.#suspect.closed(code)
    if (packetId === undefined) return
    const refusal = `the other broker closed the connection at it ${MAX_CLOSED_AT} times, reason code ${code}`
    this.#refusals.set(packetId, refusal)
    this.#client.removeOutgoingMessage(packetId)
  }

  /** QoS 2: published here together with its packet id, before PUBREC (method A, MQTT 5.0 section 4.3.3). */
  #takeOnce(packet: IPublishPacket, done: () => void): void {
    const { rows, store } = this.#parts
    const packetId = packet.messageId ?? 0
    if (rows.isReceived('remote', packetId)) {
      // Its first copy, of a connection that was cut, may still be on its way to the disk.
      store.durable().then(done, () => this.#client.stream.destroy())
      return
    }
    this.#take(packet, () => rows.receive('remote', packetId), done)
  }

  /** QoS 0 and 1 as they come; QoS 2 with its PUBREL, when only the id is left to be forgotten. */
  #handle(packet: IPublishPacket, done: (error?: Error) => void): void {
    const { store, rows } = this.#parts
    if (packet.qos === 2) {
      store
        .commit(() => rows.forget('remote', packet.messageId ?? 0))
        .then(
          () => done(),
          () => this.#client.stream.destroy(),
        )
    } else if (packet.topic === this.#parts.echoTopic) {
      this.#parts.onEcho(Buffer.from(packet.payload))
      done()
    } else this.#take(packet, () => {}, done)
  }

  /** What could not be kept is not acknowledged: the other broker sends it again on the next connection. */
  #take(packet: IPublishPacket, taken: () => void, done: () => void): void {
    const { topic, payload, qos, retain, properties } = packet
    const message = { topic, payload: Buffer.from(payload), qos, retain }
    this.#parts.receive({ ...message, properties: fromPacket(properties) }, taken).then(
      () => done(),
      (error: unknown) => {
        this.#lastError = error
        this.#client.stream.destroy()
      },
    )
  }
}
