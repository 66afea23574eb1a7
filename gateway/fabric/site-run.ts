/** The number of a box's run, by which the others know its new frames from those of before a restart. */
import { readFileSync } from 'node:fs'
import { writeDurably } from '@kefu-edge/cloud-sync/write-durably'
import { OWNER_ONLY } from '../storage/secret-file.ts'

/**
 * Greater than that of every run before, whatever the clock says, and kept in `file` for the next one.
 * Where that cannot be written `onError` is told, and the number stands all the same: the box works alone,
 * and the others hear it until it restarts with an earlier clock.
 */
export function nextSiteRun(
  file: string,
  nowMs: number,
  onError: (error: unknown) => void,
): number {
  const run = Math.max(Math.floor(nowMs), lastRun(file) + 1)
  try {
    // Whole or not at all: half a number would be an earlier run.
    writeDurably(file, `${run}\n`, OWNER_ONLY)
  } catch (error) {
    onError(error)
  }
  return run
}

/** 0 before the first one. */
function lastRun(file: string): number {
  try {
    const run = Number(readFileSync(file, 'utf8'))
    return Number.isSafeInteger(run) ? run : 0
  } catch {
    return 0
  }
}
