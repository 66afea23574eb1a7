/**
 * Sessions: the turns of one subject, over channels and devices.
 *
 * A session is found by its id, else by its subject, else by the device that is being talked to;
 * the last only for a short while, since the next person at a kiosk is another person. On disk its state
 * is sealed with the data key of its subject, like his words in the ledger: erased with him, also in a copy.
 */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { Packr } from 'msgpackr'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Language } from '../knowledge/pack-schema.ts'
import type { Store } from '../storage/store.ts'
import { type Device, type IncomingAsk, knownAs, type Session } from '../turn.ts'

/** A person at a kiosk has walked away after this long; the next words are somebody else's. */
export const DEVICE_SESSION_IDLE_MS = 90_000
/** Sessions kept in memory; about 1 KB each. */
const CACHE_SESSIONS = 5000

export interface Sessions {
  /** The session that words from there go on with, or a new one. Throws `session.not-yours`. */
  resume(incoming: IncomingAsk): Session
  /** In which the subject was spoken to last, else whoever was at the device; undefined where that is over. */
  langAt(device: Device, subject?: Subject): Language | undefined
  /**
   * The session as the last turn left it, where one was recorded since `session` was read; a new one where it was
   * erased since.
   */
  latest(session: Session): Session
  /** Keeps the session as it is after a turn of the device (see `knownAs`). Inside `store.commit`. */
  save(session: Session, deviceId: string): void
  /** Deletes sessions idle since before; inside `store.commit`. Returns how many. */
  expire(beforeMs: number): number
  /** Ids of the sessions of a subject. */
  idsOf(subject: Subject): readonly string[]
  /** Deletes all sessions of a subject (erasure); inside `store.commit`. */
  forget(subject: Subject): number
}

/** Data keys of subjects, and of the box for who has not said his name. */
export interface SessionKeys {
  /** Inside `store.commit`. */
  seal(
    who: Subject | undefined,
    dataClass: 'C2',
    atMs: number,
    plain: Uint8Array,
  ): { readonly keyId: number; readonly sealed: Uint8Array }
  /** Undefined when the key was destroyed. */
  open(keyId: number, sealed: Uint8Array): Uint8Array | undefined
  /** By which a subject's rows are found without his id standing in the file. */
  tagOf(who: Subject): Uint8Array
}

interface Row {
  readonly id: string
  readonly keyId: number
  readonly state: Uint8Array
}

