/** Signed tree heads, as a verification checks them. */
import type { Evidence, StoredCheckpoint } from './evidence.ts'
import type { Found } from './findings.ts'
import { sameHash } from './tlog/merkle.ts'
import { checkSignature, type NoteKey, parseCheckpoint, parseNote } from './tlog/note.ts'

/** Whose signatures count. */
export interface TrustedKeys {
  /** Key of the log; absent: every checkpoint is found unsigned. */
  readonly logKey: NoteKey | undefined
  readonly cosigners: readonly NoteKey[]
  /** Tree heads known from elsewhere: the key folder, the cloud core, an earlier audit. */
  readonly knownHeads?: readonly KnownHead[]
}

export interface KnownHead {
  readonly size: number
  readonly root: Uint8Array
  /** Where it is known from, for the report. */
  readonly source: string
}

/** Holds each checkpoint against the tree at its size while the leaves go by. */
export function createCheckpointCheck(evidence: Evidence, options: TrustedKeys, found: Found) {
  const notes = evidence.checkpoints()[Symbol.iterator]()
  let next = notes.next()
  let count = 0
  let newestSize = 0
  let cosigned = 0
  let newestCosigned: { size: number; atSeconds: number } | undefined
  const epochIds = new Set(evidence.epochs.map((epoch) => epoch.id))

  function check({ size, note: text, atMs }: StoredCheckpoint, root: Uint8Array): void {
    count += 1
    const note = parseNote(text)
    const head = note && parseCheckpoint(note.text)
    if (!note || !head || head.size !== size) {
      found('checkpoint-unreadable', 'not a checkpoint of this size', size)
      return
    }
    if (!sameHash(head.root, root)) found('checkpoint-root', 'the tree has another root', size)
    // Retention goes by the time in the row; notes without a time leave it unproved.
    if (atMs !== undefined && (head.atMs ?? atMs) !== atMs) {
      found('checkpoint-time', 'made at another time than the database says', size)
    }
    const [epoch = '', prefix] = [
      head.origin.split('/').at(-1),
      head.origin.split('/').slice(0, -1),
    ]
    const isOurs = prefix.join('/') === `kefu-edge/${evidence.gatewayId}` && epochIds.has(epoch)
    if (!isOurs) found('checkpoint-origin', head.origin, size)
    const isSigned = options.logKey && checkSignature(note, options.logKey).kind === 'good'
    if (isSigned) newestSize = Math.max(newestSize, size)
    else found('checkpoint-signature', 'not signed by the key of this ledger', size)
    for (const key of options.cosigners) {
      const line = checkSignature(note, key)
      if (line.kind === 'bad') found('cosignature-bad', key.name, size)
      if (line.kind !== 'good' || line.atSeconds === undefined) continue
      cosigned += 1
      newestCosigned = { size, atSeconds: line.atSeconds }
    }
  }

  const waiting = new Set(options.knownHeads ?? [])
  const knownSizes = new Set(options.knownHeads?.map((head) => head.size))

  function compareKnown(size: number, root: Uint8Array): void {
    for (const head of waiting) {
      if (head.size !== size) continue
      waiting.delete(head)
      if (!sameHash(head.root, root)) found('head-differs', head.source, size)
    }
  }

  return {
    /** The tree has `size` leaves now; its root is computed only where a checkpoint asks. */
    at(size: number, root: () => Uint8Array): void {
      if (knownSizes.has(size)) compareKnown(size, root())
      while (!next.done && next.value.size === size) {
        check(next.value, root())
        next = notes.next()
      }
    },
    finish() {
      for (; !next.done; next = notes.next()) {
        found('checkpoint-ahead', 'the tree has fewer leaves', next.value.size)
      }
      for (const head of waiting)
        found('head-differs', `${head.source} has more entries`, head.size)
      return { checkpoints: count, newestSize, cosigned, newestCosigned }
    },
  }
}
