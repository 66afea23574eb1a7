/** The fabric of a site inside one process: for boxes of a test that need no Redis. */
import type { Clock } from '../../gateway/clock.ts'
import type { Fabric, FabricStatus, KeptValue } from '../../gateway/fabric/fabric.ts'

export interface LocalSite {
  /** A further box. */
  join(): Fabric
  /** Cuts or mends the link of everybody. */
  setAway(isAway: boolean): void
}

interface Member {
  receive(bytes: Buffer): void
  changed(): void
}

export function createLocalSite(clock: Pick<Clock, 'now'>): LocalSite {
  const members = new Set<Member>()
  const values = new Map<string, { value: Buffer; untilMs: number }>()
  const kept = new Map<string, KeptValue>()
  let isAway = false
  let sinceMs = clock.now()

  const status = (): FabricStatus =>
    isAway
      ? { state: 'away', url: 'local:', sinceMs }
      : { state: 'connected', url: 'local:', sinceMs, roundTripMs: 0 }
  const read = (key: string): Buffer | undefined => {
    const found = values.get(key)
    if (found && found.untilMs > clock.now()) return found.value
    values.delete(key)
    return undefined
  }

  function join(): Fabric {
    const listeners: ((bytes: Buffer) => void)[] = []
    const watchers: ((status: FabricStatus) => void)[] = []
    const member: Member = {
      receive: (bytes) => {
        for (const listener of listeners) listener(bytes)
      },
      changed: () => {
        for (const watcher of watchers) watcher(status())
      },
    }
    members.add(member)
    setImmediate(() => member.changed())
    return {
      send(bytes) {
        if (isAway || !members.has(member)) return false
        const copy = Buffer.from(bytes)
        for (const other of members) {
          if (other !== member) setImmediate(() => members.has(other) && other.receive(copy))
        }
        return true
      },
      onMessage: (listener) => void listeners.push(listener),
      onChange: (listener) => void watchers.push(listener),
      status,
      async put(entries, ttlMs) {
        if (isAway) return false
        const untilMs = clock.now() + ttlMs
        for (const [key, value] of entries) values.set(key, { value, untilMs })
        return true
      },
      get: async (keys) => (isAway ? undefined : keys.map(read)),
      async remove(keys) {
        for (const key of isAway ? [] : keys) values.delete(key)
        return !isAway
      },
      async keep(next) {
        if (isAway) return false
        const before = kept.get(next.field)
        if (!before || before.stamp.compare(next.stamp) < 0) kept.set(next.field, next)
        return true
      },
      async *readKept() {
        if (isAway) throw new Error('the fabric is away')
        yield [...kept.values()]
      },
      async dropKept({ field, stamp }) {
        if (!isAway && kept.get(field)?.stamp.equals(stamp)) kept.delete(field)
        return !isAway
      },
      close: async () => void members.delete(member),
    }
  }

  return {
    join,
    setAway(away) {
      if (away === isAway) return
      isAway = away
      sinceMs = clock.now()
      for (const member of members) member.changed()
    },
  }
}
