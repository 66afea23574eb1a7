/** The core's session store: which turns belong to which session, over all channels of a gateway. */
import { decodeView, type EntryHead, type EntryView, readEntry } from '../protocol/entry.ts'
import type { CoreStore } from './storage.ts'

/** Longer ones are no id of a session; the entry is kept all the same. */
const MAX_SESSION_ID_CHARS = 128

export interface SessionSummary {
  readonly id: string
  readonly firstAtMs: number
  readonly lastAtMs: number
  readonly turns: number
}

export interface SessionTurn {
  readonly atMs: number
  readonly deviceId: string | undefined
  readonly body: EntryView
  /** What the gateway's disclosure policy let through of the sealed part. */
  readonly disclosed: EntryView | undefined
}

export type SessionCursor = Pick<SessionSummary, 'lastAtMs' | 'id'>

export interface Sessions {
  /** Inside the commit that writes the entry. */
  record(gatewayNo: number, entryKey: number, head: EntryHead): void
  /** Newest first; only those that were over before this one. */
  list(gatewayNo: number, limit: number, before?: SessionCursor): readonly SessionSummary[]
  count(gatewayNo: number): number
  turns(gatewayNo: number, sessionId: string, limit: number): readonly SessionTurn[]
}

export function createSessions(store: CoreStore): Sessions {
  const upsert = store.prepare(
    `INSERT INTO session (gateway_no, id, first_at, last_at, turns) VALUES (?, ?, ?, ?, 1)
     ON CONFLICT DO UPDATE SET turns = turns + 1, last_at = max(last_at, excluded.last_at),
       first_at = min(first_at, excluded.first_at)`,
  )
  const addTurn = store.prepare(
    'INSERT INTO session_turn (gateway_no, session_id, entry_key) VALUES (?, ?, ?)',
  )
  const list = store.prepare<SessionSummary>(
    `SELECT id, first_at AS firstAtMs, last_at AS lastAtMs, turns FROM session
     WHERE gateway_no = ? AND (last_at, id) < (?, ?) ORDER BY last_at DESC, id DESC LIMIT ?`,
  )
  const count = store.prepare<{ count: number }>(
    'SELECT count(*) AS count FROM session WHERE gateway_no = ?',
  )
  const turns = store.prepare<{ bytes: Uint8Array; disclosed: Uint8Array | null }>(
    `SELECT bytes, disclosed FROM session_turn JOIN entry ON entry.key = session_turn.entry_key
     WHERE gateway_no = ? AND session_id = ? ORDER BY entry_key LIMIT ?`,
  )

  return {
    record(gatewayNo, entryKey, head) {
      const id = head.body.session
      if (head.kind !== 'turn' || typeof id !== 'string' || id.length > MAX_SESSION_ID_CHARS) return
      upsert.run(gatewayNo, id, head.atMs, head.atMs)
      addTurn.run(gatewayNo, id, entryKey)
    },
    list: (gatewayNo, limit, { lastAtMs, id } = { lastAtMs: Number.MAX_SAFE_INTEGER, id: '' }) =>
      list.all(gatewayNo, lastAtMs, id, limit),
    count: (gatewayNo) => count.get(gatewayNo)?.count ?? 0,
    turns: (gatewayNo, sessionId, limit) =>
      turns.all(gatewayNo, sessionId, limit).flatMap(({ bytes, disclosed }) => {
        const read = readEntry(bytes)
        if (read.kind !== 'read') return []
        const { atMs, deviceId, body } = read.head
        return [{ atMs, deviceId, body, disclosed: disclosed ? decodeView(disclosed) : undefined }]
      }),
  }
}
