/**
 * The twin: what a device should be (desired) and what it says it is (reported), field by field.
 *
 * Every field has its own version; of two writes the higher version wins, and of equal versions the one
 * whose canonical JSON sorts later, so that any order of arrival ends in the same state: a register per
 * field where the last writer wins (Shapiro et al., "A comprehensive study of CRDTs", 2011, section 3.2).
 */
import type { TwinState } from '@kefu-edge/device-sdk/protocol/schemas'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'

type Side = 'desired' | 'reported'

/** Fields of one side of one device: settings and readings of a terminal, not a log. */
export const MAX_FIELDS = 256
/**
 * Removed fields of one side whose version is remembered, the newest ones: a late write of before must not
 * bring them back, and names that change with each report must not pile up.
 */
export const MAX_REMOVED = 256
/** JSON of one field, in characters: a retained desired state stays below the smallest packet limit. */
export const MAX_VALUE_CHARACTERS = 2048

export interface TwinField {
  readonly value: unknown
  readonly version: number
}

export interface TwinView {
  readonly desired: TwinState
  readonly reported: TwinState
  /** Fields whose reported value is not the desired one. */
  readonly drift: readonly string[]
  /** Both sides of every field, each with its own version. */
  readonly fields: Readonly<Record<string, { desired?: TwinField; reported?: TwinField }>>
}

export interface Twins {
  /** Merges what the device reported; inside `store.commit`. Throws `twin.too-large`. */
  report(deviceId: string, state: TwinState): void
  /**
   * Merges what the device should be and returns the whole desired state; inside `store.commit`. A null
   * removes a field. Without a version the write counts as the newest. Throws `twin.too-large`.
   */
  desire(deviceId: string, state: TwinState): TwinState
  /** The whole desired state; undefined where nothing was ever desired. */
  desired(deviceId: string): TwinState | undefined
  read(deviceId: string): TwinView
  /** Devices that are not as they should be. */
  drifting(): number
  /** Devices whose newest desired state has not been published yet. */
  unpublished(): readonly string[]
  /** Notes that the desired state was published; inside `store.commit`. */
  published(deviceId: string, version: number): void
  /** Forgets a device that was removed; inside `store.commit`. */
  forget(deviceId: string): void
  /**
   * Forgets what a device reported, as another goes by its name from here on and counts its versions from the
   * beginning; inside `store.commit`.
   */
  forgetReported(deviceId: string): void
}

interface Row {
  field: string
  value: string
  version: number
}

const MERGE = `INSERT INTO twin (device_id, side, field, value, version) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (device_id, side, field) DO UPDATE SET value = excluded.value, version = excluded.version
  WHERE excluded.version > version OR (excluded.version = version AND excluded.value > value)`
const DRIFTING = `SELECT count(DISTINCT d.device_id) AS n FROM twin d
  LEFT JOIN twin r ON r.device_id = d.device_id AND r.side = 'reported' AND r.field = d.field
  WHERE d.side = 'desired' AND d.value <> 'null' AND (r.value IS NULL OR r.value <> d.value)`
const TOTALS = `SELECT max(version) AS version, count(*) AS rows, count(*) FILTER (WHERE value <> 'null')
  AS fields FROM twin WHERE device_id = ? AND side = ?`
const FORGET_REMOVED = `DELETE FROM twin WHERE device_id = ? AND side = ? AND field IN (
  SELECT field FROM twin WHERE device_id = ? AND side = ? AND value = 'null'
  ORDER BY version DESC, field LIMIT -1 OFFSET ?)`
const UNPUBLISHED = `SELECT t.device_id FROM twin t LEFT JOIN twin_published p USING (device_id)
  WHERE t.side = 'desired' GROUP BY t.device_id HAVING max(t.version) > coalesce(max(p.version), -1)`

