/**
 * Who is connected, since when, and why not: one answer per device over all of its channels.
 *
 * Changes are gathered for `GATHER_MS`, the last one of a device standing for all before it, and are then
 * kept and announced in one transaction: a site that comes back after a power cut costs a few commits
 * instead of one for each device. A crash within that time leaves what was announced before, and whoever
 * was announced as online and has not come back is announced as offline at the next start.
 */
import type { Presence } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Clock } from '../clock.ts'
import type { Store } from '../storage/store.ts'
import type { Channel } from '../turn.ts'

/** As the contract's schema of presence bounds it. */
const MAX_REASON_CHARACTERS = 200
const AFTER_RESTART = 'the gateway restarted'
/** Nobody who looks at a screen sees the difference; a thousand devices connect in the meantime. */
export const GATHER_MS = 100
/** Devices announced in one turn of the loop: more would hold up the questions of the others. */
const MAX_BATCH = 200
/** After a write that failed: a full disk is not mended sooner. */
const RETRY_MS = 1000

export interface Presences {
  /** The device is reached by this channel from now on. */
  connected(deviceId: string, channel: Channel): void
  /** The channel is gone; `reason` in plain words. The device stays online while it has another one. */
  disconnected(deviceId: string, channel: Channel, reason: string): void
  /** Announces as offline who was online when the gateway last ran; before anybody can connect. */
  restarted(): void
  /** Undefined for a device that was never seen. */
  read(deviceId: string): Presence | undefined
  /** Announces a device once more as it is: somebody was told otherwise. */
  tellAgain(deviceId: string): void
  /** Forgets a device that was removed. Inside `store.commit`. */
  forget(deviceId: string): void
  /** Devices online now. */
  count(): number
  /** The gateway closes: what waits is announced now, and every later change at once. */
  closing(): void
}

export interface PresenceParts {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  /** Publishes, retained. Called in the transaction that keeps the presence. */
  readonly announce: (deviceId: string, presence: Presence) => void
  readonly onError: (error: unknown) => void
  /** Runs `work` after so many milliseconds, if the process still lives. */
  readonly later?: (work: () => void, delayMs: number) => void
}

interface Row {
  device_id: string
  online: number
  since_ms: number
  reason: string | null
}

export function createPresences(parts: PresenceParts): Presences {
  const { store, clock, later = afterTimer } = parts
  const channels = new Map<string, Set<Channel>>()
  /** The latest change of each device that is not announced, in the order of these changes. */
  const waiting = new Map<string, Row>()
  let isTimed = false
  let isClosing = false
  const find = store.prepare<Row>('SELECT * FROM presence WHERE device_id = ?')
  const wereOnline = store.prepare<Row>('SELECT * FROM presence WHERE online = 1')
  const drop = createForgetPresence(store)
  const save = store.prepare(
    `INSERT INTO presence (device_id, online, since_ms, reason) VALUES (?, ?, ?, ?)
     ON CONFLICT (device_id) DO UPDATE SET online = excluded.online, since_ms = excluded.since_ms,
       reason = excluded.reason`,
  )

  function change(deviceId: string, online: boolean, reason?: string): void {
    const words = reason?.slice(0, MAX_REASON_CHARACTERS) ?? null
    // Deleted first, so that the map stays in the order of the latest changes.
    waiting.delete(deviceId)
    waiting.set(deviceId, {
      device_id: deviceId,
      online: online ? 1 : 0,
      since_ms: clock.now(),
      reason: words,
    })
    if (isClosing) announceAll()
    else announceAfter(GATHER_MS)
  }

  function announceAfter(delayMs: number): void {
    if (isTimed || isClosing) return
    isTimed = true
    later(() => {
      isTimed = false
      announceSome(MAX_BATCH)
      if (waiting.size > 0) announceAfter(0)
    }, delayMs)
  }

  function announceAll(): void {
    announceSome(Number.POSITIVE_INFINITY)
  }

  /** Kept and published in one transaction: neither can be true without the other. */
  function announceSome(limit: number): void {
    const rows: Row[] = []
    for (const row of waiting.values()) {
      if (rows.length >= limit) break
      rows.push(row)
    }
    if (rows.length === 0) return
    for (const { device_id } of rows) waiting.delete(device_id)
    store
      .commit(() => {
        for (const row of rows) {
          save.run(row.device_id, row.online, row.since_ms, row.reason)
          parts.announce(row.device_id, toPresence(row))
        }
      })
      .catch((error: unknown) => {
        parts.onError(error)
        // What has changed again meanwhile stands.
        for (const row of rows) if (!waiting.has(row.device_id)) waiting.set(row.device_id, row)
        announceAfter(RETRY_MS)
      })
  }

  return {
    connected(deviceId, channel) {
      const open = channels.get(deviceId)
      if (open) {
        open.add(channel)
        return
      }
      channels.set(deviceId, new Set([channel]))
      change(deviceId, true)
    },
    disconnected(deviceId, channel, reason) {
      const open = channels.get(deviceId)
      if (!open?.delete(channel) || open.size > 0) return
      channels.delete(deviceId)
      change(deviceId, false, reason)
    },
    restarted() {
      for (const row of wereOnline.all()) change(row.device_id, false, AFTER_RESTART)
      announceAll()
    },
    read(deviceId) {
      const row = waiting.get(deviceId) ?? find.get(deviceId)
      return row && toPresence(row)
    },
    tellAgain(deviceId) {
      const row = waiting.has(deviceId) ? undefined : find.get(deviceId)
      if (!row) return
      waiting.set(deviceId, row)
      announceAfter(GATHER_MS)
    },
    forget(deviceId) {
      channels.delete(deviceId)
      waiting.delete(deviceId)
      drop(deviceId)
    },
    count: () => channels.size,
    closing() {
      isClosing = true
      announceAll()
    },
  }
}

/** Takes away what is on disk of a device's presence. Inside `store.commit`. */
export function createForgetPresence(store: Store): (deviceId: string) => void {
  const drop = store.prepare('DELETE FROM presence WHERE device_id = ?')
  return (deviceId) => void drop.run(deviceId)
}

const afterTimer = (work: () => void, delayMs: number): void => {
  setTimeout(work, delayMs).unref()
}

const toPresence = ({ online, since_ms, reason }: Row): Presence => ({
  online: online === 1,
  since: new Date(since_ms).toISOString(),
  ...(reason === null ? {} : { reason }),
})
