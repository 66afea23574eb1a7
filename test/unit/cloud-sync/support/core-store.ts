import { type CoreStore, openCoreStore } from '@kefu-edge/cloud-sync/core/storage'

/** The store of a core where these gateways are enrolled, without keys: `gw-1` and so on. */
export async function openStoreOf(folder: string, gateways: readonly number[]): Promise<CoreStore> {
  const store = openCoreStore(folder)
  const add = store.prepare(
    'INSERT INTO gateway (no, id, enrolled_at, seen_at) VALUES (?, ?, 0, 0)',
  )
  await store.commit(() => gateways.map((no) => add.run(no, `gw-${no}`)))
  return store
}
