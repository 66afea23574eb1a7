/**
 * Retained messages of a site: of each topic the newest, on every box. Each change has a stamp (time, then
 * box); Redis keeps the newest change of each topic, so that a box that was away reads what it missed and
 * tells what it has changed meanwhile. A removal is kept too, as an empty message, for `REMOVAL_KEPT_MS`.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import type { MqttBroker } from '../channels/mqtt/broker.ts'
import type { HousePacket } from '../channels/mqtt/routing/router.ts'
import { type Fabric, type KeptValue, STAMP_BYTES } from './fabric.ts'
import { type CrossingMessage, type KeptMessage, packMessage, unpackMessage } from './frames.ts'
import { lifeMsOf, withLifeLeft } from './message-life.ts'
import type { SiteSeal } from './site-seal.ts'

const PLACE = 'retained'
const TIME_BYTES = 8
/** A box that was off for longer may bring back what was removed meanwhile. */
const REMOVAL_KEPT_MS = 30 * 24 * 3_600_000
/**
 * Topics whose last change is known by its time: four times the messages that a box keeps by itself, since
 * removed and expired ones count too. Beyond it the change longest ago is forgotten, as after a restart.
 */
const MAX_STAMPS = 200_000
/** Terms that differ by less are the same: boxes' clocks do not agree to the second. */
const TERM_TOLERANCE_MS = 5000

export interface RetainedSync {
  /** This box has changed what is kept for a topic. Gives the stamp of the change. */
  changed(message: CrossingMessage): Buffer
  /** Whether a change of another box is newer than what is known here; then it is noted. */
  isNewer(topic: string, stamp: Buffer): boolean
  /** It could not be kept here: this box says nothing of the topic, not that it is removed, and hears of it anew. */
  forget(topic: string): void
  /** Compares with what the site has; call when the fabric is there again. */
  reconcile(): Promise<void>
  /** Where messages go that were missed here, and those that others missed. */
  connect(ways: {
    readonly enter: (message: CrossingMessage) => void
    readonly send: (message: CrossingMessage, stamp: Buffer) => void
  }): void
}

interface RetainedStore {
  createRetainedStream(filter: string): Readable
}

