/**
 * Connections that were refused, for the operator: counted all, told one by one while they are few and
 * different. A flood leaves a sum in the log, and in the list of ends the reasons that it would push out.
 */
import { FewTold } from '../../few-told.ts'
import type { Deadlines } from '../deadlines.ts'
import type { MqttLogger } from '../ports.ts'
import type { RecentEnds } from './recent-ends.ts'

export interface Refusal {
  readonly clientId: string
  readonly remoteAddress: string
  readonly reasonCode: number
  readonly reason: string
  /** Code of `errors.ts`, where the house refused. */
  readonly code?: string | undefined
}

export interface RefusalsParts {
  readonly counters: { refusedConnects: number }
  readonly logger: MqttLogger
  readonly recentEnds: RecentEnds
  readonly deadlines: Deadlines
  readonly nowMs: () => number
}

export class Refusals {
  private readonly parts: RefusalsParts
  private readonly told = new FewTold()
  private untold = 0
  private last: Refusal | null = null

  constructor(parts: RefusalsParts) {
    this.parts = parts
  }

  /** Counts a refusal, and tells it: by itself, or in the sum of the rest. */
  note(refusal: Refusal): void {
    const { counters, logger, recentEnds, deadlines, nowMs } = this.parts
    counters.refusedConnects++
    const now = nowMs()
    const kind = `${refusal.remoteAddress} ${refusal.clientId} ${refusal.reason}`
    if (this.told.tells(kind, now)) {
      logger.info(refusal, 'connection refused')
      const { code: _, ...end } = refusal
      recentEnds.add({ ...end, atMs: now, wasRefused: true })
      return
    }
    this.last = refusal
    if (this.untold++ === 0) deadlines.at(this.told.windowEndsAtMs, this.tellRest)
  }

  private readonly tellRest = (): void => {
    const { untold, last } = this
    this.untold = 0
    this.parts.logger.info(
      { refused: untold, last },
      'more connections refused, not told one by one',
    )
  }
}