export function createSessions(parts: {
  readonly store: Store
  readonly clock: Clock
  readonly keys: SessionKeys
  readonly idleMs: number
}): Sessions {
  const { store, clock, keys, idleMs } = parts
  const packr = new Packr({ useRecords: false })
  const cache = new Map<string, Session>()
  const current = new Map<string, { sessionId: string; atMs: number }>()
  /** Sessions of erased persons, and when: a turn that waits for its answer must not bring one back. */
  const erased = new Map<string, number>()
  store.onRollback(() => cache.clear())

  const byId = store.prepare<Row>('SELECT id, key_id AS keyId, state FROM session WHERE id = ?')
  const bySubject = store.prepare<Row>(
    `SELECT id, key_id AS keyId, state FROM session WHERE subject_tag = ?
     ORDER BY updated_at DESC LIMIT 1`,
  )
  const upsert = store.prepare(
    `INSERT INTO session (id, subject_tag, key_id, state, updated_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET subject_tag = excluded.subject_tag, key_id = excluded.key_id,
       state = excluded.state, updated_at = excluded.updated_at`,
  )
  const dropOld = store.prepare('DELETE FROM session WHERE updated_at < ?')
  const ofSubject = store.prepare<{ readonly id: string }>(
    'SELECT id FROM session WHERE subject_tag = ?',
  )
  const dropSubject = store.prepare('DELETE FROM session WHERE subject_tag = ?')

  function read(row: Row | undefined): Session | undefined {
    if (!row) return undefined
    const cached = cache.get(row.id)
    if (cached) return cached
    const state = keys.open(row.keyId, row.state)
    return state && (packr.unpack(state) as Session)
  }

  function find(id: string): Session | undefined {
    const session = cache.get(id) ?? read(byId.get(id))
    return session && clock.now() - session.updatedAtMs <= idleMs ? session : undefined
  }

  function remember(session: Session): void {
    // The order only matters once something has to go.
    if (cache.size > CACHE_SESSIONS / 2) cache.delete(session.id)
    cache.set(session.id, session)
    if (cache.size > CACHE_SESSIONS) {
      const oldest = cache.keys().next()
      if (!oldest.done) cache.delete(oldest.value)
    }
  }

  function findOf(subject: Subject): Session | undefined {
    const session = read(bySubject.get(keys.tagOf(subject)))
    return session && clock.now() - session.updatedAtMs <= idleMs ? session : undefined
  }

  function resumeOfDevice(deviceId: string): Session | undefined {
    const last = current.get(deviceId)
    // A clock that was set back by hours would have the next person go on in the last one's.
    if (!last || Math.abs(clock.now() - last.atMs) > DEVICE_SESSION_IDLE_MS) return undefined
    const session = find(last.sessionId)
    return session?.subject ? undefined : session
  }

  return {
    resume({ ask, device }) {
      const { subject } = ask
      if (ask.session !== undefined) {
        const session = find(ask.session)
        if (session) return withSubject(session, subject)
      }
      if (subject) return findOf(subject) ?? fresh(clock.now(), subject)
      const ofDevice = ask.session === undefined ? resumeOfDevice(knownAs(device)) : undefined
      return ofDevice ?? fresh(clock.now(), undefined)
    },
    langAt(device, subject) {
      const atDevice = current.get(knownAs(device))
      return ((subject && findOf(subject)) ?? (atDevice && find(atDevice.sessionId)))?.lang
    },
    latest: (session) =>
      erased.has(session.id)
        ? fresh(clock.now(), session.subject)
        : (cache.get(session.id) ?? session),
    save(session, deviceId) {
      const { id, subject, updatedAtMs } = session
      const { keyId, sealed } = keys.seal(subject, 'C2', updatedAtMs, packr.pack(session))
      upsert.run(id, subject ? keys.tagOf(subject) : null, keyId, sealed, updatedAtMs)
      remember(session)
      const last = current.get(deviceId)
      if (last) {
        last.sessionId = session.id
        last.atMs = session.updatedAtMs
      } else current.set(deviceId, { sessionId: session.id, atMs: session.updatedAtMs })
    },
    expire(beforeMs) {
      for (const [id, session] of cache) if (session.updatedAtMs < beforeMs) cache.delete(id)
      for (const [id, last] of current) if (last.atMs < beforeMs) current.delete(id)
      for (const [id, atMs] of erased) if (atMs < beforeMs) erased.delete(id)
      return dropOld.run(beforeMs).changes
    },
    idsOf: (subject) => ofSubject.all(keys.tagOf(subject)).map(({ id }) => id),
    forget(subject) {
      const isHis = ({ subject: of }: Session) => of?.id === subject.id && of.kind === subject.kind
      const ids = [...cache.values()].filter(isHis).map(({ id }) => id)
      for (const id of [...ids, ...ofSubject.all(keys.tagOf(subject)).map((row) => row.id)]) {
        cache.delete(id)
        erased.set(id, clock.now())
      }
      return dropSubject.run(keys.tagOf(subject)).changes
    },
  }
}

const fresh = (nowMs: number, subject: Subject | undefined): Session => ({
  id: newId(nowMs),
  ...(subject ? { subject } : {}),
  turns: 0,
  updatedAtMs: nowMs,
})

/** A session without a subject takes the first one that is named; after that it is that person's. */
function withSubject(session: Session, subject: Subject | undefined): Session {
  if (!subject) return session
  if (!session.subject) return { ...session, subject }
  if (session.subject.id === subject.id && session.subject.kind === subject.kind) return session
  throw new GatewayError('session.not-yours', { field: '/session' })
}
