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

/** In the order of the record: a number in the row, which nothing proves, does not decide it. */
export function readEpochs(store: Store): readonly Epoch[] {
  return store
    .prepare<Epoch>('SELECT id, first_index AS firstIndex FROM ledger_epoch ORDER BY first_index')
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

/** Ids as `newId` makes them: nine base-32 characters of milliseconds, then randomness. */
const TIMED_ID = /^[0-9a-hjkmnp-tv-z]{28}$/
const BASE_32 = '0123456789abcdefghjkmnpqrstvwxyz'
/** 16 s share the upper bits: inserts of one commit then touch one page of the index, not one each. */
const MS_PER_SLOT = 16_384
const SLOTS = 2 ** 28
const HASH_BITS_WITH_SLOT = 25

/** Before the ids of play reports. */
export const PLAYED = 'played/'

/**
 * Index key of an ask, at most 53 bits: a keyed hash of device and ask id; where the id tells its time,
 * 25 bits of hash below the time. No proof: whoever finds an entry by it compares the ids.
 */
export function askHash(seed: AskSeed, deviceId: string, askId: string): number {
  const hash = keyedHash(seed, `${deviceId}\0${askId}`)
  // Three reports of each speech: each would touch a page of its own.
  const ms = msInId(askId.startsWith(PLAYED) ? askId.slice(PLAYED.length) : askId)
  if (ms === undefined) return hash
  const slot = Math.floor(ms / MS_PER_SLOT) % SLOTS
  return slot * 2 ** HASH_BITS_WITH_SLOT + (hash % 2 ** HASH_BITS_WITH_SLOT)
}

/** When an id of `newId` was made, milliseconds since 1970; undefined where it tells no time. */
export function msInId(id: string): number | undefined {
  if (!TIMED_ID.test(id)) return undefined
  let ms = 0
  for (let i = 0; i < 9; i++) ms = ms * 32 + BASE_32.indexOf(id.charAt(i))
  return ms
}

/** Two rounds of Murmur-style mixing, 53 bits. */
function keyedHash(seed: AskSeed, text: string): number {
  let a = seed[0]
  let b = seed[1]
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
