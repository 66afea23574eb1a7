/**
 * Messages of one box's broker to the brokers of the others. What the box publishes and what devices publish
 * to each other crosses; what is for the box itself (ask, played, feedback, event, reported) and what begins
 * with a dollar sign stays.
 *
 * A message from another box is published here while `isImporting` is set: the broker tells functions of the
 * house in the same call, so that it is known not to be one of ours. It cannot come back, nor go round.
 */
import type { Aedes } from 'aedes'
import type { BoxMessage, MqttBroker } from '../channels/mqtt/broker.ts'
import type { HousePacket } from '../channels/mqtt/router.ts'
import type { CrossingMessage } from './frames.ts'
import type { RetainedSync } from './retained-sync.ts'
import type { SiteLink } from './site-link.ts'

/** QoS 1 and 2 messages held while the fabric is away: what a few devices are told in a short outage. */
export const MAX_HELD_MESSAGES = 1000
/** Older than this they are not worth telling: an answer to a person who has gone. */
export const HELD_MS = 60_000
/** After an outage: longer than the others take to come back, so that they hear what was held. */
export const SETTLE_MS = 2500

export interface CrossingParts {
  readonly broker: Pick<MqttBroker, 'publish' | 'aedes'>
  readonly link: SiteLink
  readonly retained: RetainedSync
  readonly isForBox: (topic: string) => boolean
  /** A message of this box is about to cross; false keeps it here. */
  readonly mayCross: (message: CrossingMessage) => boolean
  /** A message of another box is about to be published here; false drops it. */
  readonly mayEnter: (message: CrossingMessage, box: string) => boolean
  /** It has crossed, under the link's last number. */
  readonly onSent: (message: CrossingMessage) => void
  readonly monotonicMs: () => number
  readonly nowMs: () => number
  readonly onError: (error: unknown) => void
}

export interface Crossing {
  /** Publishes here what another box has; it does not cross again. Resolves when it is on disk. */
  enter(message: CrossingMessage): Promise<void>
  readonly counts: { readonly sent: number; readonly received: number; readonly dropped: number }
  close(): void
}

interface Held {
  readonly message: CrossingMessage
  readonly atMs: number
}

/** As the engine's packets may carry it: broker time at which the message is no longer delivered. */
type ExpiringPacket = HousePacket & { readonly messageExpiry?: number }

export function createCrossing(parts: CrossingParts): Crossing {
  const { broker, link, retained } = parts
  const counts = { sent: 0, received: 0, dropped: 0 }
  const held: Held[] = []
  let isImporting = false
  let settling: NodeJS.Timeout | undefined

  function send(message: CrossingMessage): boolean {
    const stamp = message.retain ? retained.stampOf(message.topic) : undefined
    const isSent = link.send({ kind: 'message', message, ...(stamp ? { stamp } : {}) })
    if (!isSent) return false
    counts.sent++
    parts.onSent(message)
    return true
  }

  function leave(message: CrossingMessage): void {
    if (message.retain) retained.changed(message)
    const mustWait = settling !== undefined || link.isAway()
    if (!mustWait && send(message)) return
    // Retained messages are compared with Redis when it is back; QoS 0 promises nothing.
    if (message.qos === 0 || message.retain) counts.dropped++
    else hold(message)
  }

  function hold(message: CrossingMessage): void {
    held.push({
      message: { ...message, payload: Buffer.from(message.payload) },
      atMs: parts.monotonicMs(),
    })
    if (held.length <= MAX_HELD_MESSAGES) return
    held.shift()
    counts.dropped++
  }

  function sendHeld(): void {
    settling = undefined
    const oldestMs = parts.monotonicMs() - HELD_MS
    for (let next = held[0]; next; next = held[0]) {
      if (next.atMs < oldestMs) counts.dropped++
      else if (!send(next.message)) return
      held.shift()
    }
  }

  function enter(message: CrossingMessage): Promise<void> {
    counts.received++
    isImporting = true
    try {
      return broker.publish(toBoxMessage(message))
    } finally {
      isImporting = false
    }
  }

  const listener = (packet: unknown, done: () => void): void => {
    done()
    const house = packet as ExpiringPacket
    if (isImporting || house.topic.startsWith('$') || parts.isForBox(house.topic)) return
    const message = toCrossing(house, parts.nowMs())
    if (parts.mayCross(message)) leave(message)
  }
  // The declared listener type knows no house packets; the engine hands on nothing else.
  const subscribeAll = listener as Parameters<Aedes['subscribe']>[1]
  broker.aedes.subscribe('#', subscribeAll, () => {})

  link.onFrame((frame, { box }) => {
    if (frame.kind !== 'message') return
    const { message, stamp } = frame
    if (parts.isForBox(message.topic) || message.topic.startsWith('$')) return
    if (!parts.mayEnter(message, box)) return
    if (stamp && !retained.isNewer(message.topic, stamp)) return
    enter(message).catch(parts.onError)
  })
  link.onConnected(() => {
    if (held.length === 0) return
    clearTimeout(settling)
    settling = setTimeout(sendHeld, SETTLE_MS)
    settling.unref()
  })

  return {
    enter,
    counts,
    close: () => {
      clearTimeout(settling)
      broker.aedes.unsubscribe('#', subscribeAll, () => {})
    },
  }
}

function toCrossing(packet: ExpiringPacket, nowMs: number): CrossingMessage {
  const { topic, payload, qos, retain, messageExpiry } = packet
  const expires = messageExpiry !== undefined && Number.isFinite(messageExpiry)
  const properties = expires
    ? {
        ...packet.properties,
        messageExpiryInterval: Math.max(1, Math.ceil((messageExpiry - nowMs) / 1000)),
      }
    : packet.properties
  return { topic, payload, qos, retain, ...(properties ? { properties } : {}) }
}

const toBoxMessage = ({
  topic,
  payload,
  qos,
  retain,
  properties,
}: CrossingMessage): BoxMessage => ({
  topic,
  payload,
  qos,
  retain,
  ...(properties ? { properties } : {}),
})
