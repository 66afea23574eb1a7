/**
 * The announcer of the box: what each device has still to say, kept on disk until the device has reported.
 *
 * The gateway decides what is sent and when (order of need, quiet hours, expiry, who is connected); the
 * device plays, repeats and reports. A speech is sent once per connection. After a reconnect or a restart
 * of either side it is sent again until the device has reported its end; the device knows it by its id.
 *
 * Crash story: `announce` resolves, and anything is sent, only after the rows are on disk. A crash after
 * the send and before its mark sends once more. Reports are recorded in the transaction of their receipt.
 */
import type { PlayReport, Priority, Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { PRIORITIES, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Clock } from '../clock.ts'
import type { AskKey, Ledger } from '../ledger/port.ts'
import { invalidMessage } from '../schema-wording.ts'
import type { Store } from '../storage/store.ts'
import { localMinuteOfDay, type QuietHours, quietForMs } from './quiet-hours.ts'
import { createSpeechRows, type SpeechRow } from './speech-rows.ts'
import {
  createSpeechRecord,
  createSpeechWatch,
  type Escalation,
  escalateAtOf,
  isEnd,
  isToBeConfirmed,
  isUnheardEnd,
  isUrgent,
  rankOf,
} from './speech-watch.ts'

export interface AnnouncerParts {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly ledger: Pick<Ledger, 'append'>
  /** Hands one speech to a connected device; delivery is the channel's work (QoS 1). */
  readonly send: (deviceId: string, speech: Speech) => void
  /** Nobody is known to have heard it. Its record is on disk; after a crash it may be told a second time. */
  readonly escalate: (escalation: Escalation) => void
  /** A write, a send or `escalate` failed; it is tried again. */
  readonly onError: (error: unknown) => void
  readonly quietHours?: (deviceId: string) => QuietHours | undefined
  /** Minute of the site's local day. */
  readonly minuteOfDay?: (ms: number) => number
}

/** `quiet`: it would expire before the quiet hours of the device end. */
export type AnnounceOutcome = 'queued' | 'duplicate' | 'expired' | 'quiet' | 'queue-full'
export interface Announced {
  readonly deviceId: string
  readonly outcome: AnnounceOutcome
}

export interface About {
  readonly subject?: Subject | undefined
  /** False where nobody need be told that it was not heard; otherwise its priority and repeats decide. */
  readonly escalates?: boolean
}

export interface Announcer {
  /**
   * Queues a speech for each device, each with its own proof of play. Resolves when all is on disk. The
   * same id for the same device is one speech. Rejects with `storage.write-failed`, `ledger.lane-full`;
   * then the devices of the batches before are served, and the call may be repeated;
   * with `message.invalid` for a speech that no device would take.
   */
  announce(devices: string | readonly string[], speech: Speech, about?: About): Promise<Announced[]>
  /** Records a report, also of speech that did not come from here, under its key; call inside `store.commit`. */
  onReport(deviceId: string, report: PlayReport, askKey?: AskKey): void
  /** What is sent goes to a new connection of the device from now on (`devices/listening.ts`). */
  onConnected(deviceId: string): void
  onDisconnected(deviceId: string): void
  /** Looks at what is due; call every `TICK_MS`. Resolves when its writes are on disk; never rejects. */
  tick(): Promise<void>
  /** Whether the device would be sent a speech now. */
  isListening(deviceId: string): boolean
  /** Whether any device has acknowledged this speech, within `REMEMBER_MS`. */
  isAcknowledged(speechId: string): boolean
  /** Whether a device has still to say it and none has acknowledged it. */
  isUnanswered(speechId: string): boolean
  /** Number of open speeches of a device. */
  waiting(deviceId: string): number
  /** Sends nothing from here on; what is open is taken up by the next start. */
  close(): void
}

/** Reminders are to the second. */
export const TICK_MS = 1000
/** A device with more to say than this is not listened to; the least needed gives way. */
export const MAX_OPEN_PER_DEVICE = 256
/** Speech with a device that has not ended: stays below the device's own queue of 64. */
export const MAX_IN_FLIGHT = 32
/** Time for reports that a device kept while offline to arrive before speech is sent a second time. */
export const RESEND_GRACE_MS = 3000
/** Ids are remembered for this long after their end, longer than any channel keeps a message. */
export const REMEMBER_MS = 24 * 3_600_000
/** Rows of one transaction: a group of a thousand devices must not stop the box for a moment. */
const BATCH_ROWS = 100
/** Batches of one tick: a round of reminders for 2,000 beds goes out within it. */
const MAX_BATCHES_PER_TICK = 20
const MAX_RECORDED_TEXT_CHARS = 1000
const speechCheck = TypeCompiler.Compile(Speech)

interface Connection {
  readonly resendAtMs: number
  readonly sent: Set<string>
}

export function createAnnouncer(parts: AnnouncerParts): Announcer {
  const { store, clock } = parts
  const rows = createSpeechRows(store)
  const record = createSpeechRecord(parts.ledger, clock)
  const watch = createSpeechWatch({ store, rows, record, escalate: parts.escalate })
  const connections = new Map<string, Connection>()
  const minuteOfDay = parts.minuteOfDay ?? localMinuteOfDay
  let isClosed = false

  function queue(deviceId: string, speech: Speech, about: About): AnnounceOutcome {
    const nowMs = clock.now()
    const expiresAtMs = Date.parse(speech.expiresAt)
    if (rows.find(deviceId, speech.id) !== undefined) return 'duplicate'
    const notBeforeMs = Math.max(nowMs, Date.parse(speech.notBefore ?? '') || 0)
    if (expiresAtMs <= notBeforeMs) return 'expired'
    // Nobody can acknowledge what is not said: all terms run from the end of the quiet hours.
    const dueAtMs = notBeforeMs + quietMsOf(deviceId, speech.priority, notBeforeMs)
    if (expiresAtMs <= dueAtMs) return 'quiet'
    const rank = rankOf(speech.priority)
    if (!makeRoom(deviceId, rank, nowMs)) return 'queue-full'
    const escalateAtMs =
      about.escalates === false ? undefined : escalateAtOf(speech, dueAtMs, expiresAtMs)
    rows.insert({
      deviceId,
      speech,
      createdAtMs: nowMs,
      dueAtMs,
      expiresAtMs,
      ...(escalateAtMs === undefined ? {} : { escalateAtMs }),
    })
    record({
      deviceId,
      speechId: speech.id,
      rank,
      kind: 'announced',
      body: { priority: speech.priority },
      text: speech.text.slice(0, MAX_RECORDED_TEXT_CHARS),
      ...(about.subject ? { subject: about.subject } : {}),
    })
    return 'queued'
  }

  const quietMsOf = (deviceId: string, priority: Priority, atMs: number) =>
    quietForMs(parts.quietHours?.(deviceId), priority, atMs, minuteOfDay)

  /** In a full queue the least needed gives way to what is needed more. */
  function makeRoom(deviceId: string, rank: number, nowMs: number): boolean {
    if (rows.countOpen(deviceId) < MAX_OPEN_PER_DEVICE) return true
    const least = rows.leastNeeded(deviceId)
    if (least === undefined || least.rank <= rank) return false
    record({
      deviceId,
      speechId: least.speech_id,
      rank: least.rank,
      kind: 'superseded',
      body: { reason: 'queue-full' },
    })
    rows.finish(least, 'superseded', nowMs)
    return true
  }

  async function announce(
    devices: string | readonly string[],
    speech: Speech,
    about: About = {},
  ): Promise<Announced[]> {
    if (!speechCheck.Check(speech)) {
      throw invalidMessage(speechCheck.Errors(speech).First(), { what: 'speech' })
    }
    const targets = typeof devices === 'string' ? [devices] : [...new Set(devices)]
    const announced: Announced[] = []
    for (let start = 0; start < targets.length; start += BATCH_ROWS) {
      const batch = targets.slice(start, start + BATCH_ROWS)
      const outcomes = await store.commit(() =>
        batch.map((deviceId) => ({ deviceId, outcome: queue(deviceId, speech, about) })),
      )
      announced.push(...outcomes)
      for (const { deviceId, outcome } of outcomes) if (outcome === 'queued') sendDue(deviceId)
    }
    return announced
  }

  /** Sends what a connected device may have now, most needed first. */
  function sendDue(deviceId: string): void {
    const connection = connections.get(deviceId)
    if (connection === undefined || isClosed) return
    const nowMs = clock.now()
    const open = rows.openOf(deviceId, MAX_OPEN_PER_DEVICE).filter((row) => !isUnheardEnd(row))
    let inFlight = open.filter((row) => connection.sent.has(row.speech_id)).length
    for (const row of open) {
      // A device that reads too slowly is cut by a send: what is left went by its next connection or waits.
      if (connections.get(deviceId) !== connection) return
      if (connection.sent.has(row.speech_id) || row.expires_at <= nowMs) continue
      const waitMs = waitOf(row, connection, nowMs)
      if (waitMs > 0) {
        const wakeAtMs = Math.min(nowMs + waitMs, row.escalate_at ?? row.expires_at, row.expires_at)
        update(() => rows.wakeAt(row, wakeAtMs))
      } else if (inFlight < MAX_IN_FLIGHT || isUrgent(row.rank)) {
        inFlight++
        sendOne(row, connection)
      }
    }
  }

  function sendOne(row: SpeechRow, connection: Connection): void {
    try {
      parts.send(row.device_id, JSON.parse(row.payload) as Speech)
    } catch (error) {
      parts.onError(error)
      return
    }
    connection.sent.add(row.speech_id)
    if (row.state === 'waiting') update(() => rows.sent(row))
  }

  function waitOf(row: SpeechRow, connection: Connection, nowMs: number): number {
    const priority = PRIORITIES[row.rank] ?? 'normal'
    const graceMs = row.state === 'waiting' ? 0 : connection.resendAtMs - nowMs
    const quietMs = quietMsOf(row.device_id, priority, nowMs)
    return Math.max(row.due_at - nowMs, graceMs, quietMs, 0)
  }

  function update(work: () => void): void {
    store.commit(work).catch(parts.onError)
  }

  function onReport(deviceId: string, report: PlayReport, askKey?: AskKey): void {
    const row = rows.find(deviceId, report.speech)
    if (row?.last_report === report.id) return
    record({
      deviceId,
      speechId: report.speech,
      rank: row?.rank ?? rankOf('normal'),
      kind: report.state,
      body: { report: report.id, at: report.at, reason: report.reason },
      ...(askKey ? { askKey } : {}),
    })
    if (row === undefined) return
    const plays = row.plays + (report.state === 'played' ? 1 : 0)
    rows.reported(row, report.state, report.id, plays)
    if (row.done_at !== null) return
    const speech = JSON.parse(row.payload) as Speech
    const isThrough = report.state === 'failed' || report.state === 'skipped'
    if (isThrough && row.escalate_at !== null && (plays === 0 || isToBeConfirmed(speech))) {
      // Who has heard it may confirm it until its term, though the device plays it no more.
      if (plays === 0) rows.escalateAt(row, clock.now())
    } else if (isEnd(report, speech, plays)) rows.finish(row, report.state, clock.now())
    else return
    store
      .durable()
      .then(() => sendDue(deviceId))
      .catch(parts.onError)
  }

  async function tick(): Promise<void> {
    for (let batch = 0; batch < MAX_BATCHES_PER_TICK && !isClosed; batch++) {
      const nowMs = clock.now()
      const due = rows.toWake(nowMs, BATCH_ROWS)
      if (due.length > 0) await watch(due, nowMs)
      for (const deviceId of new Set(due.map((row) => row.device_id))) sendDue(deviceId)
      if (due.length < BATCH_ROWS) break
    }
    if (!isClosed) await store.commit(() => rows.purge(clock.now() - REMEMBER_MS, BATCH_ROWS))
  }

  return {
    announce,
    onReport,
    onConnected(deviceId) {
      connections.set(deviceId, { resendAtMs: clock.now() + RESEND_GRACE_MS, sent: new Set() })
      sendDue(deviceId)
    },
    onDisconnected: (deviceId) => void connections.delete(deviceId),
    tick: () => tick().catch(parts.onError),
    isListening: (deviceId) => connections.has(deviceId),
    isAcknowledged: rows.isAcknowledged,
    isUnanswered: (speechId) => rows.isOpen(speechId) && !rows.isAcknowledged(speechId),
    waiting: rows.countOpen,
    close() {
      isClosed = true
      connections.clear()
    },
  }
}
