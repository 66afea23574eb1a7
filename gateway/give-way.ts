/** Priority of a thread whose work can wait. */
import { spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

/** The lowest there is: in effect where there is no `chrt`. */
const NICENESS = 19
const CHRT_TIMEOUT_MS = 2000

/**
 * From here on the calling thread, and no other of this process, runs when nobody else wants the core
 * (SCHED_IDLE, sched(7)). Linux only; elsewhere nothing happens.
 *
 * Niceness alone is not enough: since Linux 6.6 a thread that wakes up often waits for the next tick, up to
 * 4 ms, before it takes the core from a nice one; from an idle one it takes it at once. Node has no call for
 * it, `chrt` of util-linux and of BusyBox has.
 */
export function giveWay(): void {
  if (process.platform !== 'linux') return
  setPriority(NICENESS)
  const thread = threadId()
  if (thread === undefined) return
  spawnSync('chrt', ['-i', '-p', '0', thread], { stdio: 'ignore', timeout: CHRT_TIMEOUT_MS })
}

/** The kernel's number of the calling thread; undefined without /proc. */
function threadId(): string | undefined {
  try {
    return readlinkSync('/proc/thread-self').split('/').at(-1)
  } catch {
    return undefined
  }
}
