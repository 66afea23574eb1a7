/**
 * Retained messages of a site: of each topic the newest, on every box. Each change has a stamp (time, then
 * box); Redis keeps the newest change of each topic, so that a box that was away reads what it missed and
 * tells what it has changed meanwhile. A removal is kept too, as an empty message, for `REMOVAL_KEPT_MS`.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { MqttBroker } from '../channels/mqtt/broker.ts'
import type { HousePacket } from '../channels/mqtt/router.ts'
import type { Clock } from '../clock.ts'
import { type Fabric, type KeptValue, STAMP_BYTES } from './fabric.ts'
import { type CrossingMessage, packMessage, unpackMessage } from './frames.ts'
import type { SiteSeal } from './site-seal.ts'

const PLACE = 'retained'
const TIME_BYTES = 8
/** A box that was off for longer may bring back what was removed meanwhile. */
const REMOVAL_KEPT_MS = 30 * 24 * 3_600_000

export interface RetainedSync {
  /** This box has changed what is kept for a topic. */
  changed(message: CrossingMessage): void
  /** The stamp of the topic's newest change known here. */
  stampOf(topic: string): Buffer | undefined
  /** Whether a change of another box is newer than what is known here; then it is noted. */
  isNewer(topic: string, stamp: Buffer): boolean
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
  readonly broker: Pick<MqttBroker, 'aedes'>
  readonly fabric: Fabric
  readonly seal: SiteSeal
  readonly clock: Pick<Clock, 'now'>
  readonly isForBox: (topic: string) => boolean
}): RetainedSync {
  const { fabric, seal, clock } = parts
  const boxMark = createHash('sha256')
    .update(parts.box)
    .digest()
    .subarray(0, STAMP_BYTES - TIME_BYTES)
  const stamps = new Map<string, Buffer>()
  /** Topics changed here that Redis does not have yet. */
  const unsaved = new Set<string>()
  let enter: (message: CrossingMessage) => void = () => {}
  let send: (message: CrossingMessage, stamp: Buffer) => void = () => {}

  /** Later than what is known of the topic, also where another box's clock is ahead. */
  function nextStamp(topic: string): Buffer {
    const before = stamps.get(topic)
    const afterMs = before ? Number(before.readBigUInt64BE()) + 1 : 0
    const stamp = Buffer.alloc(STAMP_BYTES)
    stamp.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(clock.now()), afterMs)))
    boxMark.copy(stamp, TIME_BYTES)
    stamps.set(topic, stamp)
    return stamp
  }

  function save(message: CrossingMessage, stamp: Buffer): void {
    const { topic } = message
    unsaved.add(topic)
    const value = seal.seal(packMessage(message), PLACE)
    void fabric.keep({ field: seal.nameOf(topic), stamp, value }).then((isKept) => {
      if (isKept && stamps.get(topic)?.equals(stamp)) unsaved.delete(topic)
    })
  }

  async function here(topic: string): Promise<CrossingMessage | undefined> {
    for await (const found of allHere(topic)) return found
    return undefined
  }

  async function* allHere(filter: string): AsyncIterable<CrossingMessage> {
    const { persistence } = parts.broker.aedes as unknown as { persistence: RetainedStore }
    for await (const packet of persistence.createRetainedStream(filter)) {
      const { topic, payload, qos, properties } = packet as HousePacket
      if (topic.startsWith('$') || parts.isForBox(topic)) continue
      yield { topic, payload, qos, retain: true, ...(properties ? { properties } : {}) }
    }
  }

  /** One kept change: newer than ours, older, or ours that we have changed since. Gives its topic. */
  async function compare(kept: KeptValue): Promise<string | undefined> {
    const opened = seal.open(kept.value, PLACE)
    const message = opened && unpackMessage(opened)
    if (!message) return undefined
    const { topic } = message
    const known = stamps.get(topic)
    if (known && known.compare(kept.stamp) >= 0) return topic
    const mine = await here(topic)
    const isSame = mine ? isEqual(mine, message) : message.payload.length === 0
    const wasMine = kept.stamp.subarray(TIME_BYTES).equals(boxMark)
    stamps.set(topic, Buffer.from(kept.stamp))
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
    const stamp = stamps.get(topic) ?? nextStamp(topic)
    // Kept first: a box that joins between the two finds there what it did not hear.
    save(message, stamp)
    send(message, stamp)
  }

  async function forgetRemoval(kept: KeptValue, message: CrossingMessage): Promise<void> {
    const ageMs = clock.now() - Number(kept.stamp.readBigUInt64BE())
    if (message.payload.length === 0 && ageMs > REMOVAL_KEPT_MS) await fabric.dropKept(kept)
  }

  return {
    changed: (message) => save(message, nextStamp(message.topic)),
    stampOf: (topic) => stamps.get(topic),
    isNewer(topic, stamp) {
      const known = stamps.get(topic)
      if (stamp.length !== STAMP_BYTES || (known && known.compare(stamp) >= 0)) return false
      stamps.set(topic, Buffer.from(stamp))
      unsaved.delete(topic)
      return true
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
  a.qos === b.qos && a.payload.equals(b.payload)
