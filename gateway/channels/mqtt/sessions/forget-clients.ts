/** Clients that are no more, as when their device is removed. */
import { Reason } from '../codec/reason-codes.ts'
import type { Engine } from '../engine.ts'

/** Ends connections and sessions of these clients as if they had never been. Rows of other runs stay: `client-rows.ts`. */
export function forgetClients(
  { sessions, wills }: Pick<Engine, 'sessions' | 'wills'>,
  isMeant: (clientId: string) => boolean,
  reason: string,
): void {
  // First: the end of a connection would send them.
  wills.discardAll(isMeant)
  for (const session of [...sessions.all()]) {
    if (!isMeant(session.clientId)) continue
    session.owner?.disconnect(Reason.administrativeAction, reason)
    // One that is kept outlives its connection.
    if (sessions.get(session.clientId) === session) sessions.end(session)
  }
}
