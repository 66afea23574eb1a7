/**
 * The way of each log line: masked, kept in memory for a support bundle, passed on. Fields are masked by
 * name where lines are made (logger.ts); here goes what stands in the middle of a sentence.
 */
import type { DestinationStream } from 'pino'
import { openLog } from './logger.ts'
import { maskLine } from './mask-line.ts'

/** About 200 kB: the last minutes of a box in trouble, the last weeks of one that is well. */
const MAX_LINES = 500
/** A longer line (a stack within a stack) is cut, so that the limit above holds. */
const MAX_LINE_CHARS = 4000
export interface RecentLog {
  /** Masks each line, keeps it and passes it on. */
  readonly destination: DestinationStream
  /** Oldest first. */
  lines(): readonly string[]
}

export function createRecentLog(next: DestinationStream = openLog()): RecentLog {
  let lines: string[] = []
  return {
    destination: {
      write(line) {
        const masked = maskLine(line)
        lines.push(masked.trimEnd().slice(0, MAX_LINE_CHARS))
        if (lines.length >= 2 * MAX_LINES) lines = lines.slice(-MAX_LINES)
        next.write(masked)
      },
    },
    lines: () => lines.slice(-MAX_LINES),
  }
}
