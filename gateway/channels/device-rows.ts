/** What the broker keeps on disk of one device. */
import { topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import type { Store } from '../storage/store.ts'
import { QUEUE_SQL } from './mqtt/queues/queue-rows.ts'
import { ClientRows } from './mqtt/sessions/client-rows.ts'

/**
 * Takes away sessions and wills of a device and of its further connections (`ID:name`), and what is
 * retained on its topics. Inside `store.commit`.
 */
export function createForgetDeviceRows(store: Store): (deviceId: string) => void {
  const rows = new ClientRows(store)
  return (deviceId) => {
    rows.remove(deviceId, `${deviceId}:`)
    rows.removeRetained(topicOf(deviceId, ''))
  }
}

/** Takes away what a device reported last, as it is retained. Inside `store.commit`. */
export function createForgetReportedRow(store: Store): (deviceId: string) => void {
  const remove = store.prepare(QUEUE_SQL.removeRetained)
  return (deviceId) => {
    remove.run(topicOf(deviceId, 'reported'))
  }
}
