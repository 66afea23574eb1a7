/**
 * Does the record prove itself? Hashes the content of every entry again and holds it against the tree,
 * the signed checkpoints, the cosignatures, the lanes' sequences and the database's own index.
 */
import { askKeyOf, decodeLeaf, type Leaf } from './entry-codec.ts'
import type { Evidence, StoredEntry } from './evidence.ts'
import { collectFindings, type Finding } from './findings.ts'
import type { WrapKeys } from './key-ring.ts'
import { positionOf } from './lanes.ts'
import { createLostEndCheck } from './lost-ends.ts'
import { REMOVED_KIND, type Removal, readRemoval } from './removal.ts'
import { askHash } from './settings.ts'
import { createFrontier, HASH_BYTES, leafHash, sameHash } from './tlog/merkle.ts'
import { TILE_WIDTH } from './tlog/tiles.ts'
import { createCheckpointCheck, type TrustedKeys } from './verify-checkpoints.ts'
import { createEpochCheck } from './verify-epochs.ts'
import { createKeyCheck, type KeysReport } from './verify-keys.ts'
import { createLaneCheck } from './verify-lanes.ts'
import { createTileCheck } from './verify-tiles.ts'

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
  /** Absent for an export, which has no keys. */
  readonly keys?: KeysReport
  /** The first `MAX_FINDINGS` and the first of every other kind; `findingCount` has them all. */
  readonly findings: readonly Finding[]
  readonly findingCount: number
  /** What an auditor should know and nobody did wrong: a restore, or what an operator has explained. */
  readonly notes: readonly Finding[]
}

export interface VerifyOptions extends TrustedKeys {
  /** Those of the box: data keys are opened then, too. */
  readonly secrets?: WrapKeys | undefined
  readonly onProgress?: (done: number, size: number) => void
}

/** One pass over the record in leaf order; memory does not grow with it. */
export function verifyLedger(evidence: Evidence, options: VerifyOptions): VerifyReport {
  const { found, findings, count } = collectFindings()
  const { found: note, findings: notes } = collectFindings()
  const lanes = createLaneCheck(evidence, found)
  const heads = createCheckpointCheck(evidence, options, found)
  const epochs = createEpochCheck(evidence, found)
  const tiles = createTileCheck(evidence, found)
  const keys = createKeyCheck(evidence, options.secrets, found)
  const ends = createLostEndCheck(found, note)
  const frontier = createFrontier()
  let removal: Removal | undefined
  let removed = 0
  let missingUpTo = 0

  heads.at(0, frontier.root)
  for (const segment of evidence.segments()) {
    const hashes: Uint8Array[] = []
    for (const [offset, entry] of segment.entries.entries()) {
      const index = segment.index * TILE_WIDTH + offset
      const kept = segment.hashes?.subarray(offset * HASH_BYTES, (offset + 1) * HASH_BYTES)
      const hash = entry ? leafHash(entry.bytes) : (kept ?? Buffer.alloc(HASH_BYTES))
      if (entry) {
        const leaf = checkEntry(index, entry, hash, kept)
        if (leaf) for (const check of [lanes, epochs, keys, ends]) check.entry(index, leaf)
        if (leaf?.kind === REMOVED_KIND) removal = readRemoval(leaf.body) ?? removal
      } else {
        removed += 1
        missingUpTo = index + 1
        lanes.skip()
        if (!kept) found('entry-missing', 'neither entry nor hash is there', index)
      }
      hashes.push(hash)
      frontier.append(hash)
      heads.at(index + 1, frontier.root)
    }
    tiles.segment(segment, hashes)
    options.onProgress?.(segment.index * TILE_WIDTH + hashes.length, evidence.size)
  }

  function checkEntry(
    index: number,
    entry: StoredEntry,
    hash: Uint8Array,
    kept: Uint8Array | undefined,
  ): Leaf | undefined {
    const { row } = entry
    const isChanged = (row && !sameHash(row.hash, hash)) || (kept && !sameHash(kept, hash))
    if (isChanged) found('entry-changed', 'content and hash differ', index)
    const leaf = decodeLeaf(entry.bytes)
    if (!leaf) found('entry-unreadable', 'not an entry of this format', index)
    else if (row && !isAtItsPlace(leaf, row)) {
      found('entry-misplaced', 'the index of the table does not fit the entry', index)
    }
    return leaf
  }

  function isAtItsPlace(leaf: Leaf, row: { readonly pos: number; readonly ask: number | null }) {
    const ask = askKeyOf(leaf)
    const seed = evidence.database?.askSeed
    const expected = ask && seed ? askHash(seed, ask.deviceId, ask.askId) : null
    return row.pos === positionOf(leaf.lane, leaf.seq) && row.ask === expected
  }

  if (missingUpTo !== (removal?.to ?? 0)) {
    const recorded = removal ? `up to ${removal.to}` : 'of none'
    found('removal-not-recorded', `entries up to ${missingUpTo} are gone, recorded ${recorded}`)
  }
  lanes.finish(removal)
  tiles.finish()
  epochs.finish(missingUpTo)
  ends.finish()
  const keysReport = keys.finish()
  for (const line of evidence.flaws ?? []) found('export-damaged', line)
  for (const line of evidence.database?.integrityErrors() ?? []) found('database-damaged', line)
  const { newestSize, ...signed } = heads.finish()
  return {
    isWhole: count() === 0,
    gatewayId: evidence.gatewayId,
    epochs: evidence.epochs.length,
    entries: evidence.size,
    removed,
    root: Buffer.from(frontier.root()).toString('base64'),
    ...signed,
    unsigned: evidence.size - newestSize,
    ...(keysReport ? { keys: keysReport } : {}),
    findings,
    findingCount: count(),
    notes,
  }
}
