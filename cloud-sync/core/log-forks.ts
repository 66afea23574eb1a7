/** Forks of a log: other entries came under numbers that the core has. What was accepted stays so; what differs is news. */
import { createHash } from 'node:crypto'
import type { CoreStore } from './storage.ts'

/** The first entry of a lane that is another than the one kept under its number. */
export interface ShownFork {
  readonly lane: string
  readonly sequence: number
  readonly bytes: Uint8Array
}

export interface LogForks {
  /** A lane shows one; inside `store.commit`. */
  show(gatewayNo: number, epoch: string, shown: ShownFork): void
  /** Of the logs whose origin ends so, where nothing is marked yet; inside `store.commit`. */
  mark(gatewayNo: number, originEnd: string, reason: string): void
}

interface Row {
  readonly sequence: number
  readonly digest: Uint8Array
}

export function createLogForks(store: CoreStore): LogForks {
  const find = store.prepare<Row>(
    'SELECT sequence, digest FROM log_fork WHERE gateway_no = ? AND epoch = ? AND lane = ?',
  )
  const add = store.prepare(
    `INSERT INTO log_fork (gateway_no, epoch, lane, sequence, digest) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  )
  const forget = store.prepare('DELETE FROM log_fork WHERE gateway_no = ? AND epoch = ?')
  const mark = store.prepare(
    `UPDATE log_head SET forked_reason = coalesce(forked_reason, ?)
     WHERE gateway_no = ? AND substr(origin, -length(?)) = ?`,
  )
  const unmark = store.prepare(
    `UPDATE log_head SET forked_reason = NULL, fork_accepted_reason = NULL
     WHERE gateway_no = ? AND substr(origin, -length(?)) = ? AND fork_accepted_reason IS NOT NULL`,
  )

  function show(gatewayNo: number, epoch: string, { lane, sequence, bytes }: ShownFork): void {
    const end = `/${epoch}`
    const digest = createHash('sha256').update(bytes).digest()
    const before = find.get(gatewayNo, epoch, lane)
    // One lane after the other tells of the same fork, and each the same whenever it is asked.
    const isAnother = before && !(before.sequence === sequence && digest.equals(before.digest))
    if (isAnother) {
      forget.run(gatewayNo, epoch)
      unmark.run(gatewayNo, end, end)
    }
    add.run(gatewayNo, epoch, lane, sequence, digest)
    const reason = `forked: other entries came under the numbers of ${lane} from ${sequence} on`
    mark.run(reason, gatewayNo, end, end)
  }

  return {
    show,
    mark(gatewayNo, originEnd, reason) {
      mark.run(reason, gatewayNo, originEnd, originEnd)
    },
  }
}
