/**
 * Does the record prove itself? Hashes the content of every entry again and holds it against the tree,
 * the signed checkpoints, the cosignatures, the lanes' sequences and the database's own index.
 */
import { decodeLeaf, type Leaf } from './entry-codec.ts'
import type { Evidence, LaneClaim, Segment } from './evidence.ts'
import { positionOf } from './lanes.ts'
import { askKeyOf } from './ledger.ts'
import { LANES, type Lane } from './port.ts'
import { REMOVED_KIND, type Removal, readRemoval } from './removal.ts'
import { askHash } from './settings.ts'
import { createFrontier, HASH_BYTES, leafHash, rootOf, sameHash } from './tlog/merkle.ts'
import { checkSignature, type NoteKey, parseCheckpoint, parseNote } from './tlog/note.ts'
import { TILE_WIDTH } from './tlog/tiles.ts'

export type FindingCode =
  | 'entry-changed'
  | 'entry-unreadable'
  | 'entry-missing'
  | 'entry-misplaced'
  | 'sequence-gap'
  | 'tile-changed'
  | 'removal-not-recorded'
  | 'epoch-wrong'
  | 'checkpoint-unreadable'
  | 'checkpoint-signature'
  | 'checkpoint-origin'
  | 'checkpoint-root'
  | 'checkpoint-ahead'
  | 'cosignature-bad'
  | 'lane-unbalanced'
  | 'database-damaged'

export interface Finding {
  readonly code: FindingCode
  /** Leaf index, or tree size for a checkpoint. */
  readonly index?: number
  readonly detail: string
}

export interface VerifyReport {
  readonly isWhole: boolean
  readonly gatewayId: string | undefined
  readonly epochs: number
  readonly entries: number
  /** Entries whose content was removed by retention; their hashes are in the tree. */
  readonly removed: number
  readonly root: string
  readonly checkpoints: number
  /** Entries that no signed checkpoint covers yet. */
  readonly unsigned: number
  /** Checkpoints that carry a valid line of a known cosigner. */
  readonly cosigned: number
  readonly newestCosigned: { readonly size: number; readonly atSeconds: number } | undefined
  /** The first `MAX_FINDINGS` and the first of every other kind; `findingCount` has them all. */
  readonly findings: readonly Finding[]
  readonly findingCount: number
}

export interface VerifyOptions {
  /** Key of the log; absent: signatures are not checked, and the report says so by a finding. */
  readonly logKey: NoteKey | undefined
  readonly cosigners: readonly NoteKey[]
  readonly onProgress?: (done: number, size: number) => void
}

/** A broken disk may make a million findings; a hundred show the pattern. */
export const MAX_FINDINGS = 100

export function verifyLedger(evidence: Evidence, options: VerifyOptions): VerifyReport {
  const findings: Finding[] = []
  let findingCount = 0
  const found = (code: FindingCode, detail: string, index?: number): void => {
    findingCount += 1
    const isFull = findings.length >= MAX_FINDINGS
    if (isFull && findings.some((one) => one.code === code)) return
    findings.push({ code, detail, ...(index === undefined ? {} : { index }) })
  }
  const lanes = createLaneCheck(evidence, found)
  let removal: Removal | undefined
  let missingUpTo = 0
  const frontier = createFrontier()
  const heads = createCheckpointCheck(evidence, options, found)
  heads.at(0, frontier.root)
  let removed = 0

  for (const segment of evidence.segments()) {
    const hashes: Uint8Array[] = []
    const first = segment.index * TILE_WIDTH
    for (const [offset, entry] of segment.entries.entries()) {
      const index = first + offset
      const kept = segment.hashes?.subarray(offset * HASH_BYTES, (offset + 1) * HASH_BYTES)
      if (!entry) {
        removed += 1
        if (!kept) found('entry-missing', 'neither entry nor hash is there', index)
        missingUpTo = index + 1
        lanes.skip()
      } else {
        checkEntry(index, entry, kept)
      }
      const hash = entry ? leafHash(entry.bytes) : (kept ?? Buffer.alloc(HASH_BYTES))
      hashes.push(hash)
      frontier.append(hash)
      heads.at(index + 1, frontier.root)
    }
    checkTile(segment, hashes)
    options.onProgress?.(first + segment.entries.length, evidence.size)
  }

  function checkEntry(
    index: number,
    entry: NonNullable<Segment['entries'][number]>,
    kept: Uint8Array | undefined,
  ): void {
    const hash = leafHash(entry.bytes)
    const isChanged =
      (entry.row && !sameHash(entry.row.hash, hash)) || (kept && !sameHash(kept, hash))
    if (isChanged) found('entry-changed', 'content and hash differ', index)
    const leaf = decodeLeaf(entry.bytes)
    if (!leaf) {
      found('entry-unreadable', 'not an entry of this format', index)
      return
    }
    lanes.entry(index, leaf)
    if (leaf.kind === REMOVED_KIND) removal = readRemoval(leaf.body) ?? removal
    checkRow(index, leaf, entry.row)
  }

  function checkRow(
    index: number,
    leaf: Leaf,
    row: { pos: number; ask: number | null } | undefined,
  ) {
    if (!row) return
    const ask = askKeyOf(leaf)
    const seed = evidence.database?.askSeed
    const expected = ask && seed ? askHash(seed, ask.deviceId, ask.askId) : null
    if (row.pos !== positionOf(leaf.lane, leaf.seq) || row.ask !== expected) {
      found('entry-misplaced', 'the index of the table does not fit the entry', index)
    }
  }

  function checkTile(segment: Segment, hashes: readonly Uint8Array[]): void {
    if (!segment.root) {
      const isDue = evidence.database !== undefined && hashes.length === TILE_WIDTH
      if (isDue)
        found('tile-changed', `tile ${segment.index} is missing`, segment.index * TILE_WIDTH)
      return
    }
    if (!sameHash(segment.root, rootOf(Buffer.concat(hashes)))) {
      found('tile-changed', `root of tile ${segment.index}`, segment.index * TILE_WIDTH)
    }
  }

  if (missingUpTo !== (removal?.to ?? 0)) {
    const recorded = removal ? `up to ${removal.to}` : 'of none'
    found('removal-not-recorded', `entries up to ${missingUpTo} are gone, recorded ${recorded}`)
  }
  lanes.finish(removal)
  for (const line of evidence.database?.integrityErrors() ?? []) found('database-damaged', line)
  const signed = heads.finish()
  return {
    isWhole: findingCount === 0,
    gatewayId: evidence.gatewayId,
    epochs: evidence.epochs.length,
    entries: evidence.size,
    removed,
    root: Buffer.from(frontier.root()).toString('base64'),
    checkpoints: signed.count,
    unsigned: evidence.size - signed.newestSize,
    cosigned: signed.cosigned,
    newestCosigned: signed.newestCosigned,
    findings,
    findingCount,
  }
}

