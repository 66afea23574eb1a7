/** What the ledger needs done by the clock, in the order in which it must be done. */
import type { FullLedger } from './ledger.ts'
import type { Retention, RetentionReport } from './retention.ts'
import type { TimeFloor } from './time-floor.ts'

export interface LedgerDuties {
  /** Dates what was written in doubt, keeps the floor, signs the tree head if the tree grew. */
  everyMinute(): Promise<void>
  /** Retention. `diskIsShort` removes what is past its minimum already. */
  everyNight(options?: { readonly diskIsShort?: boolean }): Promise<RetentionReport>
  /** Before the store closes: nothing is left unsigned. */
  atClose(): Promise<void>
}

export function createLedgerDuties(parts: {
  readonly ledger: FullLedger
  readonly time: TimeFloor
  readonly retention: Retention
}): LedgerDuties {
  const { ledger, time, retention } = parts

  async function everyMinute(): Promise<void> {
    await time.restampIfDue(ledger)
    await time.persist()
    const signed = ledger.latestCheckpoint()?.size ?? 0
    if (ledger.size() > signed) await ledger.checkpoint()
  }

  return { everyMinute, everyNight: (options) => retention.run(options), atClose: everyMinute }
}
