/** Rows of bridges. SQL and its decoding only; every write inside `store.commit`. */
import type { Store } from '../storage/store.ts'

export type Side = 'local' | 'remote'
export type Outcome = 'sent' | 'refused' | 'expired'

export interface OutgoingRow {
  readonly idx: number
  readonly packet_id: number | null
  readonly is_released: number
  readonly payload: Uint8Array | null
}

/** How far a bridge has come; `sentIdx` is the high-water mark: the ledger's leaf that left last. */
export interface Mark {
  readonly sentIdx: number
  readonly sent: number
  readonly refused: number
  readonly expired: number
}

export const BRIDGE_SQL = {
  insert: 'INSERT INTO bridge_outgoing (bridge, idx, payload) VALUES (?, ?, ?)',
  unsent: `SELECT idx, packet_id, is_released, payload FROM bridge_outgoing
    WHERE bridge = ? AND idx > ? AND packet_id IS NULL ORDER BY idx LIMIT ?`,
  inflight: `SELECT idx, packet_id, is_released, payload FROM bridge_outgoing
    WHERE bridge = ? AND packet_id IS NOT NULL ORDER BY idx`,
  byPacket: `SELECT idx, packet_id, is_released, payload FROM bridge_outgoing
    WHERE bridge = ? AND packet_id = ?`,
  sending: 'UPDATE bridge_outgoing SET packet_id = ? WHERE bridge = ? AND idx = ?',
  released: 'UPDATE bridge_outgoing SET is_released = 1 WHERE bridge = ? AND packet_id = ?',
  remove: 'DELETE FROM bridge_outgoing WHERE bridge = ? AND idx = ?',
  oldest: `SELECT idx FROM bridge_outgoing WHERE bridge = ? AND packet_id IS NULL
    ORDER BY idx LIMIT 1`,
  count: 'SELECT count(*) AS n FROM bridge_outgoing WHERE bridge = ?',
  oldestLarge: `SELECT idx FROM bridge_outgoing WHERE bridge = ? AND payload IS NOT NULL
    AND packet_id IS NULL ORDER BY idx LIMIT 1`,
  countLarge: 'SELECT count(*) AS n FROM bridge_outgoing WHERE bridge = ? AND payload IS NOT NULL',
  mark: 'SELECT sent_idx, sent, refused, expired FROM bridge_mark WHERE bridge = ?',
  advance: `INSERT INTO bridge_mark (bridge, sent_idx, sent, refused, expired) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (bridge) DO UPDATE SET sent_idx = max(sent_idx, excluded.sent_idx),
      sent = sent + excluded.sent, refused = refused + excluded.refused,
      expired = expired + excluded.expired`,
  receive: 'INSERT OR IGNORE INTO bridge_received (bridge, side, packet_id) VALUES (?, ?, ?)',
  isReceived: 'SELECT 1 AS n FROM bridge_received WHERE bridge = ? AND side = ? AND packet_id = ?',
  forget: 'DELETE FROM bridge_received WHERE bridge = ? AND side = ? AND packet_id = ?',
  forgetAll: 'DELETE FROM bridge_received WHERE bridge = ? AND side = ?',
  filters: 'SELECT filter FROM bridge_filter WHERE bridge = ? AND side = ?',
  addFilter: 'INSERT OR IGNORE INTO bridge_filter (bridge, side, filter) VALUES (?, ?, ?)',
  dropFilter: 'DELETE FROM bridge_filter WHERE bridge = ? AND side = ? AND filter = ?',
} as const

export type BridgeRows = ReturnType<typeof createBridgeRows>

export function createBridgeRows(store: Store, bridge: string) {
  const insert = store.prepare(BRIDGE_SQL.insert)
  const unsent = store.prepare<OutgoingRow>(BRIDGE_SQL.unsent)
  const inflight = store.prepare<OutgoingRow>(BRIDGE_SQL.inflight)
  const byPacket = store.prepare<OutgoingRow>(BRIDGE_SQL.byPacket)
  const sending = store.prepare(BRIDGE_SQL.sending)
  const released = store.prepare(BRIDGE_SQL.released)
  const remove = store.prepare(BRIDGE_SQL.remove)
  const oldest = store.prepare<{ idx: number }>(BRIDGE_SQL.oldest)
  const oldestLarge = store.prepare<{ idx: number }>(BRIDGE_SQL.oldestLarge)
  const countLarge = store.prepare<{ n: number }>(BRIDGE_SQL.countLarge)
  const count = store.prepare<{ n: number }>(BRIDGE_SQL.count)
  const mark = store.prepare<Record<'sent_idx' | Outcome, number>>(BRIDGE_SQL.mark)
  const advance = store.prepare(BRIDGE_SQL.advance)
  const receive = store.prepare(BRIDGE_SQL.receive)
  const isReceived = store.prepare(BRIDGE_SQL.isReceived)
  const forget = store.prepare(BRIDGE_SQL.forget)
  const forgetAll = store.prepare(BRIDGE_SQL.forgetAll)
  const filters = store.prepare<{ filter: string }>(BRIDGE_SQL.filters)
  const addFilter = store.prepare(BRIDGE_SQL.addFilter)
  const dropFilter = store.prepare(BRIDGE_SQL.dropFilter)
  return {
    add: (idx: number, payload: Uint8Array | null) => void insert.run(bridge, idx, payload),
    unsent: (afterIdx: number, limit: number) => unsent.all(bridge, afterIdx, limit),
    inflight: () => inflight.all(bridge),
    byPacket: (packetId: number) => byPacket.get(bridge, packetId),
    sending: (idx: number, packetId: number) => void sending.run(packetId, bridge, idx),
    released: (packetId: number) => void released.run(bridge, packetId),
    oldest: () => oldest.get(bridge)?.idx,
    oldestLarge: () => oldestLarge.get(bridge)?.idx,
    countLarge: () => countLarge.get(bridge)?.n ?? 0,
    count: () => count.get(bridge)?.n ?? 0,
    mark: (): Mark => {
      const row = mark.get(bridge)
      const { sent_idx: sentIdx = -1, sent = 0, refused = 0, expired = 0 } = row ?? {}
      return { sentIdx, sent, refused, expired }
    },
    /** Takes an entry off the list and moves the mark. False when it was off already. */
    settle: (idx: number, outcome: Outcome): boolean => {
      if (remove.run(bridge, idx).changes === 0) return false
      const counted = (one: Outcome) => (one === outcome ? 1 : 0)
      advance.run(bridge, idx, counted('sent'), counted('refused'), counted('expired'))
      return true
    },
    receive: (side: Side, packetId: number) => void receive.run(bridge, side, packetId),
    isReceived: (side: Side, packetId: number) =>
      isReceived.get(bridge, side, packetId) !== undefined,
    forget: (side: Side, packetId: number) => void forget.run(bridge, side, packetId),
    forgetAll: (side: Side) => void forgetAll.run(bridge, side),
    /** Filters that the session on that side holds. */
    filters: (side: Side) => filters.all(bridge, side).map((row) => row.filter),
    setFilters: (side: Side, wanted: readonly string[]) => {
      for (const { filter } of filters.all(bridge, side)) dropFilter.run(bridge, side, filter)
      for (const filter of wanted) addFilter.run(bridge, side, filter)
    },
  }
}
