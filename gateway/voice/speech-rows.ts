/** The table behind the announcer. All writes happen inside `store.commit`. */
import { PRIORITIES, type Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Store } from '../storage/store.ts'

/** `waiting` and `sent` are ours, the rest is what the device reported or how it ended. */
export type SpeechState =
  | 'waiting'
  | 'sent'
  | 'queued'
  | 'playing'
  | 'played'
  | 'acknowledged'
  | 'skipped'
  | 'failed'
  | 'expired'
  | 'superseded'

export interface SpeechRow {
  readonly device_id: string
  readonly speech_id: string
  readonly rank: number
  readonly payload: string
  readonly state: SpeechState
  readonly created_at: number
  readonly due_at: number
  readonly expires_at: number
  readonly escalate_at: number | null
  readonly plays: number
  readonly last_report: string | null
  readonly done_at: number | null
}

export interface NewSpeech {
  readonly deviceId: string
  readonly speech: Speech
  readonly createdAtMs: number
  readonly dueAtMs: number
  readonly expiresAtMs: number
  readonly escalateAtMs?: number
}

export interface SpeechRows {
  find(deviceId: string, speechId: string): SpeechRow | undefined
  insert(row: NewSpeech): void
  /** Whether any device has acknowledged it. */
  isAcknowledged(speechId: string): boolean
  /** Whether any device has still to say it. */
  isOpen(speechId: string): boolean
  countOpen(deviceId: string): number
  /** The open row that is needed least: lowest class, newest, and not yet with the device. */
  leastNeeded(deviceId: string): SpeechRow | undefined
  /** Open rows of a device in order of need. */
  openOf(deviceId: string, limit: number): SpeechRow[]
  toWake(nowMs: number, limit: number): SpeechRow[]
  /** A `waiting` row is now with the device. */
  sent(row: SpeechRow): void
  /** What was acknowledged stays so: its device may be through with the play only afterwards. */
  reported(row: SpeechRow, state: SpeechState, reportId: string, plays: number): void
  wakeAt(row: SpeechRow, atMs: number): void
  escalateAt(row: SpeechRow, atMs: number): void
  escalated(row: SpeechRow): void
  finish(row: SpeechRow, state: SpeechState, atMs: number): void
  purge(beforeMs: number, limit: number): number
}

export function createSpeechRows(store: Store): SpeechRows {
  const find = store.prepare<SpeechRow>(
    'SELECT * FROM speech WHERE device_id = ? AND speech_id = ?',
  )
  const insert = store.prepare(
    `INSERT INTO speech (device_id, speech_id, rank, payload, state, created_at, due_at, wake_at, expires_at, escalate_at)
     VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?, ?, ?)`,
  )
  const countOpen = store.prepare<{ n: number }>(
    'SELECT count(*) AS n FROM speech WHERE device_id = ? AND done_at IS NULL',
  )
  const acknowledged = store.prepare(
    "SELECT 1 FROM speech WHERE speech_id = ? AND state = 'acknowledged' LIMIT 1",
  )
  const isOpen = store.prepare(
    `SELECT 1 FROM speech
     WHERE speech_id = ? AND done_at IS NULL AND state NOT IN ('failed', 'skipped') LIMIT 1`,
  )
  const leastNeeded = store.prepare<SpeechRow>(
    `SELECT * FROM speech WHERE device_id = ? AND done_at IS NULL AND state = 'waiting'
     ORDER BY rank DESC, created_at DESC LIMIT 1`,
  )
  const openOf = store.prepare<SpeechRow>(
    'SELECT * FROM speech WHERE device_id = ? AND done_at IS NULL ORDER BY rank, created_at, speech_id LIMIT ?',
  )
  const toWake = store.prepare<SpeechRow>(
    'SELECT * FROM speech WHERE done_at IS NULL AND wake_at <= ? ORDER BY wake_at LIMIT ?',
  )
  const key = 'WHERE device_id = ? AND speech_id = ?'
  const sent = store.prepare(`UPDATE speech SET state = 'sent' ${key} AND state = 'waiting'`)
  const escalateAt = store.prepare(`UPDATE speech SET escalate_at = ?, wake_at = ? ${key}`)
  const reported = store.prepare(
    `UPDATE speech SET state = CASE state WHEN 'acknowledged' THEN state ELSE ? END,
       last_report = ?, plays = ? ${key}`,
  )
  const wakeAt = store.prepare(`UPDATE speech SET wake_at = ? ${key}`)
  const escalated = store.prepare(`UPDATE speech SET escalate_at = NULL ${key}`)
  const finish = store.prepare(
    `UPDATE speech SET state = ?, done_at = ?, payload = '', escalate_at = NULL ${key}`,
  )
  const purge = store.prepare(
    `DELETE FROM speech WHERE (device_id, speech_id) IN
       (SELECT device_id, speech_id FROM speech WHERE done_at IS NOT NULL AND done_at < ? LIMIT ?)`,
  )
  return {
    find: (deviceId, speechId) => find.get(deviceId, speechId),
    insert: ({ deviceId, speech, createdAtMs, dueAtMs, expiresAtMs, escalateAtMs }) => {
      insert.run(
        deviceId,
        speech.id,
        PRIORITIES.indexOf(speech.priority),
        JSON.stringify(speech),
        createdAtMs,
        dueAtMs,
        Math.min(dueAtMs, escalateAtMs ?? expiresAtMs, expiresAtMs),
        expiresAtMs,
        escalateAtMs ?? null,
      )
    },
    isAcknowledged: (speechId) => acknowledged.get(speechId) !== undefined,
    isOpen: (speechId) => isOpen.get(speechId) !== undefined,
    countOpen: (deviceId) => countOpen.get(deviceId)?.n ?? 0,
    leastNeeded: (deviceId) => leastNeeded.get(deviceId),
    openOf: (deviceId, limit) => openOf.all(deviceId, limit),
    toWake: (nowMs, limit) => toWake.all(nowMs, limit),
    sent: (row) => void sent.run(row.device_id, row.speech_id),
    escalateAt: (row, atMs) => void escalateAt.run(atMs, atMs, row.device_id, row.speech_id),
    reported: (row, state, reportId, plays) =>
      void reported.run(state, reportId, plays, row.device_id, row.speech_id),
    wakeAt: (row, atMs) => void wakeAt.run(atMs, row.device_id, row.speech_id),
    escalated: (row) => void escalated.run(row.device_id, row.speech_id),
    finish: (row, state, atMs) => void finish.run(state, atMs, row.device_id, row.speech_id),
    purge: (beforeMs, limit) => purge.run(beforeMs, limit).changes,
  }
}
