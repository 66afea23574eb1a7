/**
 * Which entry does a core fail at? Batches shrink until it stands alone, then it is quarantined.
 *
 * A core or proxy that refuses everything must not empty the ledger into quarantine: after a few
 * entries in a row with nothing stored between, the fault is not theirs, and the lane waits instead.
 */
import type { BatchHead } from './push-batch.ts'

/** Failures at the same first entry in a row, before smaller batches look for the entry that does it. */
const FAILURES_BEFORE_HALVING = 3
/** Failures at one entry alone in a row, with echoes passing meanwhile, before it is quarantined. */
const FAILURES_BEFORE_QUARANTINE = 8
/** Entries quarantined in a row before the fault is held to be the core's. */
const MAX_QUARANTINED_IN_A_ROW = 3

export type Verdict = 'try-again' | 'halve' | 'quarantine'

export interface Suspicion {
  /** `refused`: the core read the batch and said no. `failed`: it broke at it. */
  blame(batch: BatchHead, how: 'refused' | 'failed', isEchoing: boolean): Verdict
  stored(): void
  readonly isSuspicious: boolean
}

export function createSuspicion(): Suspicion {
  let sequence = 0
  let failures = 0
  let inARow = 0

  return {
    get isSuspicious() {
      return failures > 0 || inARow > 0
    },
    stored() {
      sequence = 0
      failures = 0
      inARow = 0
    },
    blame(batch, how, isEchoing) {
      failures = sequence === batch.firstSequence ? failures + 1 : 1
      sequence = batch.firstSequence
      if (!isEchoing || (how === 'failed' && failures < FAILURES_BEFORE_HALVING)) return 'try-again'
      if (batch.count > 1) return 'halve'
      if (how === 'failed' && failures < FAILURES_BEFORE_QUARANTINE) return 'try-again'
      if (inARow >= MAX_QUARANTINED_IN_A_ROW) return 'try-again'
      inARow += 1
      failures = 0
      return 'quarantine'
    },
  }
}
