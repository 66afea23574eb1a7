/**
 * What waits to leave by one bridge: entries of the ledger's telemetry lane, in the order in which the
 * broker took the messages, and how far they have come.
 *
 * Crash story: an entry and its place in the queue are one transaction, so a message that was taken from
 * the local session is in both or in neither; its place is given up only in the transaction that follows
 * the other broker's acknowledgement.
 */
import { createHash } from 'node:crypto'
import type { Properties, Qos } from '../channels/mqtt/codec/packets.ts'
import type { Clock } from '../clock.ts'
import type { Json, LedgerDraft, LedgerEntry, LedgerPosition } from '../ledger/port.ts'
import type { Store } from '../storage/store.ts'
import type { BridgeRows, Outcome, OutgoingRow } from './bridge-rows.ts'
import { decodeProperties, encodeProperties } from './packet-properties.ts'

/** As many as the telemetry lane holds back for the cloud: days of outage at one message a second. */
export const MAX_WAITING = 200_000
/**
 * Topic, properties and payload (as base64) of one message in an entry (65,535 bytes) beside what else
 * stands there. A payload beyond it lies in the row; a topic with properties beyond it is not taken.
 */
const MAX_ENTRY_CONTENT_BYTES = 48_000
/** Payloads that do not fit into entries; at the largest packet (2 MB) they fill 1 GB of disk. */
export const MAX_LARGE_WAITING = 500
export const KIND = 'bridge.out'

export interface BridgedMessage {
  /** As it is called on the other broker. */
  readonly topic: string
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties | undefined
}

export interface WaitingMessage extends BridgedMessage {
  readonly idx: number
}

export interface OutgoingQueue {
  /** Inside `store.commit`. False: it is too large for the record and was not taken. */
  add(message: BridgedMessage): boolean
  /** The next messages that were never sent, in order. Those that have expired are settled on the way. */
  next(afterIdx: number, count: number): Promise<WaitingMessage[]>
  /** A message by its row; undefined when it has expired or its content was removed from the record. */
  read(row: OutgoingRow): WaitingMessage | undefined
  settle(idx: number, outcome: Outcome): Promise<void>
  waiting(): number
}

interface QueueParts {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  /** What expiry is reckoned by: no clock that is set moves it, and it goes on over a restart. */
  readonly brokerMs: () => number
  readonly ledger: {
    append(draft: LedgerDraft): LedgerPosition
    entryAt(index: number): LedgerEntry | undefined
  }
  readonly rows: BridgeRows
  readonly bridge: string
  readonly maxWaiting?: number
  /** A message was lost by a limit; `detail` for the log. */
  readonly onDropped: (outcome: Outcome, detail: string) => void
}

export function createOutgoingQueue(parts: QueueParts): OutgoingQueue {
  const { store, ledger, rows, bridge, clock, maxWaiting = MAX_WAITING } = parts
  let waiting = rows.count()
  store.onRollback(() => {
    waiting = rows.count()
  })

  function drop(idx: number, outcome: Outcome): void {
    if (rows.settle(idx, outcome)) waiting--
  }

  return {
    add(message) {
      const { topic, payload, qos, retain, properties } = message
      const head = properties === undefined ? '' : encodeProperties(properties)
      const headBytes = Buffer.byteLength(topic) + Buffer.byteLength(head)
      if (headBytes > MAX_ENTRY_CONTENT_BYTES) {
        parts.onDropped('refused', `${topic.slice(0, 100)}: topic and properties are too long`)
        return false
      }
      if (waiting >= maxWaiting) {
        const oldest = rows.oldest()
        if (oldest !== undefined) drop(oldest, 'expired')
        parts.onDropped('expired', `${maxWaiting} messages wait; the oldest gave way`)
      }
      const isLarge = headBytes + base64Bytes(payload) > MAX_ENTRY_CONTENT_BYTES
      if (isLarge && rows.countLarge() >= MAX_LARGE_WAITING) {
        const oldest = rows.oldestLarge()
        if (oldest !== undefined) drop(oldest, 'expired')
        parts.onDropped('expired', `${MAX_LARGE_WAITING} large messages wait; the oldest gave way`)
      }
      const body: Record<string, Json> = { bridge, topic, qos, retain, bytes: payload.length }
      if (properties?.messageExpiryInterval !== undefined) body.takenBrokerMs = parts.brokerMs()
      if (isLarge) body.sha256 = createHash('sha256').update(payload).digest('hex')
      const { index } = ledger.append({
        lane: 'telemetry',
        kind: KIND,
        atMs: clock.now(),
        body,
        personal: {
          ...(isLarge ? {} : { payload: payload.toString('base64') }),
          ...(head === '' ? {} : { properties: head }),
        },
      })
      rows.add(index, isLarge ? payload : null)
      waiting++
      return true
    },
    async next(afterIdx, count) {
      for (;;) {
        const found: WaitingMessage[] = []
        const gone: number[] = []
        for (const row of rows.unsent(afterIdx, count)) {
          const message = read(row)
          if (message) found.push(message)
          else gone.push(row.idx)
        }
        if (gone.length === 0) return found
        parts.onDropped('expired', `${gone.length} messages were too old to be sent`)
        await store.commit(() => {
          for (const idx of gone) drop(idx, 'expired')
        })
      }
    },
    read,
    settle: (idx, outcome) => store.commit(() => drop(idx, outcome)),
    waiting: () => waiting,
  }

  function read(row: OutgoingRow): WaitingMessage | undefined {
    const entry = ledger.entryAt(row.idx)
    if (entry?.kind !== KIND || entry.personal === undefined) return undefined
    const { topic, qos, retain, takenBrokerMs } = entry.body
    const { payload, properties } = entry.personal
    const bytes = row.payload ?? (typeof payload === 'string' ? payload : undefined)
    if (typeof topic !== 'string' || bytes === undefined) return undefined
    const known = typeof properties === 'string' ? decodeProperties(properties) : undefined
    const left = lifeLeft(known, takenBrokerMs)
    if (left !== undefined && left <= 0) return undefined
    return {
      idx: row.idx,
      topic,
      payload: typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : Buffer.from(bytes),
      qos: qos === 2 ? 2 : qos === 1 ? 1 : 0,
      retain: retain === true,
      properties: left === undefined ? known : { ...known, messageExpiryInterval: left },
    }
  }

  /** Whole seconds of the message's expiry interval that are left; undefined where it has none. */
  function lifeLeft(properties: Properties | undefined, takenMs: unknown): number | undefined {
    const seconds = properties?.messageExpiryInterval
    if (seconds === undefined) return undefined
    const ageMs = typeof takenMs === 'number' ? Math.max(0, parts.brokerMs() - takenMs) : 0
    return Math.ceil(seconds - ageMs / 1000)
  }
}

const base64Bytes = ({ length }: Buffer): number => 4 * Math.ceil(length / 3)
