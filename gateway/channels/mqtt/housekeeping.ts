/** What time alone makes due: silent connections, messages too old, expired retained messages. */
import { Reason } from './codec/reason-codes.ts'
import type { Engine } from './engine.ts'

/** Keep alive [MQTT-3.1.2-22], and connections that never said CONNECT, stopped in their login or do not read. */
export function closeSilent(engine: Engine): void {
  const { limits } = engine
  const nowMs = engine.clock.nowMs()
  for (const connection of engine.connections) {
    if (connection.state !== 'open') {
      if (nowMs - connection.openedAtMs > limits.connectTimeoutMs) {
        if (connection.state === 'authenticating') {
          connection.refuse(Reason.notAuthorized, 'the login was not finished in time')
        } else connection.turnAway(Reason.unspecifiedError, 'no CONNECT in time')
      }
      continue
    }
    const { keepAliveMs, outlet } = connection
    if (outlet.chokedSinceMs !== null && nowMs - outlet.chokedSinceMs > limits.maxChokedMs) {
      connection.disconnect(Reason.quotaExceeded, 'the client does not read what it is answered')
      continue
    }
    // One that we do not read cannot be heard.
    if (keepAliveMs === 0 || connection.isHeld) continue
    if (nowMs - connection.lastHeardMs > keepAliveMs * 1.5) {
      connection.disconnect(Reason.keepAliveTimeout)
    }
  }
}

/** Drops queued messages of absent clients that have expired or are too old, and expired retained ones. */
export function dropExpired(engine: Engine): void {
  const topics = engine.retained.expired()
  const absent = [...engine.sessions.all()].filter(
    (session) => session.isDurable && session.connection === null,
  )
  if (topics.length === 0 && absent.length === 0) return
  const work = (): void => {
    for (const topic of topics) engine.queueRows.removeRetained(topic)
    for (const session of absent) {
      const dropped = engine.queueRows.dropOld(session.rowId)
      if (dropped === 0) continue
      session.outbound.recount()
      session.counters.droppedQueue += dropped
      engine.counters.publishesDropped += dropped
      engine.logger.info(
        { clientId: session.clientId, messages: dropped },
        'waiting messages dropped: they expired or were too old',
      )
    }
  }
  for (const topic of topics) engine.retained.delete(topic)
  engine.store.commit(work).catch((error: unknown) => {
    engine.logger.error({ err: error }, 'expired messages could not be removed; tried again later')
  })
}
