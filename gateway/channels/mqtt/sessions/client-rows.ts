/** What is on disk of clients, taken away whole. SQL only, so that it works without a broker too. */
import type { Statement, Store } from '../../../storage/store.ts'
import { EndedRows } from './ended-rows.ts'
import { SESSION_SQL } from './session-rows.ts'

const LAST_CHARACTER = '\u{10ffff}'

/** Texts that begin with a prefix are those from it up to it with the last character there is. */
export const CLIENT_SQL = {
  sessions: `SELECT id FROM mqtt_session WHERE client_id = ?
    UNION ALL SELECT id FROM mqtt_session WHERE client_id >= ? AND client_id < ?`,
  wills: `DELETE FROM mqtt_will WHERE client_id >= ? AND client_id < ?`,
  retained: 'DELETE FROM mqtt_retained WHERE topic >= ? AND topic < ?',
} as const

export class ClientRows {
  private readonly sessions: Statement<{ id: number }>
  private readonly ended: EndedRows
  private readonly ofSession: readonly Statement[]
  private readonly ofWill: Statement
  private readonly wills: Statement
  private readonly retained: Statement

  constructor(store: Store) {
    this.sessions = store.prepare(CLIENT_SQL.sessions)
    const { clearSubscriptions, remove, removeWill } = SESSION_SQL
    this.ofSession = [clearSubscriptions, remove].map((sql) => store.prepare(sql))
    this.ended = new EndedRows(store)
    this.ofWill = store.prepare(removeWill)
    this.wills = store.prepare(CLIENT_SQL.wills)
    this.retained = store.prepare(CLIENT_SQL.retained)
  }

  /**
   * Sessions and wills of one client and of all whose id begins with `prefix`. Inside `store.commit`. A
   * broker that runs holds them in memory besides: `MqttBroker.forget`. It, or the next one, gives back what
   * came by a group, and clears the rest of long queues.
   */
  remove(clientId: string, prefix: string): void {
    const end = prefix + LAST_CHARACTER
    let isLong = false
    for (const { id } of this.sessions.all(clientId, prefix, end)) {
      if (isLong) this.ended.note(id)
      else isLong = !this.ended.begin(id)
      for (const statement of this.ofSession) statement.run(id)
    }
    this.ofWill.run(clientId)
    this.wills.run(prefix, end)
  }

  /** Retained messages of all topics that begin with `prefix`. Inside `store.commit`. */
  removeRetained(prefix: string): void {
    this.retained.run(prefix, prefix + LAST_CHARACTER)
  }
}