export function createTwins(store: Store): Twins {
  const rows = store.prepare<Row>(
    'SELECT field, value, version FROM twin WHERE device_id = ? AND side = ? ORDER BY field',
  )
  const merge = store.prepare(MERGE)
  const drifting = store.prepare<{ n: number }>(DRIFTING)
  const unpublished = store.prepare<{ device_id: string }>(UNPUBLISHED)
  const publish = store.prepare('INSERT OR REPLACE INTO twin_published VALUES (?, ?)')
  const drop = store.prepare('DELETE FROM twin WHERE device_id = ?')
  const dropReported = store.prepare("DELETE FROM twin WHERE device_id = ? AND side = 'reported'")
  const dropPublished = store.prepare('DELETE FROM twin_published WHERE device_id = ?')
  const totals = store.prepare<{ version: number | null; rows: number; fields: number }>(TOTALS)
  const forgetRemoved = store.prepare(FORGET_REMOVED)

  function write(deviceId: string, side: Side, { state, version }: TwinState): void {
    const next = version ?? (totals.get(deviceId, side)?.version ?? 0) + 1
    for (const [field, value] of Object.entries(state)) {
      const json = canonicalJson(value ?? null)
      if (json.length > MAX_VALUE_CHARACTERS) {
        throw new GatewayError('twin.too-large', {
          field: `/state/${field}`,
          detail: `"${field}" has ${json.length} characters, ${MAX_VALUE_CHARACTERS} are taken`,
        })
      }
      merge.run(deviceId, side, field, json, next)
    }
    const { rows: known = 0, fields = 0 } = totals.get(deviceId, side) ?? {}
    if (known - fields > MAX_REMOVED) {
      forgetRemoved.run(deviceId, side, deviceId, side, MAX_REMOVED)
    }
    if (fields > MAX_FIELDS) {
      throw new GatewayError('twin.too-large', {
        detail: `${fields} fields, ${MAX_FIELDS} are taken`,
      })
    }
  }

  return {
    report: (deviceId, state) => write(deviceId, 'reported', state),
    desire(deviceId, state) {
      write(deviceId, 'desired', state)
      return toState(rows.all(deviceId, 'desired'))
    },
    desired(deviceId) {
      const found = rows.all(deviceId, 'desired')
      return found.length === 0 ? undefined : toState(found)
    },
    read: (deviceId) => toView(rows.all(deviceId, 'desired'), rows.all(deviceId, 'reported')),
    drifting: () => drifting.get()?.n ?? 0,
    unpublished: () => unpublished.all().map((row) => row.device_id),
    published: (deviceId, version) => {
      publish.run(deviceId, version)
    },
    forget(deviceId) {
      drop.run(deviceId)
      dropPublished.run(deviceId)
    },
    forgetReported: (deviceId) => {
      dropReported.run(deviceId)
    },
  }
}

function toView(desired: readonly Row[], reported: readonly Row[]): TwinView {
  const fields: Record<string, { desired?: TwinField; reported?: TwinField }> = {}
  const isReported = new Map(reported.map((row) => [row.field, row.value]))
  for (const row of desired) fields[row.field] = { desired: toField(row) }
  for (const row of reported) {
    fields[row.field] = { ...fields[row.field], reported: toField(row) }
  }
  const drift = desired
    .filter((row) => row.value !== 'null' && isReported.get(row.field) !== row.value)
    .map((row) => row.field)
  return { desired: toState(desired), reported: toState(reported), drift, fields }
}

const toField = ({ value, version }: Row): TwinField => ({
  value: JSON.parse(value) as unknown,
  version,
})

function toState(found: readonly Row[]): TwinState {
  const kept = found.filter((row) => row.value !== 'null')
  return {
    version: Math.max(0, ...found.map((row) => row.version)),
    state: Object.fromEntries(kept.map((row) => [row.field, JSON.parse(row.value) as unknown])),
  }
}

/** JSON with the keys of every object in order, so that equal values are equal texts (after RFC 8785). */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
