/**
 * What a person may ask for: to be shown what is kept, to have it erased. And the legal hold that
 * stands against both erasure and retention. An erasure is an entry of the record like any other.
 */
import type { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { personOf } from './disclosure.ts'
import { type StandingHold, standingHolds } from './holds.ts'
import type { FullLedger } from './ledger.ts'
import { maskMiddle, maskText } from './masking.ts'
import type { Json, LedgerEntry } from './port.ts'

/** Entries read at once while looking for one person's. */
const PAGE_ENTRIES = 1000
/** Last characters of a person's number, by which a reader can compare. */
const SHOWN_OF_ID = 3

export interface ErasureReport {
  /** Data keys destroyed: one for each class and month in which something was kept. */
  readonly keys: number
  /** No copy of the keys is left in the write-ahead log either; false: they go when its reader has ended. */
  readonly isScrubbed: boolean
}

/** What is said with them stays in the record for good and goes to the core: persons in it are masked. */
export interface SubjectRights {
  /** Everything kept of the person in the ledger, decrypted. */
  exportOf(who: Subject): Promise<readonly LedgerEntry[]>
  /** Destroys the person's keys. Throws `ledger.held` under a legal hold. */
  erase(who: Subject, reason: string): Promise<ErasureReport>
  /** Gives how many data keys it protects now; with none it stands for what will be said. */
  hold(who: Subject, reason: string): Promise<number>
  /** Gives how many data keys may be erased again. Throws `ledger.not-held` where no hold stands. */
  release(who: Subject, reason: string): Promise<number>
  /** Oldest first. Who it is stands nowhere but in what he said: a hold is found by a keyed hash. */
  holds(): readonly StandingHold[]
}

export function createSubjectRights(parts: {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly ledger: FullLedger
  /** Rooms that keep something of a person outside the ledger erase it in the same transaction. */
  readonly alsoErase?: readonly ((who: Subject) => void)[]
}): SubjectRights {
  const { store, clock, ledger, alsoErase = [] } = parts
  const keys = ledger.subjectKeys

  function audit(kind: string, body: Record<string, Json>): void {
    ledger.append({ lane: 'audit', kind, atMs: clock.now(), body })
  }

  /**
   * Crash story: keys are overwritten in the transaction that records the erasure, so either both are
   * on disk or neither. Old page images in the write-ahead log go when it is truncated; a crash between
   * leaves them until the next start, which begins with that.
   */
  async function erase(who: Subject, reason: string): Promise<ErasureReport> {
    let undo = (): void => undefined
    const erasing = store.commit(() => {
      if (keys.isHeld(who)) throw new GatewayError('ledger.held')
      const ids = keys.idsOf(who)
      const said = withoutPersons(reason, who)
      // By his hash too: with a restore the box has lost keys whose words the core was shown.
      audit('subject.erased', { keys: ids, persons: [personOf(who, keys)], reason: said })
      for (const forget of alsoErase) forget(who)
      // Last, when nothing but the disk can still refuse.
      const destroyed = keys.destroyForGood(ids)
      undo = destroyed.undo
      return destroyed.count
    })
    const destroyed = await erasing.catch((error) => {
      // An older copy of the database may be put back, and a hold be set, before it is tried again.
      undo()
      throw error
    })
    return { keys: destroyed, isScrubbed: await store.scrub() }
  }

  async function exportOf(who: Subject): Promise<readonly LedgerEntry[]> {
    const ids = new Set(keys.idsOf(who))
    const found: LedgerEntry[] = []
    for (let from = 0; ids.size > 0 && from < ledger.size(); from += PAGE_ENTRIES) {
      for (const entry of ledger.entriesFrom(from, PAGE_ENTRIES, ids)) found.push(entry)
      // A long ledger is read between other work, not instead of it.
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (found.length > 0) {
      await store.commit(() => audit('subject.exported', { entries: found.length }))
    }
    return found
  }

  return {
    exportOf,
    erase,
    hold: (who, reason) =>
      store.commit(() => {
        const said = withoutPersons(reason, who)
        const ids = keys.idsOf(who)
        keys.hold(who, said, clock.now())
        audit('subject.held', { keys: ids, reason: said })
        return ids.length
      }),
    release: (who, reason) =>
      store.commit(() => {
        if (!keys.release(who)) throw new GatewayError('ledger.not-held')
        const ids = keys.idsOf(who)
        audit('subject.released', { keys: ids, reason: withoutPersons(reason, who) })
        return ids.length
      }),
    holds: () => standingHolds(store),
  }
}

/** His own number is what a reason names first. */
const withoutPersons = (reason: string, { id }: Subject): string =>
  maskText(reason.replaceAll(id, maskMiddle(id, 0, SHOWN_OF_ID)))
