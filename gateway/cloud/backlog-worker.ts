/**
 * The thread that brings a backlog to the core: it reads the ledger on a connection of its own, packs,
 * compresses, signs and sends. Composed here, as a process of its own would be; see compose-backlog.
 */
import { randomFillSync } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { createLocalCarrier, type Order } from '@kefu-edge/cloud-sync/carrier'
import { loadIdentity } from '@kefu-edge/cloud-sync/identity'
import { createLink } from '@kefu-edge/cloud-sync/link'
import { BESIDE_OTHERS } from '@kefu-edge/cloud-sync/manners'
import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import { serveOrders } from '@kefu-edge/cloud-sync/remote-carrier'
import { giveWay } from '../give-way.ts'
import { disclosing } from '../ledger/disclosure.ts'
import { epochOnTheWay } from '../ledger/forks.ts'
import { loadKeyFiles } from '../ledger/key-files.ts'
import { createLaneReader } from '../ledger/lane-reader.ts'
import type { ReadableLanes } from '../ledger/lane-source.ts'
import type { Disclosure, Lane } from '../ledger/port.ts'
import { createSubjectKeys } from '../ledger/subject-keys.ts'
import { openStore, type Store } from '../storage/store.ts'

/** With what this connection cannot know, or would have to read each time. */
export interface BacklogOrder extends Order, ReturnType<ReadableLanes['readable']> {
  readonly lane: Lane
  /** Time by the floor of the box: certificates are judged by it. */
  readonly time: TrustedTime
}

export interface BacklogWork {
  readonly database: string
  readonly keyDir: string
  readonly gatewayId: string
  readonly disclosure: Disclosure
  readonly url: string
  readonly caPem: string | undefined
  readonly identityFile: string
}

/** A backlog is read once, from its beginning to its end. */
const PAGE_CACHE_KIB = 512

function start(work: BacklogWork, port: NonNullable<typeof parentPort>): void {
  const { gatewayId } = work
  giveWay()
  const store = openStore({ path: work.database, readonly: true, pageCacheKib: PAGE_CACHE_KIB })
  const read = createLaneReader(store, disclosingOf(work, store))
  const told = { nowMs: Date.now(), isKnown: false, atMs: performance.now() }
  const now = () => told.nowMs + performance.now() - told.atMs
  const link = createLink({
    url: work.url,
    identity: loadIdentity(gatewayId, work.identityFile),
    clock: { now, monotonic: () => performance.now() },
    certificateTime: () => ({ nowMs: now(), isKnown: told.isKnown }),
    ...(work.caPem === undefined ? {} : { caPem: work.caPem }),
  })
  serveOrders<BacklogOrder>(port, (order) => {
    Object.assign(told, order.time, { atMs: performance.now() })
    const { lane, settled, upTo, below } = order
    const epochOf = epochOnTheWay(order.epochs, order.forks)
    const source = {
      gatewayId,
      readLane: (_lane: string, afterSequence: number, maxEntries: number, maxBytes: number) => {
        const after = Math.max(afterSequence, settled)
        return read({ lane, after, upTo, below, maxEntries, maxBytes }, epochOf)
      },
    }
    return createLocalCarrier({ source, link, manners: BESIDE_OTHERS }).prepare(order)
  })
}

/** Keys are looked up for each entry, so an erasure holds from its commit on here as it does everywhere. */
function disclosingOf({ disclosure, keyDir, gatewayId }: BacklogWork, store: Store) {
  if (disclosure === 'none') return () => undefined
  const random = (bytes: Uint8Array) => void randomFillSync(bytes)
  const keys = loadKeyFiles(keyDir, { gatewayId, random, mustExist: true })
  return disclosing(disclosure, createSubjectKeys({ store, keys, random }))
}

if (parentPort) start(workerData as BacklogWork, parentPort)
