/** How far the cloud core has witnessed the record: for `status`, the doctor and the metrics. */
import type { Cosigning } from '@kefu-edge/cloud-sync/cosign-checkpoints'
import type { LiveStatus } from '../console/status.ts'
import type { Figure } from '../metrics.ts'

type CloudStatus = NonNullable<LiveStatus['cloud']>

export function witnessOf(cosigning: Pick<Cosigning, 'status'>): CloudStatus['witness'] {
  const { cosignedSize, last, confirmedAtMs, inconsistency } = cosigning.status()
  return {
    entries: cosignedSize,
    ...(confirmedAtMs === undefined ? {} : { at: new Date(confirmedAtMs).toISOString() }),
    ...(last ? { outcome: last.kind } : {}),
    ...(last && 'detail' in last ? { detail: last.detail } : {}),
    ...(inconsistency === undefined ? {} : { inconsistency }),
  }
}

/** Absent where no cloud is configured, and until the core has cosigned once since the start. */
export function witnessFigures(
  witness: () => CloudStatus['witness'] | undefined,
  clock: { now(): number },
): readonly Figure[] {
  return [
    {
      name: 'kefu_ledger_inconsistent',
      help: '1 while the cloud core says that it saw another past of this ledger, else 0',
      read: () => {
        const known = witness()
        return known ? [{ value: known.inconsistency === undefined ? 0 : 1 }] : []
      },
    },
    {
      name: 'kefu_ledger_cosigned_age_seconds',
      help: 'Since the cloud core last confirmed the newest tree head by its cosignature',
      read: () => {
        const { at } = witness() ?? {}
        return at === undefined ? [] : [{ value: (clock.now() - Date.parse(at)) / 1000 }]
      },
    },
  ]
}
