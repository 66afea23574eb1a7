/**
 * Messages of one box's broker to the brokers of the others. What the box publishes and what devices publish
 * to each other crosses; what is for the box itself (ask, played, feedback, event, reported) and what begins
 * with a dollar sign stays.
 *
 * A message from another box is published here while `isImporting` is set: the broker tells functions of the
 * house in the same call, so that it is known not to be one of ours. It cannot come back, nor go round.
 */
import type { Aedes } from 'aedes'
import type { BoxMessage } from '../channels/mqtt/box-message.ts'
import type { MqttBroker } from '../channels/mqtt/broker.ts'
import type { HousePacket } from '../channels/mqtt/routing/router.ts'
import { MAX_UNSENT_BYTES } from './fabric.ts'
import type { CrossingMessage } from './frames.ts'
import { afterWaiting, withLifeLeft } from './message-life.ts'
import type { RetainedSync } from './retained-sync.ts'
import type { SiteLink } from './site-link.ts'

/** Messages held while the fabric is away or choked: what a few devices are told in a short outage. */
export const MAX_HELD_MESSAGES = 1000
/** What they may take in memory, however large they are. */
const MAX_HELD_BYTES = 2 * MAX_UNSENT_BYTES
/** Older than this they are not worth telling: an answer to a person who has gone. */
export const HELD_MS = 60_000
/** After an outage: longer than the others take to come back, so that they hear what was held. */
export const SETTLE_MS = 2500
/** While the link has more to write than it may hold: a tenth of what a person notices. */
const CHOKED_RETRY_MS = 20

export interface CrossingParts {
  readonly broker: Pick<MqttBroker, 'publish' | 'aedes' | 'retainedTopics'>
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
  /** QoS 1 and 2 that other boxes did not get since the start: held too long, or too much of it. */
  dropped(): number
  close(): void
}

interface Held {
  readonly message: CrossingMessage
  readonly stamp: Buffer | undefined
  readonly atMs: number
}

export function createCrossing(parts: CrossingParts): Crossing {
  const { broker, link, retained } = parts
  const held: Held[] = []
  let heldBytes = 0
  let dropped = 0
  let isImporting = false
  let timer: NodeJS.Timeout | undefined

  function send(message: CrossingMessage, stamp: Buffer | undefined): boolean {
    const isSent = link.send({ kind: 'message', message, ...(stamp ? { stamp } : {}) })
    if (!isSent) return false
    parts.onSent(message)
    return true
  }

  function leave(message: CrossingMessage): void {
    const stamp = message.retain ? retained.changed(message) : undefined
    const isAway = link.isAway()
    const mustWait = isAway || timer !== undefined || held.length > 0
    if (!mustWait && send(message, stamp)) return
    // QoS 0 promises nothing; retained messages are compared with Redis when it is back.
    const isMadeGood = message.retain && isAway
    const isPromised = message.qos > 0 || message.retain
    if (isPromised && !isMadeGood) hold(message, stamp)
    if (!isAway && held.length > 0) timer ??= sendHeldAfter(CHOKED_RETRY_MS)
  }

  function hold(message: CrossingMessage, stamp: Buffer | undefined): void {
    const kept = { ...message, payload: Buffer.from(message.payload) }
    held.push({ message: kept, stamp, atMs: parts.monotonicMs() })
    heldBytes += kept.payload.length
    while (held.length > MAX_HELD_MESSAGES || heldBytes > MAX_HELD_BYTES) {
      releaseFirst()
      dropped++
    }
  }

  function releaseFirst(): void {
    heldBytes -= held.shift()?.message.payload.length ?? 0
  }

  const sendHeldAfter = (afterMs: number): NodeJS.Timeout => setTimeout(sendHeld, afterMs).unref()

  function sendHeld(): void {
    timer = undefined
    for (let next = held[0]; next; next = held[0]) {
      const waitedMs = parts.monotonicMs() - next.atMs
      const message = waitedMs > HELD_MS ? undefined : afterWaiting(next.message, waitedMs)
      if (message === undefined) dropped++
      else if (!send(message, next.stamp)) {
        // Away: they go when it is back.
        if (!link.isAway()) timer = sendHeldAfter(CHOKED_RETRY_MS)
        return
      }
      releaseFirst()
    }
  }

  function enter(message: CrossingMessage): Promise<void> {
    isImporting = true
    try {
      return broker.publish(toBoxMessage(message))
    } finally {
      isImporting = false
      if (isLost(message)) retained.forget(message.topic)
    }
  }

  /** There was no room for it among the retained messages. */
  const isLost = ({ topic, payload, retain }: CrossingMessage): boolean =>
    retain && payload.length > 0 && broker.retainedTopics(topic).length === 0

  const listener = (packet: unknown, done: () => void): void => {
    done()
    const house = packet as HousePacket
    if (isImporting || house.topic.startsWith('$') || parts.isForBox(house.topic)) return
    const message = toCrossing(house, parts.nowMs())
    if (message && parts.mayCross(message)) leave(message)
  }
  // The declared listener type knows no house packets; the engine hands on nothing else.
  const subscribeAll = listener as Parameters<Aedes['subscribe']>[1]
  broker.aedes.subscribe('#', subscribeAll, () => {})

  link.onFrame((frame, { box }) => {
    if (frame.kind !== 'message') return
    const { message, stamp } = frame
    if (parts.isForBox(message.topic) || message.topic.startsWith('$')) return
    // Noted in any case: what this box says against it must be the later word.
    const isNews = !stamp || retained.isNewer(message.topic, stamp)
    if (!isNews || !parts.mayEnter(message, box)) return
    enter(message).catch(parts.onError)
  })
  link.onConnected(() => {
    if (held.length === 0) return
    clearTimeout(timer)
    timer = sendHeldAfter(SETTLE_MS)
  })

  return {
    enter,
    dropped: () => dropped,
    close: () => {
      clearTimeout(timer)
      broker.aedes.unsubscribe('#', subscribeAll, () => {})
    },
  }
}

/** Undefined: it expires just now. */
function toCrossing(packet: HousePacket, nowMs: number): CrossingMessage | undefined {
  const { topic, payload, qos, retain, properties, messageExpiry } = packet
  const message = { topic, payload, qos, retain, ...(properties ? { properties } : {}) }
  if (messageExpiry === undefined) return message
  return withLifeLeft(message, messageExpiry - nowMs)
}

/** In the place of a client id: what others retain has no claim to the whole room. */
const PUBLISHER = '$site'

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
  publisher: PUBLISHER,
  ...(properties ? { properties } : {}),
})
