/** `kefu-edge ledger quarantined|handled`: which entries the core would not take, why, and what became of it. */
import type { Config } from '../config/schema.ts'
import { quarantinedEntries } from '../ledger/quarantine.ts'
import type { Store } from '../storage/store.ts'
import type { ExitCode, Io } from './io.ts'
import { operate } from './operate.ts'

/** The newest; who has more of them has one cause, not a thousand. */
const MAX_ROWS = 1000

const isoOf = (ms: number): string => new Date(ms).toISOString()

/** Newest first. `kind` and `writtenAt` are missing where retention has removed the entry. */
export function listQuarantined(store: Store, asJson: boolean, io: Io): ExitCode {
  const rows = quarantinedEntries(store, MAX_ROWS).map(
    ({ atMs, handledAtMs, writtenAtMs, ...row }) => ({
      ...row,
      quarantinedAt: isoOf(atMs),
      ...(handledAtMs === undefined ? {} : { handledAt: isoOf(handledAtMs) }),
      ...(writtenAtMs === undefined ? {} : { writtenAt: isoOf(writtenAtMs) }),
    }),
  )
  if (asJson) {
    io.stdout(JSON.stringify({ quarantined: rows }))
    return 0
  }
  for (const row of rows) {
    const { index, lane, sequence, kind, bytes, writtenAt, quarantinedAt, reason, handledAt } = row
    const entry =
      index === undefined
        ? 'removed by retention'
        : `entry ${index} ${kind} ${bytes} bytes ${writtenAt}`
    const handled = handledAt === undefined ? '' : `, handled at ${handledAt}`
    io.stdout(`${lane}:${sequence} ${reason} at ${quarantinedAt}, ${entry}${handled}`)
  }
  io.stderr(adviceFor(rows))
  return 0
}

function adviceFor(rows: readonly { readonly handledAt?: string }[]): string {
  if (rows.length === 0) return 'the core has taken every entry that was sent'
  if (rows.every(({ handledAt }) => handledAt !== undefined)) return 'all of them are dealt with'
  return `These stay in the record and do not go up again. Tell whoever runs the core the reason and the time, which its log has too, and bring him the entry: kefu-edge ledger prove INDEX > FILE
When that is settled: kefu-edge ledger handled all|LANE:SEQUENCE … --note "…"`
}

/** Notes in the record that these were dealt with, and how. */
export async function settleQuarantined(
  entries: readonly string[],
  note: string,
  asJson: boolean,
  io: Io,
  config: Config,
): Promise<ExitCode> {
  const which = entries.length === 1 && entries[0] === 'all' ? 'all' : entries
  const outcome = await operate(config, 'ledger.handled', { entries: which, note })
  const { handled, left } = outcome as { handled: readonly string[]; left: number }
  io.stdout(
    asJson
      ? JSON.stringify({ handled, left })
      : `${handled.length} noted as dealt with (${handled.join(', ') || 'none was left'}), ${left} left`,
  )
  return 0
}
