/** How much of each lane may wait for the cloud core, and what happens when that is used up. */
import type { Lane } from './port.ts'

export interface LaneLimit {
  /** Entries. */
  readonly maxPending: number
  readonly whenFull: 'refuse' | 'expire-oldest'
}
export type LaneLimits = Readonly<Record<Lane, LaneLimit>>

/**
 * Critical: a site's calls and alerts of a year. Session and audit: 72 hours at ten turns a second is
 * 2.6 million. Telemetry is worth least when old.
 */
export const DEFAULT_LANE_LIMITS: LaneLimits = {
  critical: { maxPending: 200_000, whenFull: 'refuse' },
  session: { maxPending: 5_000_000, whenFull: 'refuse' },
  audit: { maxPending: 5_000_000, whenFull: 'refuse' },
  telemetry: { maxPending: 200_000, whenFull: 'expire-oldest' },
}

/** The limits that an operator has set (`limits` of the configuration). */
export function laneLimitsOf(options: {
  readonly ledgerMaxPending: number
  readonly ledgerMaxPendingCritical: number
}): LaneLimits {
  const refuseBeyond = (maxPending: number): LaneLimit => ({ maxPending, whenFull: 'refuse' })
  return {
    ...DEFAULT_LANE_LIMITS,
    critical: refuseBeyond(options.ledgerMaxPendingCritical),
    session: refuseBeyond(options.ledgerMaxPending),
    audit: refuseBeyond(options.ledgerMaxPending),
  }
}

/**
 * Where no core is configured nobody comes for what waits, so nothing is refused for it: the oldest leave
 * the way up, never the record. Half of the room stays free for the day on which a core is configured:
 * its first minutes would be refusals otherwise.
 */
export function withoutCore(limits: LaneLimits): LaneLimits {
  const expiring = ({ maxPending }: LaneLimit): LaneLimit => ({
    maxPending: Math.ceil(maxPending / 2),
    whenFull: 'expire-oldest',
  })
  return {
    critical: expiring(limits.critical),
    session: expiring(limits.session),
    audit: expiring(limits.audit),
    telemetry: limits.telemetry,
  }
}
