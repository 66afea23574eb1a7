/** Rows of sessions, subscriptions and wills. SQL and its decoding only. */
import type { Store } from '../../../storage/store.ts'
import type { Qos } from '../codec/packets.ts'
import { encodeProperties } from '../codec/properties.ts'
import type { Subscription } from '../routing/router.ts'
import { toBuffer, toProperties } from '../row-values.ts'
import type { WillFields } from './wills.ts'

export interface SessionRow {
  readonly id: number
  readonly client_id: string
  readonly expiry_seconds: number
  readonly expires_at: number | null
}

export interface SubscriptionRow {
  readonly filter: string
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** Retained messages of it were still to be sent. */
  readonly isUnfinished: boolean
  readonly identifier: number
}

interface WillRow {
  client_id: string
  topic: string
  payload: Uint8Array
  flags: number
  properties: Uint8Array | null
  expiry_seconds: number | null
  delay_seconds: number
  due_at: number | null
}

const NO_LOCAL_FLAG = 4
const RETAIN_FLAG = 8
const UNFINISHED_FLAG = 16

export const SESSION_SQL = {
  put: `INSERT INTO mqtt_session (id, client_id, expiry_seconds, expires_at) VALUES (?,?,?,NULL)
    ON CONFLICT (client_id) DO UPDATE SET expiry_seconds = excluded.expiry_seconds, expires_at = NULL
    RETURNING id`,
  find: 'SELECT id FROM mqtt_session WHERE client_id = ?',
  left: 'UPDATE mqtt_session SET expiry_seconds = ?, expires_at = ? WHERE id = ?',
  remove: 'DELETE FROM mqtt_session WHERE id = ?',
  putSubscription: `INSERT OR REPLACE INTO mqtt_subscription
    (session_id, filter, options, identifier) VALUES (?,?,?,?)`,
  removeSubscription: 'DELETE FROM mqtt_subscription WHERE session_id = ? AND filter = ?',
  clearSubscriptions: 'DELETE FROM mqtt_subscription WHERE session_id = ?',
  subscriptions: 'SELECT filter, options, identifier FROM mqtt_subscription WHERE session_id = ?',
  putWill: `INSERT OR REPLACE INTO mqtt_will (client_id, topic, payload, flags, properties,
    expiry_seconds, delay_seconds, due_at) VALUES (?,?,?,?,?,?,?,NULL)`,
  moveWill: 'UPDATE mqtt_will SET due_at = ? WHERE client_id = ? AND due_at = ?',
  willDue: 'UPDATE mqtt_will SET due_at = ? WHERE client_id = ?',
  removeWill: 'DELETE FROM mqtt_will WHERE client_id = ?',
} as const

/** Of sessions, and of those that have ended and whose queue is still to be cleared. */
const HIGHEST_ID = `SELECT max(
  coalesce((SELECT max(id) FROM mqtt_session), 0),
  coalesce((SELECT max(session_id) FROM mqtt_ended), 0)) AS id`
/** Read whole at start only. */
const ALL_SESSIONS = 'SELECT id, client_id, expiry_seconds, expires_at FROM mqtt_session'
const ALL_WILLS = `SELECT client_id, topic, payload, flags, properties, expiry_seconds,
  delay_seconds, due_at FROM mqtt_will`

export class SessionRows {
  private readonly store: Store
  private readonly sql
  /** Highest number that was there at the start, or was given since. */
  private lastId: number

  constructor(store: Store) {
    this.store = store
    this.lastId = Number(store.prepare<{ id: number }>(HIGHEST_ID).get()?.id ?? 0)
    this.sql = {
      put: store.prepare<{ id: number }>(SESSION_SQL.put),
      find: store.prepare<{ id: number }>(SESSION_SQL.find),
      left: store.prepare(SESSION_SQL.left),
      remove: store.prepare(SESSION_SQL.remove),
      putSubscription: store.prepare(SESSION_SQL.putSubscription),
      removeSubscription: store.prepare(SESSION_SQL.removeSubscription),
      clearSubscriptions: store.prepare(SESSION_SQL.clearSubscriptions),
      subscriptions: store.prepare<{ filter: string; options: number; identifier: number }>(
        SESSION_SQL.subscriptions,
      ),
      putWill: store.prepare(SESSION_SQL.putWill),
      moveWill: store.prepare(SESSION_SQL.moveWill),
      willDue: store.prepare(SESSION_SQL.willDue),
      removeWill: store.prepare(SESSION_SQL.removeWill),
    }
  }

