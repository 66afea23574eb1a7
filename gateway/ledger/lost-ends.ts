/**
 * Ends of the record that are not in it. The entry that opens an epoch over an older copy says what that
 * copy lacked: a restore by an operator, or somebody who cut the end off and left it to the next start.
 */
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { decodeLeaf, type Leaf } from './entry-codec.ts'
import type { Found } from './findings.ts'
import { OPENED_KIND } from './head.ts'
import type { Json } from './port.ts'
import { readEpochs, readText, writeSetting } from './settings.ts'

/** Reasons of an epoch, as the entry that opens it gives them. */
export const OLDER_COPY = 'older-copy'
export const FORKED = 'forked'
/** Then the time of the backup. */
export const RESTORED = 'restored from the backup of'
/** An operator says of epochs that opened so what it was about. */
export const END_NOTED_KIND = 'ledger.end-noted'

export interface LostEnd {
  /** The entry that tells of it. */
  readonly index: number
  /** The epoch that it opens. */
  readonly epoch: string
  readonly atMs: number
  readonly reason: string
  /** The tree of which the end is lost; absent where the box does not know it. */
  readonly head?: { readonly epoch: string; readonly size: number }
  /** Only a restore: who was erased after this time is readable again. */
  readonly erasuresLostSince?: string
}

/** Undefined for an entry that opens no epoch, or one behind which nothing is lost. */
export function lostEndOf(index: number, { kind, body, at }: Leaf): LostEnd | undefined {
  const { answersFor, epoch, reason, erasuresLostSince: since } = body
  if (kind !== OPENED_KIND || typeof epoch !== 'string' || typeof reason !== 'string') return
  const erasures = typeof since === 'string' ? { erasuresLostSince: since } : {}
  const end = { index, epoch, atMs: at, reason, ...erasures }
  const [lost, size] = typeof answersFor === 'string' ? answersFor.split(' ') : []
  if (lost !== undefined) return { ...end, head: { epoch: lost, size: Number(size) } }
  return reason === FORKED || isRestore(end) ? end : undefined
}

const isRestore = ({ reason }: Pick<LostEnd, 'reason'>): boolean => reason.startsWith(RESTORED)

/** Which entries are lost, where that is known; undefined where others stand in their place. */
function lostRange({ index, head }: LostEnd): { from: number; count: number } | undefined {
  return head && head.size > index ? { from: index, count: head.size - index } : undefined
}

function describe(end: LostEnd): string {
  const { head, reason } = end
  const at = new Date(end.atMs).toISOString()
  const range = lostRange(end)
  const what = range
    ? `${range.count} entries of epoch ${head?.epoch}, from ${range.from} on, are not in this record`
    : head
      ? `this record has other entries than the ${head.size} that were signed in epoch ${head.epoch}`
      : reason === FORKED
        ? 'the cloud core has other entries under the numbers of this record'
        : 'what came after the backup is not in this record'
  const why = isRestore(end)
    ? `${reason} at ${at}`
    : `an older copy was put back, or the end was cut off; found at ${at}`
  return `${what}: ${why}`
}

/** A restore says itself who did it and when, and is a note; the rest is a finding until an operator has noted it. */
export function createLostEndCheck(found: Found, noted: Found) {
  const ends: LostEnd[] = []
  const words = new Map<string, string>()
  return {
    entry(index: number, leaf: Leaf): void {
      const end = lostEndOf(index, leaf)
      if (end) ends.push(end)
      if (leaf.kind !== END_NOTED_KIND) return
      for (const epoch of textsIn(leaf.body.epochs)) words.set(epoch, String(leaf.body.note))
    },
    finish(): void {
      for (const end of ends) {
        const said = words.get(end.epoch)
        const say = said !== undefined || isRestore(end) ? noted : found
        const by =
          said === undefined ? `to explain it: ledger handled epoch:${end.epoch}` : `"${said}"`
        const detail = isRestore(end) ? describe(end) : `${describe(end)} (${by})`
        say('end-missing', detail, end.index)
      }
    },
  }
}

/**
 * For the doctor, which does not read the whole record: what nobody has noted yet of ends that were lost, and
 * of restores that brought erased persons back.
 */
export function unnotedEnds(store: Store): readonly LostEnd[] {
  const noted = readNoted(store)
  const entry = store.prepare<{ bytes: Uint8Array }>('SELECT bytes FROM ledger_entry WHERE idx = ?')
  return readEpochs(store).flatMap(({ firstIndex }) => {
    const row = entry.get(firstIndex)
    const leaf = row && decodeLeaf(row.bytes)
    const end = leaf && lostEndOf(firstIndex, leaf)
    const isDue = end && (!isRestore(end) || end.erasuresLostSince !== undefined)
    return isDue && !noted.includes(end.epoch) ? [end] : []
  })
}

/**
 * Marks that an operator has noted these epochs; inside `store.commit`, with the entry that keeps his words.
 * Gives those that were not noted before. Throws `ledger.no-lost-end` and marks none.
 */
export function markNoted(store: Store, epochs: readonly string[]): readonly string[] {
  const [before, open] = [readNoted(store), unnotedEnds(store).map(({ epoch }) => epoch)]
  const unknown = epochs.find((epoch) => !open.includes(epoch) && !before.includes(epoch))
  if (unknown !== undefined) throw new GatewayError('ledger.no-lost-end', { detail: unknown })
  const fresh = open.filter((epoch) => epochs.includes(epoch))
  if (fresh.length > 0) {
    writeSetting(store, NOTED, Buffer.from(JSON.stringify([...before, ...fresh])))
  }
  return fresh
}

const NOTED = 'noted-ends'

/** Only the doctor goes by it: what cannot be read was never noted. */
function readNoted(store: Store): readonly string[] {
  try {
    return textsIn(JSON.parse(readText(store, NOTED) ?? '[]') as Json)
  } catch {
    return []
  }
}

const textsIn = (value: Json | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
