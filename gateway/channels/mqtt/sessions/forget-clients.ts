/** Clients that have to go: by order of the operator, or because they are no more, as when their device is removed. */
import { Reason } from '../codec/reason-codes.ts'
import type { Connection } from '../connection/connection.ts'
import type { Engine } from '../engine.ts'

/**
 * Ends every connection of these clients: those too that have gone and are still heard, and those that are not
 * let in yet. These first, since they may wait for the end of the others with what they were let in by before.
 */
export function disconnectClients(
  { connections }: Pick<Engine, 'connections'>,
  isMeant: (clientId: string) => boolean,
  reason: string,
): void {
  const meant = [...connections].filter((connection) => isMeant(nameOf(connection)))
  meant.sort((a, b) => Number(a.state === 'open') - Number(b.state === 'open'))
  for (const connection of meant) {
    // Who has said goodbye behind what is dropped now is not lost.
    if (connection.farewell.hasBegun && connection.farewell.cutShort()) continue
    connection.disconnect(Reason.administrativeAction, reason)
  }
}

/** Who brings no id is somebody all the same while its login runs. */
const nameOf = ({ state, clientId, handshake }: Connection): string =>
  state === 'authenticating' ? handshake.loginName : clientId

/** Ends connections and sessions of these clients as if they had never been. Rows of other runs stay: `client-rows.ts`. */
export function forgetClients(
  engine: Pick<Engine, 'connections' | 'sessions' | 'wills'>,
  isMeant: (clientId: string) => boolean,
  reason: string,
): void {
  const { sessions, wills } = engine
  // First: the end of a connection would send them.
  wills.discardAll(isMeant)
  disconnectClients(engine, isMeant, reason)
  // One that is kept outlives its connection.
  for (const session of [...sessions.all()]) if (isMeant(session.clientId)) sessions.end(session)
}
