/** The core's session store: which turns belong to which session, over all channels of a gateway. */
import { CloudError } from '../errors.ts'
import { decodeView, type EntryHead, type EntryView, readEntry } from '../protocol/entry.ts'
import { STREAM_STRIDE } from './receive.ts'
import type { CoreStore } from './storage.ts'

/** Longer ones are no id of a session; the entry is kept all the same. */
const MAX_SESSION_ID_CHARS = 128

export interface SessionSummary {
  readonly id: string
  readonly firstAtMs: number
  readonly lastAtMs: number
  readonly turns: number
}

/** Where its entry lies. */
export interface TurnCursor {
  readonly epoch: string
  readonly lane: string
  readonly sequence: number
}

export interface SessionTurn extends TurnCursor {
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
  /** As they came; only those after this one. Throws `request.invalid` where there is no such place. */
  turns(
    gatewayNo: number,
    sessionId: string,
    limit: number,
    after?: TurnCursor,
  ): readonly SessionTurn[]
  /** Those that the core has still. */
  countTurns(gatewayNo: number, sessionId: string): number
}

interface TurnRow extends TurnCursor {
  readonly bytes: Uint8Array
  readonly disclosed: Uint8Array | null
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
  const turns = store.prepare<TurnRow>(
    `SELECT epoch, lane, entry_key % ${STREAM_STRIDE} AS sequence, entry.bytes, disclosed
     FROM session_turn JOIN entry ON entry.key = entry_key
       JOIN stream ON stream.no = entry_key / ${STREAM_STRIDE}
     WHERE session_turn.gateway_no = ? AND session_id = ? AND entry_key > ?
     ORDER BY entry_key LIMIT ?`,
  )
  const countTurns = store.prepare<{ count: number }>(
    'SELECT count(*) AS count FROM session_turn WHERE gateway_no = ? AND session_id = ?',
  )
  const findStream = store.prepare<{ no: number }>(
    'SELECT no FROM stream WHERE gateway_no = ? AND epoch = ? AND lane = ?',
  )

  function keyOf(gatewayNo: number, { epoch, lane, sequence }: TurnCursor): number {
    const stream = findStream.get(gatewayNo, epoch, lane)
    if (stream) return stream.no * STREAM_STRIDE + sequence
    throw new CloudError('request.invalid', { detail: `after: no lane ${lane} of epoch ${epoch}` })
  }

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
    turns: (gatewayNo, sessionId, limit, after) =>
      turns
        .all(gatewayNo, sessionId, after ? keyOf(gatewayNo, after) : 0, limit)
        .flatMap(({ bytes, disclosed, ...place }) => {
          const read = readEntry(bytes)
          if (read.kind !== 'read') return []
          const { atMs, deviceId, body } = read.head
          const shown = disclosed ? decodeView(disclosed) : undefined
          return [{ ...place, atMs, deviceId, body, disclosed: shown }]
        }),
    countTurns: (gatewayNo, sessionId) => countTurns.get(gatewayNo, sessionId)?.count ?? 0,
  }
}
