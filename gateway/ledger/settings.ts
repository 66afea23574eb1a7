/** Small facts of the ledger that are made once: its id, the seed of the ask index, and its epochs. */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Store } from '../storage/store.ts'
import type { FillRandom } from './key-ring.ts'

export interface Epoch {
  readonly id: string
  /** Leaf index of the first entry written in it. */
  readonly firstIndex: number
}

/** Two 32-bit seeds of the ask hash: secret, so that no device can make its ids collide with another's. */
export type AskSeed = readonly [number, number]

export function readEpochs(store: Store): readonly Epoch[] {
  return store
    .prepare<Epoch>('SELECT id, first_index AS firstIndex FROM ledger_epoch ORDER BY n')
    .all()
}

/** Opens a new epoch at the given leaf index; inside `store.commit`. */
export function insertEpoch(
  store: Store,
  firstIndex: number,
  atMs: number,
  random: FillRandom,
): Epoch {
  const id = newId(Math.max(0, atMs), random)
  store
    .prepare('INSERT INTO ledger_epoch (id, first_index, opened_at) VALUES (?, ?, ?)')
    .run(id, firstIndex, atMs)
  return { id, firstIndex }
}

/** The epoch an entry was written in. */
export function epochOf(epochs: readonly Epoch[], index: number): Epoch | undefined {
  return epochs.findLast((epoch) => epoch.firstIndex <= index)
}

export function readSetting(store: Store, name: string): Uint8Array | undefined {
  return store
    .prepare<{ value: Uint8Array }>('SELECT value FROM ledger_setting WHERE name = ?')
    .get(name)?.value
}

export function writeSetting(store: Store, name: string, value: Uint8Array): void {
  store
    .prepare(
      'INSERT INTO ledger_setting (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    )
    .run(name, value)
}

export function readText(store: Store, name: string): string | undefined {
  const value = readSetting(store, name)
  return value && Buffer.from(value).toString('utf8')
}

export function askSeedFrom(bytes: Uint8Array): AskSeed {
  const view = Buffer.from(bytes)
  return [view.readUInt32LE(0), view.readUInt32LE(4)]
}

/** 53 keyed bits of device and ask id (two rounds of Murmur-style mixing): an index key, no proof. */
export function askHash(seed: AskSeed, deviceId: string, askId: string): number {
  let a = seed[0]
  let b = seed[1]
  const text = `${deviceId}\0${askId}`
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x85ebca77)
    b = Math.imul(b ^ code, 0xc2b2ae3d)
  }
  a ^= Math.imul(a ^ (b >>> 15), 0x735a2d97)
  b ^= Math.imul(b ^ (a >>> 15), 0xcaf649a9)
  a ^= b >>> 16
  b ^= a >>> 16
  return (b >>> 11) * 2 ** 32 + (a >>> 0)
}
