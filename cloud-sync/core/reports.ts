/** What operators and tests read of the core: entries, marks, the fleet. */
import { CloudError } from '../errors.ts'
import { IS_UNACCEPTED } from './log-heads.ts'
import { STREAM_STRIDE } from './receive.ts'
import type { CoreStore } from './storage.ts'

export interface StoredEntry {
  readonly epoch: string
  readonly sequence: number
  readonly index: number
  readonly bytes: Uint8Array
  readonly disclosed: Uint8Array | null
}

export interface StreamReport {
  readonly epoch: string
  readonly lane: string
  readonly acknowledged: number
  readonly entries: number
  readonly bytes: number
  readonly duplicates: number
  /** Sequences that were never sent: expired or quarantined at the gateway, or lost by this core. */
  readonly missing: number
  readonly refused: number
}

export interface GatewayReport {
  readonly id: string
  readonly isEnrolled: boolean
  /** By an operator: nothing of it is taken. */
  readonly isBlocked: boolean
  readonly enrolledAtMs: number
  readonly seenAtMs: number
  readonly echoAtMs: number | null
  readonly streams: readonly StreamReport[]
}

export interface Reports {
  /** As they came, epoch after epoch; with `only`, of this one. Throws `request.invalid` for a cursor in no epoch of these. */
  entries(
    gatewayId: string,
    lane: string,
    after: EntryCursor,
    limit: number,
    only?: string,
  ): readonly StoredEntry[]
  /** By id; only those that come after `after`. */
  fleet(limit: number, after?: string): readonly GatewayReport[]
  /**
   * First those whose record is in doubt, then those that were not heard after `heardAfterMs`, then those that
   * were, at last those that are to stay out.
   */
  worstFirst(limit: number, heardAfterMs: number): readonly GatewayReport[]
  countGateways(): number
}

export interface EntryCursor {
  /** What came before it is left out; absent: what has this sequence or a lower one in its epoch. */
  readonly epoch?: string
  readonly sequence: number
}

interface GatewayRow extends Omit<GatewayReport, 'streams' | 'isEnrolled' | 'isBlocked'> {
  readonly no: number
  readonly enrolled: number
  readonly blocked: number
}

const GATEWAY = `SELECT no, id, public_key IS NOT NULL AS enrolled, blocked_at IS NOT NULL AS blocked,
    enrolled_at AS enrolledAtMs, seen_at AS seenAtMs, echo_at AS echoAtMs FROM gateway`

export function createReports(store: CoreStore): Reports {
  const streams = store.prepare<{ no: number; epoch: string }>(
    `SELECT stream.no, epoch FROM stream JOIN gateway ON gateway.no = stream.gateway_no
     WHERE gateway.id = ? AND lane = ? ORDER BY stream.no`,
  )
  const entries = store.prepare<{
    key: number
    index: number
    bytes: Uint8Array
    disclosed: Uint8Array | null
  }>(
    `SELECT key, leaf_index AS "index", bytes, disclosed FROM entry
     WHERE key > ? AND key < ? ORDER BY key LIMIT ?`,
  )
  const byId = store.prepare<GatewayRow>(`${GATEWAY} WHERE id > ? ORDER BY id LIMIT ?`)
  const byNeed = store.prepare<GatewayRow>(
    `${GATEWAY} ORDER BY CASE
       WHEN EXISTS (SELECT 1 FROM log_head
         WHERE gateway_no = gateway.no AND ${IS_UNACCEPTED}) THEN 0
       WHEN public_key IS NULL OR blocked_at IS NOT NULL THEN 3
       WHEN seen_at <= ? THEN 1
       ELSE 2 END, id LIMIT ?`,
  )
  const count = store.prepare<{ count: number }>('SELECT count(*) AS count FROM gateway')
  const reports = store.prepare<StreamReport>(
    `SELECT epoch, lane, high AS acknowledged, entries, bytes, duplicates, missing,
       (SELECT count(*) FROM refusal
        WHERE key BETWEEN stream.no * ${STREAM_STRIDE} AND (stream.no + 1) * ${STREAM_STRIDE})
         AS refused
     FROM stream WHERE gateway_no = ? ORDER BY no`,
  )

  const toReport = ({ no, enrolled, blocked, ...row }: GatewayRow): GatewayReport => ({
    ...row,
    isEnrolled: enrolled === 1,
    isBlocked: blocked === 1,
    streams: reports.all(no),
  })

  return {
    entries(gatewayId, lane, after, limit, only) {
      const all = streams.all(gatewayId, lane).filter(({ epoch }) => epoch === (only ?? epoch))
      const first =
        after.epoch === undefined ? 0 : all.findIndex((one) => one.epoch === after.epoch)
      if (first < 0) {
        throw new CloudError('request.invalid', { detail: `after: no epoch ${after.epoch}` })
      }
      const found: StoredEntry[] = []
      for (const { no, epoch } of all.slice(first)) {
        if (found.length >= limit) break
        const base = no * STREAM_STRIDE
        const from = epoch === (after.epoch ?? epoch) ? after.sequence : 0
        const rows = entries.all(base + from, base + STREAM_STRIDE, limit - found.length)
        for (const { key, ...row } of rows) found.push({ epoch, sequence: key - base, ...row })
      }
      return found
    },
    fleet: (limit, after = '') => byId.all(after, limit).map(toReport),
    worstFirst: (limit, heardAfterMs) => byNeed.all(heardAfterMs, limit).map(toReport),
    countGateways: () => count.get()?.count ?? 0,
  }
}
