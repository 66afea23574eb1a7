/** What the house may know of a client and its connection. */
import type { Session, SessionCounters } from './session.ts'

export interface ConnectionInfo {
  readonly clientId: string
  readonly isConnected: boolean
  readonly remoteAddress: string | undefined
  readonly transport: string | undefined
  readonly protocolVersion: number | undefined
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
export function describeConnection(session: Session): ConnectionInfo {
  const { connection } = session
  return {
    clientId: session.clientId,
    isConnected: connection !== null,
    remoteAddress: connection?.io.remoteAddress,
    transport: connection?.io.transport,
    protocolVersion: connection?.version,
    connectedAtMs: session.connectedAtMs,
    disconnectedAtMs: session.disconnectedAtMs,
    lastDisconnectReason: session.disconnectReason,
    subscriptions: session.subscriptions.size,
    inflight: session.outbound.inflightCount,
    queuedMessages: session.outbound.count,
    queuedBytes: session.outbound.bytes,
    counters: session.counters,
  }
}
