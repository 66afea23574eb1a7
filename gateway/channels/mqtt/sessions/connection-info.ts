/** What the house may know of a client and its connection. */
import type { BrokerClock } from '../broker-clock.ts'
import type { Session, SessionCounters } from './session.ts'

export interface ConnectionInfo {
  readonly clientId: string
  readonly isConnected: boolean
  readonly remoteAddress: string | undefined
  readonly transport: string | undefined
  readonly protocolVersion: number | undefined
  /** Both by the wall clock, 0: not in this run. */
  readonly connectedAtMs: number
  readonly disconnectedAtMs: number
  /** Plain words: why the last connection ended. */
  readonly lastDisconnectReason: string | null
  readonly subscriptions: number
  readonly inflight: number
  readonly queuedMessages: number
  readonly queuedBytes: number
  readonly counters: Readonly<SessionCounters>
}

/** A session as the house sees it, connected or not. */
export function describeConnection(session: Session, { wallOf }: BrokerClock): ConnectionInfo {
  const { connection } = session
  return {
    clientId: session.clientId,
    isConnected: connection !== null,
    remoteAddress: connection?.io.remoteAddress,
    transport: connection?.io.transport,
    protocolVersion: connection?.version,
    connectedAtMs: wallOf(session.connectedAtMs),
    disconnectedAtMs: wallOf(session.disconnectedAtMs),
    lastDisconnectReason: session.disconnectReason,
    subscriptions: session.subscriptions.size,
    inflight: session.outbound.inflightCount,
    queuedMessages: session.outbound.count,
    queuedBytes: session.outbound.bytes,
    counters: session.counters,
  }
}
