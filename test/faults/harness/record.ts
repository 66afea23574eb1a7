/** The record of a site's box, read beside the running gateway. */
import { join } from 'node:path'
import { decodeLeaf, type Leaf } from '../../../gateway/ledger/entry-codec.ts'
import { databaseEvidence, readConsistently } from '../../../gateway/ledger/evidence.ts'
import { openStore, type Store } from '../../../gateway/storage/store.ts'
import type { Site } from './site.ts'

export interface Recorded {
  readonly leaf: Leaf
  readonly bytes: Uint8Array
}

/** In the order of the record. */
export function readRecord(site: Site): readonly Recorded[] {
  return withRecord(site, (store) => {
    const found: Recorded[] = []
    for (const segment of databaseEvidence(store).segments()) {
      for (const entry of segment.entries) {
        const leaf = entry && decodeLeaf(entry.bytes)
        if (leaf) found.push({ leaf, bytes: entry.bytes })
      }
    }
    return found
  })
}

/** Throws where the file cannot be read just now, as in the middle of its recovery. */
export function withRecord<T>(site: Site, read: (store: Store) => T): T {
  const store = openStore({ path: join(site.gatewayDir, 'kefu.db'), readonly: true })
  try {
    return readConsistently(store, () => read(store))
  } finally {
    void store.close()
  }
}

/** How often each device's message is among these, by the key that devices are held to. */
export function keysOf(leaves: readonly Leaf[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const leaf of leaves) {
    const id = leaf.kind === 'turn' ? leaf.ask : leaf.body.id
    const kind = leaf.kind === 'turn' ? 'ask' : leaf.kind.split('.')[0]
    if (typeof id !== 'string' || (kind !== 'ask' && kind !== 'event')) continue
    const key = `${kind} ${leaf.dev} ${id}`
    times.set(key, (times.get(key) ?? 0) + 1)
  }
  return times
}
