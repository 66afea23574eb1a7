/** Entries of the size that a site writes, to fill a backlog with. */
import type { Lane, LedgerDraft } from '../../gateway/ledger/port.ts'

/** About 300 bytes as a leaf, part of it sealed. */
export function backlogDraft(lane: Lane, n: number): LedgerDraft {
  return {
    lane,
    kind: 'device.event',
    atMs: 1_795_320_000_000 + n * 260,
    deviceId: `kiosk-${n % 100}`,
    body: {
      channel: 'mqtt',
      session: `s-01j9zq6w8k3v5x7y${n % 5000}`,
      event: 'button',
      status: 'answered',
      intent: 'outpatient-hours',
      confidence: 0.93,
      pack: 'hospital',
      version: '1.0.0',
      latencyMs: 0.4,
    },
    personal: { heard: '请问内科门诊' },
  }
}
