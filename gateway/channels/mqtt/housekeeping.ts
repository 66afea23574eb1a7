/** What time alone makes due: silent connections, messages too old, expired retained messages. */
import { setTimeout as delay } from 'node:timers/promises'
import { Reason } from './codec/reason-codes.ts'
import type { Connection } from './connection/connection.ts'
import type { Engine } from './engine.ts'
import type { OldRow } from './queues/queue-rows.ts'
import type { Session } from './sessions/session.ts'

/** So long after a client was held back for its rate it is read all the same: it may have gone meanwhile. */
const UNREAD_MS = 5000

/** Keep alive [MQTT-3.1.2-22], and connections that never said CONNECT, stopped in their login or do not read. */
export function closeSilent(engine: Engine): void {
  const { limits } = engine
  const nowMs = engine.clock.nowMs()
  for (const connection of engine.connections) {
    if (connection.state !== 'open') {
      if (nowMs - connection.openedAtMs > limits.connectTimeoutMs) {
        if (connection.state === 'authenticating') {
          connection.refuse(Reason.serverBusy, 'the login was not finished in time')
        } else connection.turnAway(Reason.unspecifiedError, 'no CONNECT in time')
      }
      continue
    }
    const { outlet, farewell } = connection
    if (farewell.hasBegun) continue
    if (outlet.chokedSinceMs !== null && nowMs - outlet.chokedSinceMs > limits.maxChokedMs) {
      connection.disconnect(Reason.quotaExceeded, 'the client does not read what it is answered')
      continue
    }
    if (isSilent(connection, nowMs) && !farewell.cutShort()) {
      connection.disconnect(Reason.keepAliveTimeout)
    }
  }
}

/** One that we do not read cannot be heard. */
function isSilent(
  { intake, keepAliveMs, lastHeardMs, outlet }: Connection,
  nowMs: number,
): boolean {
  if (intake.restedMs(nowMs) > UNREAD_MS && outlet.chokedSinceMs === null) intake.readAhead()
  const { readingSinceMs } = intake
  if (keepAliveMs === 0 || readingSinceMs === null) return false
  return nowMs - Math.max(lastHeardMs, readingSinceMs) > keepAliveMs * 1.5
}

/**
 * The rest before this run may turn out longer than was known at its start: what was kept before it is older by
 * that. Rows are the clock's, in one transaction with the time that it counts.
 */
export const catchUp = ({ clock, sessions, wills, retained }: Engine): void =>
  clock.catchUp((olderMs) => {
    sessions.age(olderMs)
    return { retained: retained.age(olderMs), writeWills: wills.age(olderMs) }
  })

/** Messages looked at in one stretch: 1 to 2 ms where all of them go. */
const SLICE = 200
/** Between two of them the others have the loop, and the disk. */
const PAUSE_MS = 20
/** Before the oldest. */
const START = { drop_at: Number.MIN_SAFE_INTEGER, seq: 0 }

/**
 * Drops queued messages of absent clients that have expired or are too old, a little at a time, and expired
 * retained ones. A client that comes back meanwhile is sent none of them either (`outbound-queue.ts`).
 */
export function dropExpired(engine: Engine): void {
  dropRetained(engine)
  void dropWaiting(engine)
}

function dropRetained(engine: Engine): void {
  const topics = engine.retained.expired()
  if (topics.length === 0) return
  for (const topic of topics) engine.retained.delete(topic)
  const work = (): void => {
    for (const topic of topics) engine.queueRows.removeRetained(topic)
  }
  engine.store.commit(work).catch((error: unknown) => notRemoved(engine, error))
}

async function dropWaiting(engine: Engine): Promise<void> {
  const dropped = new Map<Session, number>()
  let after: typeof START = START
  while (!engine.isClosing) {
    const old = engine.queueRows.old(after, SLICE)
    const last = old[old.length - 1]
    if (last === undefined) break
    after = last
    const ofSessions = bySession(engine, old)
    try {
      if (ofSessions.size > 0) await engine.store.commit(() => remove(engine, ofSessions))
    } catch (error) {
      for (const session of ofSessions.keys()) session.outbound.recount()
      notRemoved(engine, error)
      break
    }
    for (const [session, rows] of ofSessions) {
      dropped.set(session, (dropped.get(session) ?? 0) + rows.length)
    }
    await delay(PAUSE_MS, undefined, { ref: false })
  }
  for (const [session, messages] of dropped) tell(engine, session, messages)
}

/** Rows of clients that are away; what waits for the others is in memory, and is looked at when its turn comes. */
function bySession({ sessions }: Engine, rows: readonly OldRow[]): Map<Session, OldRow[]> {
  const ofRow = new Map<number, OldRow[]>()
  for (const row of rows) {
    const own = ofRow.get(row.session_id)
    if (own === undefined) ofRow.set(row.session_id, [row])
    else own.push(row)
  }
  const found = new Map<Session, OldRow[]>()
  for (const session of sessions.all()) {
    const own = session.connection === null ? ofRow.get(session.rowId) : undefined
    if (own !== undefined) found.set(session, own)
  }
  return found
}

function remove({ queueRows }: Engine, ofSessions: Map<Session, OldRow[]>): void {
  for (const [session, rows] of ofSessions) {
    for (const { seq } of rows) queueRows.remove(seq)
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0)
    session.outbound.dropped(rows.length, bytes)
  }
}

function tell(engine: Engine, { clientId, counters }: Session, messages: number): void {
  counters.droppedQueue += messages
  engine.counters.publishesDropped += messages
  engine.logger.info(
    { clientId, messages },
    'waiting messages dropped: they expired or were too old',
  )
}

const notRemoved = (engine: Engine, error: unknown): void =>
  engine.logger.error({ err: error }, 'expired messages could not be removed; tried again later')
