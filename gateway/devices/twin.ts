/**
 * The twin: what a device should be (desired) and what it says it is (reported), field by field.
 *
 * Every field has its own version; of two writes the higher version wins, and of equal versions the one
 * whose JSON sorts later, so that any order of arrival ends in the same state.
 */
import type { TwinState } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Store } from '../storage/store.ts'

type Side = 'desired' | 'reported'

export interface TwinView {
  readonly desired: TwinState
  readonly reported: TwinState
  /** Fields whose reported value is not the desired one. */
  readonly drift: readonly string[]
}

export interface Twins {
  /** Merges what the device reported; inside `store.commit`. */
  report(deviceId: string, state: TwinState): void
  /** Merges what the device should be and returns the whole desired state; inside `store.commit`. A null removes a field. */
  desire(deviceId: string, state: TwinState): TwinState
  read(deviceId: string): TwinView
}

interface Row {
  field: string
  value: string
  version: number
}

export function createTwins(store: Store): Twins {
  const rows = store.prepare<Row>(
    'SELECT field, value, version FROM twin WHERE device_id = ? AND side = ? ORDER BY field',
  )
  const merge = store.prepare(
    `INSERT INTO twin (device_id, side, field, value, version) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (device_id, side, field) DO UPDATE SET value = excluded.value, version = excluded.version
     WHERE excluded.version > version OR (excluded.version = version AND excluded.value > value)`,
  )
  const highest = store.prepare<{ version: number | null }>(
    'SELECT max(version) AS version FROM twin WHERE device_id = ? AND side = ?',
  )

  function write(deviceId: string, side: Side, { state, version }: TwinState): void {
    const next = version ?? (highest.get(deviceId, side)?.version ?? 0) + 1
    for (const [field, value] of Object.entries(state)) {
      merge.run(deviceId, side, field, JSON.stringify(value ?? null), next)
    }
  }

  function stateOf(deviceId: string, side: Side): TwinState {
    const found = rows.all(deviceId, side)
    const state: Record<string, unknown> = {}
    for (const row of found) if (row.value !== 'null') state[row.field] = JSON.parse(row.value)
    return { version: Math.max(0, ...found.map((row) => row.version)), state }
  }

  return {
    report: (deviceId, state) => write(deviceId, 'reported', state),
    desire(deviceId, state) {
      write(deviceId, 'desired', state)
      return stateOf(deviceId, 'desired')
    },
    read(deviceId) {
      const desired = stateOf(deviceId, 'desired')
      const reported = stateOf(deviceId, 'reported')
      const drift = Object.keys(desired.state).filter(
        (field) => JSON.stringify(desired.state[field]) !== JSON.stringify(reported.state[field]),
      )
      return { desired, reported, drift }
    },
  }
}
