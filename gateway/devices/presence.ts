/**
 * Who is connected, since when, and why not: one answer per device over all of its channels.
 *
 * What is announced is kept, so that a gateway that was killed tells the truth when it starts again: a
 * device that was online and has not come back is offline.
 */
import type { Presence } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Clock } from '../clock.ts'
import type { Store } from '../storage/store.ts'
import type { Channel } from '../turn.ts'

/** As the contract's schema of presence bounds it. */
const MAX_REASON_CHARACTERS = 200
const AFTER_RESTART = 'the gateway restarted'

export interface Presences {
  /** The device is reached by this channel from now on. */
  connected(deviceId: string, channel: Channel): void
  /** The channel is gone; `reason` in plain words. The device stays online while it has another one. */
  disconnected(deviceId: string, channel: Channel, reason: string): void
  /** Announces as offline who was online when the gateway last ran; before anybody can connect. */
  restarted(): void
  /** Undefined for a device that was never seen. */
  read(deviceId: string): Presence | undefined
  /** Forgets a device that was removed. Inside `store.commit`. */
  forget(deviceId: string): void
  /** Devices online now. */
  count(): number
}

export interface PresenceParts {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  /** Publishes, retained. Called in the transaction that keeps the presence. */
  readonly announce: (deviceId: string, presence: Presence) => void
  readonly onError: (error: unknown) => void
}

interface Row {
  device_id: string
  online: number
  since_ms: number
  reason: string | null
}

export function createPresences(parts: PresenceParts): Presences {
  const { store, clock } = parts
  const channels = new Map<string, Set<Channel>>()
  const find = store.prepare<Row>('SELECT * FROM presence WHERE device_id = ?')
  const wereOnline = store.prepare<Row>('SELECT * FROM presence WHERE online = 1')
  const drop = store.prepare('DELETE FROM presence WHERE device_id = ?')
  const save = store.prepare(
    `INSERT INTO presence (device_id, online, since_ms, reason) VALUES (?, ?, ?, ?)
     ON CONFLICT (device_id) DO UPDATE SET online = excluded.online, since_ms = excluded.since_ms,
       reason = excluded.reason`,
  )

  /** Kept and published in one transaction: neither can be true without the other. */
  function change(deviceId: string, online: boolean, reason?: string): void {
    const words = reason?.slice(0, MAX_REASON_CHARACTERS)
    store
      .commit(() => {
        save.run(deviceId, online ? 1 : 0, clock.now(), words ?? null)
        const row = find.get(deviceId)
        if (row) parts.announce(deviceId, toPresence(row))
      })
      .catch(parts.onError)
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
    },
    read(deviceId) {
      const row = find.get(deviceId)
      return row && toPresence(row)
    },
    forget(deviceId) {
      channels.delete(deviceId)
      drop.run(deviceId)
    },
    count: () => channels.size,
  }
}

const toPresence = ({ online, since_ms, reason }: Row): Presence => ({
  online: online === 1,
  since: new Date(since_ms).toISOString(),
  ...(reason === null ? {} : { reason }),
})
