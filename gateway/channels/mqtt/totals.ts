/** What the broker holds now, counted when somebody asks: for `$SYS`, the metrics page and the console. */
import type { Engine } from './engine.ts'
import type { Router } from './routing/router.ts'
import type { SharedGroups } from './routing/shared-groups.ts'

export interface BrokerTotals {
  /** Sessions, connected or kept. */
  readonly sessions: number
  readonly connected: number
  /** Sessions that ended by their expiry interval, since the gateway started. */
  readonly expiredSessions: number
  /** Sessions that ended because their device left too many others, since the gateway started. */
  readonly crowdedOutSessions: number
  /** QoS 1 and 2 messages of all sessions, sent or not, that are not acknowledged. */
  readonly queuedMessages: number
  readonly queuedBytes: number
  /** Of these: sent and not acknowledged. */
  readonly inflight: number
  readonly retainedMessages: number
  readonly retainedBytes: number
  readonly subscriptions: number
  readonly sharedGroups: number
}

export function countTotals(engine: Engine, router: Router, groups: SharedGroups): BrokerTotals {
  const { sessions, retained } = engine
  let connected = 0
  let queuedMessages = 0
  let queuedBytes = 0
  let inflight = 0
  for (const session of sessions.all()) {
    if (session.connection !== null) connected++
    queuedMessages += session.outbound.count
    queuedBytes += session.outbound.bytes
    inflight += session.outbound.inflightCount
  }
  return {
    sessions: sessions.size,
    connected,
    expiredSessions: sessions.expired,
    crowdedOutSessions: sessions.crowdedOut,
    queuedMessages,
    queuedBytes,
    inflight,
    retainedMessages: retained.count,
    retainedBytes: retained.bytes,
    subscriptions: router.size,
    sharedGroups: groups.size,
  }
}
