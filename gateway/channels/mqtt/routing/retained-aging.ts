/**
 * Retained messages that are older than their rows say, as the rest before this run became known after its
 * start. In memory all are older at once; their rows follow a little at a time, by lists of topics that are
 * written with the time that was counted. So a crash loses none, and a message that is newer than its list, which
 * expires at another time, is left alone. What a run has not come to, the next does before it reads them.
 */
import type { Store } from '../../../storage/store.ts'
import { InSlices } from '../in-slices.ts'
import type { Message } from './message.ts'

/** Topics of one list, whose rows are written in one transaction: 2 to 5 ms, by their size. */
const SLICE = 50

/** Topic, when it expired by the row, and when it does. */
type Change = readonly [string, number, number]

export type Aged = Pick<Message, 'topic' | 'expiresAtMs'>

export const RETAINED_AGING_SQL = {
  put: 'INSERT INTO mqtt_retained_aging (changes) VALUES (?)',
  remove: 'DELETE FROM mqtt_retained_aging WHERE id = ?',
  setExpiry: 'UPDATE mqtt_retained SET expires_at = ? WHERE topic = ? AND expires_at = ?',
} as const

/** Read at one end of its primary key. */
const FIRST = 'SELECT id, changes FROM mqtt_retained_aging ORDER BY id LIMIT 1'

export class RetainedAging {
  private readonly slices: InSlices
  private readonly first
  private readonly sql: Record<'put' | 'remove' | 'setExpiry', ReturnType<Store['prepare']>>

  constructor(store: Store) {
    this.first = store.prepare<{ id: number; changes: string }>(FIRST)
    this.sql = {
      put: store.prepare(RETAINED_AGING_SQL.put),
      remove: store.prepare(RETAINED_AGING_SQL.remove),
      setExpiry: store.prepare(RETAINED_AGING_SQL.setExpiry),
    }
    this.slices = new InSlices(store, this.slice)
    if (this.first.get() === undefined) return
    const all = (): void => {
      while (this.slice());
    }
    store.commit(all).catch(() => this.slices.goOn())
  }

  /** Writes down what has become older by so much, and begins with it. Inside `store.commit`. */
  begin(byMs: number, aged: readonly Aged[]): void {
    for (let from = 0; from < aged.length; from += SLICE) {
      const changes = aged
        .slice(from, from + SLICE)
        .map(({ topic, expiresAtMs }): Change => [topic, expiresAtMs + byMs, expiresAtMs])
      this.sql.put.run(JSON.stringify(changes))
    }
    if (this.slice()) this.slices.goOn()
  }

  /** What is left is done by the next run. */
  close(): void {
    this.slices.close()
  }

  private readonly slice = (): boolean => {
    const list = this.first.get()
    if (list === undefined) return false
    for (const [topic, fromMs, toMs] of JSON.parse(list.changes) as Change[]) {
      this.sql.setExpiry.run(toMs, topic, fromMs)
    }
    this.sql.remove.run(list.id)
    return true
  }
}
