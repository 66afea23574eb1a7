import { createLogHeads } from '@kefu-edge/cloud-sync/core/log-heads'
import { createProvenTime } from '@kefu-edge/cloud-sync/core/proven-time'
import { createReceiver } from '@kefu-edge/cloud-sync/core/receive'
import { createSessions } from '@kefu-edge/cloud-sync/core/sessions'
import { type CoreStore, openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { type Clock, silentLogger, systemClock } from '@kefu-edge/cloud-sync/ports'

/** The store of a core where these gateways are enrolled, without keys: `gw-1` and so on. */
export async function openStoreOf(folder: string, gateways: readonly number[]): Promise<CoreStore> {
  const store = openCoreStore(folder)
  const add = store.prepare(
    'INSERT INTO gateway (no, id, enrolled_at, seen_at) VALUES (?, ?, 0, 0)',
  )
  await store.commit(() => gateways.map((no) => add.run(no, `gw-${no}`)))
  return store
}

/** What receives batches into this store, and what it is made of. */
export function receiverOf(store: CoreStore, clock: Clock = systemClock) {
  const sessions = createSessions(store)
  const heads = createLogHeads(store, clock)
  const time = createProvenTime(store, clock)
  const parts = { store, sessions, heads, clock, time, logger: silentLogger }
  return { ...parts, receiver: createReceiver(parts) }
}