  /**
   * Makes or renews the row of a session that a connection holds; gives its id. None is given twice in a run,
   * nor one that was there at its start: a session in memory may still hold one whose row is gone, and would
   * take that of another with it.
   */
  put(clientId: string, expirySeconds: number): number {
    const id = Number(this.sql.put.get(this.lastId + 1, clientId, expirySeconds)?.id ?? 0)
    this.lastId = Math.max(this.lastId, id)
    return id
  }

  /** The id of a client's row; 0: it has none. */
  find(clientId: string): number {
    return Number(this.sql.find.get(clientId)?.id ?? 0)
  }

  left(id: number, expirySeconds: number, expiresAtMs: number): void {
    this.sql.left.run(expirySeconds, Math.ceil(expiresAtMs), id)
  }

  remove(id: number): void {
    this.sql.clearSubscriptions.run(id)
    this.sql.remove.run(id)
  }

  clearSubscriptions(id: number): void {
    this.sql.clearSubscriptions.run(id)
  }

  all(): SessionRow[] {
    return this.store.prepare<SessionRow>(ALL_SESSIONS).all()
  }

  /** `isUnfinished`: retained messages of it are still to be sent. */
  putSubscription(id: number, subscription: Subscription, isUnfinished = false): void {
    const options =
      subscription.qos |
      (subscription.noLocal ? NO_LOCAL_FLAG : 0) |
      (subscription.retainAsPublished ? RETAIN_FLAG : 0) |
      (isUnfinished ? UNFINISHED_FLAG : 0)
    this.sql.putSubscription.run(id, subscription.text, options, subscription.identifier)
  }

  removeSubscription(id: number, text: string): void {
    this.sql.removeSubscription.run(id, text)
  }

  subscriptions(id: number): SubscriptionRow[] {
    return this.sql.subscriptions.all(id).map(({ filter, options, identifier }) => ({
      filter,
      qos: (options & 3) as Qos,
      noLocal: (options & NO_LOCAL_FLAG) !== 0,
      retainAsPublished: (options & RETAIN_FLAG) !== 0,
      isUnfinished: (options & UNFINISHED_FLAG) !== 0,
      identifier,
    }))
  }

  putWill(clientId: string, will: WillFields): void {
    this.sql.putWill.run(
      clientId,
      will.topic,
      will.payload,
      will.qos | (will.retain ? RETAIN_FLAG : 0),
      will.properties === undefined ? null : encodeProperties(will.properties),
      will.expirySeconds ?? null,
      will.delaySeconds,
    )
  }

  /** One that is due at this time is so at another; one that has come since then is left alone. */
  moveWill(clientId: string, fromMs: number, toMs: number): void {
    this.sql.moveWill.run(toMs, clientId, fromMs)
  }

  willDue(clientId: string, dueAtMs: number): void {
    this.sql.willDue.run(Math.ceil(dueAtMs), clientId)
  }

  removeWill(clientId: string): void {
    this.sql.removeWill.run(clientId)
  }

  wills(): { clientId: string; will: WillFields; dueAtMs: number | null }[] {
    return this.store
      .prepare<WillRow>(ALL_WILLS)
      .all()
      .map((row) => ({
        clientId: row.client_id,
        dueAtMs: row.due_at,
        will: {
          topic: row.topic,
          payload: toBuffer(row.payload),
          qos: (row.flags & 3) as Qos,
          retain: (row.flags & RETAIN_FLAG) !== 0,
          properties: toProperties(row.properties),
          expirySeconds: row.expiry_seconds ?? undefined,
          delaySeconds: row.delay_seconds,
        },
      }))
  }
}