type Found = (code: FindingCode, detail: string, index?: number) => void

/** Sequences of every lane without a gap, and counters that close. */
function createLaneCheck(evidence: Evidence, found: Found) {
  const last = new Map<Lane, number>(LANES.map((lane) => [lane, 0]))
  /** After a removal a lane goes on at a sequence that only the record of the removal can explain. */
  const toExplain: { lane: Lane; head: number; at: number }[] = []
  const unknown = new Set<Lane>()

  return {
    skip(): void {
      for (const lane of LANES) unknown.add(lane)
    },
    entry(index: number, leaf: Leaf): void {
      const expected = (last.get(leaf.lane) ?? 0) + 1
      if (unknown.has(leaf.lane)) {
        toExplain.push({ lane: leaf.lane, head: leaf.seq - 1, at: index })
      } else if (leaf.seq !== expected) {
        found('sequence-gap', `${leaf.lane} ${leaf.seq} after ${expected - 1}`, index)
      }
      unknown.delete(leaf.lane)
      last.set(leaf.lane, leaf.seq)
    },
    finish(removal: Removal | undefined): void {
      for (const gap of toExplain) {
        if ((removal?.heads[gap.lane] ?? 0) !== gap.head) {
          found('sequence-gap', `${gap.lane} goes on at ${gap.head + 1}`, gap.at)
        }
      }
      for (const claim of evidence.database?.lanes ?? []) checkLane(claim)
    },
  }

  function checkLane(claim: LaneClaim): void {
    const accepted = Math.max(last.get(claim.lane as Lane) ?? 0, claim.removed)
    const left = claim.delivered + claim.expired + claim.quarantined
    const isPossible = claim.settled <= accepted && left >= claim.settled && left <= accepted
    if (!isPossible) {
      found('lane-unbalanced', `${claim.lane}: ${left} have left, ${accepted} were accepted`)
    }
  }
}

/** Holds each checkpoint against the tree at its size while the leaves go by. */
function createCheckpointCheck(evidence: Evidence, options: VerifyOptions, found: Found) {
  const notes = evidence.checkpoints()[Symbol.iterator]()
  let next = notes.next()
  let count = 0
  let newestSize = 0
  let cosigned = 0
  let newestCosigned: { size: number; atSeconds: number } | undefined
  const epochIds = new Set(evidence.epochs.map((epoch) => epoch.id))

  function check(size: number, text: string, root: Uint8Array): void {
    count += 1
    const note = parseNote(text)
    const head = note && parseCheckpoint(note.text)
    if (!note || !head || head.size !== size) {
      found('checkpoint-unreadable', 'not a checkpoint of this size', size)
      return
    }
    if (!sameHash(head.root, root)) found('checkpoint-root', 'the tree has another root', size)
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

  return {
    /** The tree has `size` leaves now; its root is computed only where a checkpoint asks. */
    at(size: number, root: () => Uint8Array): void {
      while (!next.done && next.value.size === size) {
        check(size, next.value.note, root())
        next = notes.next()
      }
    },
    finish() {
      for (; !next.done; next = notes.next()) {
        found('checkpoint-ahead', 'the tree has fewer leaves', next.value.size)
      }
      return { count, newestSize, cosigned, newestCosigned }
    },
  }
}
