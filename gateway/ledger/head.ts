/**
 * Finds out that the database is an older copy of itself: the newest tree head lies in a file beside it,
 * and a tree that does not reach or does not match that head was put back by somebody. Going on in the
 * same epoch would give sequences out twice, so a new one is opened.
 */
import type { Store } from '../storage/store.ts'
import { decodeLeaf } from './entry-codec.ts'
import { readEpochs } from './settings.ts'
import { sameHash } from './tlog/merkle.ts'
import { storedRange, treeSize } from './tree.ts'

/** The first entry of each epoch. */
export const OPENED_KIND = 'ledger.opened'

export interface LedgerHead {
  readonly epoch: string
  readonly size: number
  /** Base64. */
  readonly root: string
}

/**
 * The head that the tree must contain; undefined when a new epoch has answered for it. Only the record
 * itself can say so, in the entry that opens the epoch: a mark beside it could be set by whoever cuts
 * the end off.
 */
export function headToExpect(store: Store, head: LedgerHead | undefined): LedgerHead | undefined {
  return head && readEpochs(store).some(({ firstIndex }) => answersFor(store, firstIndex, head))
    ? undefined
    : head
}

/** The head, where the database does not contain it and no epoch has answered for it. */
export function missingHead(store: Store, head: LedgerHead | undefined): LedgerHead | undefined {
  if (!headToExpect(store, head) || !head) return undefined
  if (!readEpochs(store).some((epoch) => epoch.id === head.epoch)) return head
  if (head.size > treeSize(store)) return head
  if (head.size === 0) return undefined
  const root = storedRange(store, head.size)(0, head.size)
  return sameHash(root, Buffer.from(head.root, 'base64')) ? undefined : head
}

function answersFor(store: Store, index: number, head: LedgerHead): boolean {
  const row = store
    .prepare<{ bytes: Uint8Array }>('SELECT bytes FROM ledger_entry WHERE idx = ?')
    .get(index)
  const leaf = row && decodeLeaf(row.bytes)
  return leaf?.kind === OPENED_KIND && leaf.body.answersFor === nameOf(head)
}

/** As it stands in the body of the entry that answers for it. */
export const nameOf = (head: LedgerHead): string => `${head.epoch} ${head.size} ${head.root}`
