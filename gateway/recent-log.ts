/** The last log lines in memory, for a support bundle: where the log itself goes is the site's choice. */
import pino, { type DestinationStream } from 'pino'

/** About 200 kB: the last minutes of a box in trouble, the last weeks of one that is well. */
const MAX_LINES = 500
/** A longer line (a stack within a stack) is cut, so that the limit above holds. */
const MAX_LINE_CHARS = 4000

export interface RecentLog {
  /** Keeps each line and passes it on. */
  readonly destination: DestinationStream
  /** Oldest first. */
  lines(): readonly string[]
}

export function createRecentLog(
  next: DestinationStream = pino.destination({ dest: 2, sync: true }),
): RecentLog {
  let lines: string[] = []
  return {
    destination: {
      write(line) {
        next.write(line)
        lines.push(line.trimEnd().slice(0, MAX_LINE_CHARS))
        if (lines.length >= 2 * MAX_LINES) lines = lines.slice(-MAX_LINES)
      },
    },
    lines: () => lines.slice(-MAX_LINES),
  }
}
