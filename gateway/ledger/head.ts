/**
 * Finds out that the database is an older copy of itself: the newest tree head lies in a file beside it,
 * and a tree that does not reach or does not match that head was put back by somebody. Going on in the
 * same epoch would give sequences out twice, so a new one is opened.
 */
import type { Store } from '../storage/store.ts'
import { readEpochs, readText, writeSetting } from './settings.ts'
import { sameHash } from './tlog/merkle.ts'
import { storedRange, treeSize } from './tree.ts'

export interface LedgerHead {
  readonly epoch: string
  readonly size: number
  /** Base64. */
  readonly root: string
}

const KNOWN_HEAD = 'older-than-head'

/** The head that the tree must contain; undefined when a new epoch has already answered for it. */
export function headToExpect(store: Store, head: LedgerHead | undefined): LedgerHead | undefined {
  return head && readText(store, KNOWN_HEAD) !== nameOf(head) ? head : undefined
}

/** True once for each head that the database does not contain. */
export function isOlderCopy(store: Store, head: LedgerHead | undefined): boolean {
  if (!head || !headToExpect(store, head)) return false
  if (!readEpochs(store).some((epoch) => epoch.id === head.epoch)) return true
  if (head.size > treeSize(store)) return true
  if (head.size === 0) return false
  const root = storedRange(store, head.size)(0, head.size)
  return !sameHash(root, Buffer.from(head.root, 'base64'))
}

/** The new epoch answers for this head; inside the transaction that opens it. */
export function rememberHead(store: Store, head: LedgerHead | undefined): void {
  if (head) writeSetting(store, KNOWN_HEAD, Buffer.from(nameOf(head)))
}

const nameOf = (head: LedgerHead): string => `${head.epoch} ${head.size} ${head.root}`