export function createRetainedSync(parts: {
  readonly box: string
  readonly broker: Pick<MqttBroker, 'aedes' | 'nowMs'>
  readonly fabric: Fabric
  readonly seal: SiteSeal
  readonly time: () => TrustedTime
  readonly isForBox: (topic: string) => boolean
}): RetainedSync {
  const { fabric, seal, time, broker } = parts
  const boxMark = createHash('sha256')
    .update(parts.box)
    .digest()
    .subarray(0, STAMP_BYTES - TIME_BYTES)
  const stamps = new Map<string, Buffer>()
  /** Topics changed here that Redis does not have yet. */
  const unsaved = new Set<string>()
  let enter: (message: CrossingMessage) => void = () => {}
  let send: (message: CrossingMessage, stamp: Buffer) => void = () => {}

  function note(topic: string, stamp: Buffer): void {
    // Deleted first, so that the map stays in the order of the latest changes.
    stamps.delete(topic)
    stamps.set(topic, stamp)
    if (stamps.size <= MAX_STAMPS) return
    const [oldest = topic] = stamps.keys()
    stamps.delete(oldest)
  }

  /** Later than what is known of the topic, also where another box's clock is ahead. */
  function nextStamp(topic: string): Buffer {
    const before = stamps.get(topic)
    const afterMs = before ? Number(before.readBigUInt64BE()) + 1 : 0
    const stamp = Buffer.alloc(STAMP_BYTES)
    stamp.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(time().nowMs), afterMs)))
    boxMark.copy(stamp, TIME_BYTES)
    note(topic, stamp)
    return stamp
  }

  /** Of a message from before the start, which Redis knows nothing of: whatever anybody knows to be later, is. */
  function timelessStamp(topic: string): Buffer {
    const stamp = Buffer.alloc(STAMP_BYTES)
    boxMark.copy(stamp, TIME_BYTES)
    note(topic, stamp)
    return stamp
  }

  function save(message: CrossingMessage, stamp: Buffer): void {
    const { topic } = message
    unsaved.add(topic)
    const value = seal.seal(packMessage(withTerm(message)), PLACE)
    void fabric.keep({ field: seal.nameOf(topic), stamp, value }).then((isKept) => {
      if (isKept && stamps.get(topic)?.equals(stamp)) unsaved.delete(topic)
    })
  }

  /** In doubt a box says no time of expiry: the others would take the message for expired. */
  function withTerm(message: CrossingMessage): KeptMessage {
    const lifeMs = lifeMsOf(message)
    const { nowMs, isKnown } = time()
    return { message, ...(lifeMs === undefined || !isKnown ? {} : { untilMs: nowMs + lifeMs }) }
  }

  /** As it is now; what has expired is as removed. A clock that is behind makes nothing live longer. */
  function asOfNow({ message, untilMs }: KeptMessage): CrossingMessage {
    const lifeMs = lifeMsOf(message)
    if (lifeMs === undefined || untilMs === undefined) return message
    const leftMs = Math.min(lifeMs, untilMs - time().nowMs)
    return withLifeLeft(message, leftMs) ?? removalOf(message.topic)
  }

  async function here(topic: string): Promise<CrossingMessage | undefined> {
    for await (const found of allHere(topic)) return found
    return undefined
  }

  async function* allHere(filter: string): AsyncIterable<CrossingMessage> {
    const { persistence } = broker.aedes as unknown as { persistence: RetainedStore }
    for await (const packet of persistence.createRetainedStream(filter)) {
      // As it is stored it expires by broker time.
      const { topic, payload, qos, properties, messageExpiry } = packet as HousePacket
      if (topic.startsWith('$') || parts.isForBox(topic)) continue
      const kept = { topic, payload, qos, retain: true, ...(properties ? { properties } : {}) }
      const found =
        messageExpiry === undefined ? kept : withLifeLeft(kept, messageExpiry - broker.nowMs())
      if (found) yield found
    }
  }

  /** One kept change: newer than ours, older, or ours that we have changed since. Gives its topic. */
  async function compare(kept: KeptValue): Promise<string | undefined> {
    const opened = seal.open(kept.value, PLACE)
    const unpacked = opened && unpackMessage(opened)
    if (!unpacked) return undefined
    const message = asOfNow(unpacked)
    const { topic } = message
    const known = stamps.get(topic)
    const order = known?.compare(kept.stamp) ?? -1
    // Redis has lost what it had of later changes: a copy of it was put back, or another took its place.
    if (order > 0) unsaved.add(topic)
    if (order >= 0) return topic
    const mine = await here(topic)
    const isSame = mine ? isEqual(mine, message) : message.payload.length === 0
    const wasMine = kept.stamp.subarray(TIME_BYTES).equals(boxMark)
    note(topic, Buffer.from(kept.stamp))
    if (isSame) await forgetRemoval(kept, message)
    else if (wasMine && !known) {
      // Nobody else has changed it since: what the box has is what it wrote while nobody heard.
      nextStamp(topic)
      unsaved.add(topic)
    } else enter(message)
    return topic
  }

  async function tellAgain(topic: string): Promise<void> {
    const message = (await here(topic)) ?? removalOf(topic)
    // The stamp of the change itself, whoever made it: a fresh one would bring back what was removed since.
    const stamp = stamps.get(topic) ?? timelessStamp(topic)
    // Kept first: a box that joins between the two finds there what it did not hear.
    save(message, stamp)
    send(message, stamp)
  }

  const isLongAgo = (stamp: Buffer): boolean =>
    time().nowMs - Number(stamp.readBigUInt64BE()) > REMOVAL_KEPT_MS

  async function forgetRemoval(kept: KeptValue, message: CrossingMessage): Promise<void> {
    if (message.payload.length === 0 && isLongAgo(kept.stamp)) await fabric.dropKept(kept)
  }

  return {
    changed(message) {
      const stamp = nextStamp(message.topic)
      save(message, stamp)
      return stamp
    },
    isNewer(topic, stamp) {
      if (stamp.length !== STAMP_BYTES) return false
      const order = stamps.get(topic)?.compare(stamp) ?? -1
      // That box has not heard of the later change, and Redis may not have it either.
      if (order > 0) void tellAgain(topic).catch(() => unsaved.add(topic))
      if (order >= 0) return false
      note(topic, Buffer.from(stamp))
      unsaved.delete(topic)
      return true
    },
    forget(topic) {
      stamps.delete(topic)
      unsaved.delete(topic)
    },
    async reconcile() {
      const kept = new Set<string>()
      for await (const page of fabric.readKept()) {
        for (const one of page) {
          const topic = await compare(one)
          if (topic !== undefined) kept.add(topic)
        }
      }
      for await (const { topic } of allHere('#')) if (!kept.has(topic)) unsaved.add(topic)
      for (const [topic, stamp] of stamps) {
        // What is not here any more was removed: Redis must know that, for boxes that are off.
        if (!kept.has(topic) && !isLongAgo(stamp)) unsaved.add(topic)
      }
      for (const topic of [...unsaved]) await tellAgain(topic)
    },
    connect(ways) {
      enter = ways.enter
      send = ways.send
    },
  }
}

const removalOf = (topic: string): CrossingMessage => ({
  topic,
  payload: Buffer.alloc(0),
  qos: 1,
  retain: true,
})

const isEqual = (a: CrossingMessage, b: CrossingMessage): boolean =>
  a.qos === b.qos && a.payload.equals(b.payload) && isSameTerm(lifeMsOf(a), lifeMsOf(b))

const isSameTerm = (a: number | undefined, b: number | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Math.abs(a - b) <= TERM_TOLERANCE_MS
