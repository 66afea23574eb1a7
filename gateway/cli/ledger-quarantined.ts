/** `kefu-edge ledger quarantined`: which entries the core would not take, and why, for whoever runs it. */
import { decodeLeaf } from '../ledger/entry-codec.ts'
import { placeOf } from '../ledger/lanes.ts'
import type { Store } from '../storage/store.ts'
import type { ExitCode } from './io.ts'
import type { CommandIo } from './own-options.ts'

/** The newest; who has more of them has one cause, not a thousand. */
const MAX_ROWS = 1000

interface Row {
  readonly pos: number
  readonly reason: string
  readonly atMs: number
  readonly idx: number | null
  readonly bytes: Uint8Array | null
}

/** Newest first. `kind` and `writtenAt` are missing where retention has removed the entry. */
export function listQuarantined(store: Store, asJson: boolean, io: CommandIo): ExitCode {
  const rows = store
    .prepare<Row>(
      `SELECT q.pos, q.reason, q.at_ms AS atMs, e.idx, e.bytes
       FROM ledger_quarantine q LEFT JOIN ledger_entry e ON e.pos = q.pos
       ORDER BY q.at_ms DESC, q.pos DESC LIMIT ?`,
    )
    .all(MAX_ROWS)
    .map(({ pos, reason, atMs, idx, bytes }) => {
      const leaf = bytes ? decodeLeaf(bytes) : undefined
      return {
        ...placeOf(pos),
        reason,
        quarantinedAt: new Date(atMs).toISOString(),
        ...(idx === null ? {} : { index: idx }),
        ...(bytes ? { bytes: bytes.length } : {}),
        ...(leaf ? { kind: leaf.kind, writtenAt: new Date(leaf.at).toISOString() } : {}),
      }
    })
  if (asJson) {
    io.stdout.write(`${JSON.stringify({ quarantined: rows })}\n`)
    return 0
  }
  for (const { index, lane, sequence, kind, bytes, writtenAt, quarantinedAt, reason } of rows) {
    const entry =
      index === undefined
        ? 'removed by retention'
        : `entry ${index} ${kind} ${bytes} bytes ${writtenAt}`
    io.stdout.write(`${lane} ${sequence}: ${reason} at ${quarantinedAt}, ${entry}\n`)
  }
  io.stderr.write(
    rows.length === 0
      ? 'the core has taken every entry that was sent\n'
      : 'These stay in the record and do not go up again. Tell whoever runs the core the reason and the time, which its log has too, and bring him the entry: kefu-edge ledger prove INDEX > FILE\n',
  )
  return 0
}
