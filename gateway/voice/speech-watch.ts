/** Watches open speech: what has expired is closed, what nobody is known to have heard is escalated. */
import {
  type PlayReport,
  PRIORITIES,
  type Priority,
  type Speech,
  type Subject,
} from '@kefu-edge/device-sdk/protocol/schemas'
import type { Clock } from '../clock.ts'
import type { AskKey, Lane, Ledger } from '../ledger/port.ts'
import type { Store } from '../storage/store.ts'
import type { SpeechRow, SpeechRows } from './speech-rows.ts'

export type EscalationReason = 'not-acknowledged' | 'expired' | 'skipped' | 'failed'
export interface Escalation {
  readonly deviceId: string
  readonly speech: Speech
  readonly reason: EscalationReason
}

/** Time for the device's own report of the end to arrive before speech counts as expired. */
export const EXPIRY_GRACE_MS = 5000
const URGENT_RANK = PRIORITIES.indexOf('urgent')

export const rankOf = (priority: Priority): number => PRIORITIES.indexOf(priority)
export const isUrgent = (rank: number): boolean => rank <= URGENT_RANK
const laneOf = (rank: number): Lane => (isUrgent(rank) ? 'critical' : 'session')

export interface SpeechEvent {
  readonly deviceId: string
  readonly speechId: string
  readonly rank: number
  /** `announced`, `played`, `escalated` …: the ledger's kind is `speech.` and this. */
  readonly kind: string
  readonly body?: Readonly<Record<string, string | undefined>>
  readonly text?: string
  readonly subject?: Subject
  /** Of the report that says it. */
  readonly askKey?: AskKey
}
export type RecordSpeech = (event: SpeechEvent) => void

export function createSpeechRecord(
  ledger: Pick<Ledger, 'append'>,
  clock: Pick<Clock, 'now'>,
): RecordSpeech {
  return ({ deviceId, speechId, rank, kind, body, text, subject, askKey }) => {
    ledger.append({
      lane: laneOf(rank),
      kind: `speech.${kind}`,
      atMs: clock.now(),
      deviceId,
      body: { speech: speechId, ...body },
      ...(text === undefined ? {} : { personal: { text } }),
      ...(subject ? { subject } : {}),
      ...(askKey ? { askKey } : {}),
    })
  }
}

/** When a person has to be told unless it is acknowledged (or, for urgent speech, played) before. */
export function escalateAtOf(
  speech: Speech,
  fromMs: number,
  expiresAtMs: number,
): number | undefined {
  const { repeat } = speech
  if (repeat?.untilAcknowledged) {
    return Math.min(fromMs + repeat.times * repeat.everySeconds * 1000, expiresAtMs)
  }
  return isUrgent(rankOf(speech.priority)) ? expiresAtMs + EXPIRY_GRACE_MS : undefined
}

export interface SpeechWatchParts {
  readonly store: Store
  readonly rows: SpeechRows
  readonly record: RecordSpeech
  readonly escalate: (escalation: Escalation) => void
}

/**
 * Looks at rows whose time has come. Crash story: an escalation is recorded, then told, then marked; a
 * crash between tells it again after the restart. Twice is a nuisance, never would be a harm.
 */
export function createSpeechWatch(
  parts: SpeechWatchParts,
): (due: readonly SpeechRow[], nowMs: number) => Promise<void> {
  const { store, rows, record } = parts

  return async (due, nowMs) => {
    const escalations = await store.commit(() => due.filter((row) => look(row, nowMs)))
    if (escalations.length === 0) return
    for (const row of escalations) parts.escalate(toEscalation(row))
    await store.commit(() => {
      for (const row of escalations) {
        rows.escalated(row)
        if (isUnheardEnd(row)) rows.finish(row, row.state, nowMs)
      }
    })
  }

  /** True when it has to be escalated. */
  function look(row: SpeechRow, nowMs: number): boolean {
    if (row.escalate_at !== null && row.escalate_at <= nowMs) {
      const { reason } = toEscalation(row)
      record({ ...idOf(row), kind: 'escalated', body: { reason } })
      return true
    }
    const overAtMs = row.expires_at + (row.state === 'waiting' ? 0 : EXPIRY_GRACE_MS)
    if (overAtMs > nowMs) rows.wakeAt(row, Math.min(row.escalate_at ?? overAtMs, overAtMs))
    else if (row.escalate_at !== null) rows.wakeAt(row, row.escalate_at)
    else expire(row, nowMs)
    return false
  }

  function expire(row: SpeechRow, nowMs: number): void {
    if (row.plays === 0) record({ ...idOf(row), kind: 'expired' })
    rows.finish(row, row.plays === 0 ? 'expired' : 'played', nowMs)
  }
}

const idOf = (row: SpeechRow) => ({
  deviceId: row.device_id,
  speechId: row.speech_id,
  rank: row.rank,
})

/** The device is through with it and nobody heard it. */
export const isUnheardEnd = (row: SpeechRow): boolean =>
  row.state === 'failed' || row.state === 'skipped'

function toEscalation(row: SpeechRow): Escalation {
  const speech = JSON.parse(row.payload) as Speech
  const reason =
    row.state === 'failed' || row.state === 'skipped'
      ? row.state
      : isToBeConfirmed(speech)
        ? 'not-acknowledged'
        : 'expired'
  return { deviceId: row.device_id, speech, reason }
}

export const isToBeConfirmed = ({ repeat }: Speech): boolean => repeat?.untilAcknowledged === true

/** Whether the device has nothing more to do for it. */
export function isEnd(report: PlayReport, speech: Speech, plays: number): boolean {
  switch (report.state) {
    case 'acknowledged':
    case 'skipped':
    case 'failed':
      return true
    case 'played':
      return !isToBeConfirmed(speech) && plays >= (speech.repeat?.times ?? 1)
    case 'queued':
    case 'playing':
      return false
  }
}
