/** `kefu-edge ledger prove INDEX` and `check-proof FILE`: one entry, proved to somebody who has only the public key. */
import { existsSync, readFileSync } from 'node:fs'
import { newestCheckpoint } from '../ledger/checkpoints.ts'
import { decodeLeaf } from '../ledger/entry-codec.ts'
import { inclusionProof } from '../ledger/tlog/merkle.ts'
import type { NoteKey } from '../ledger/tlog/note.ts'
import { formatProof, parseProof, verifyProof } from '../ledger/tlog/proof.ts'
import { storedRange } from '../ledger/tree.ts'
import type { Store } from '../storage/store.ts'
import type { ExitCode, Io } from './io.ts'

/** Writes a C2SP tlog-proof of the entry against the newest checkpoint to standard output. */
export function proveEntry(store: Store, index: number, io: Io): ExitCode {
  const entry = store
    .prepare<{ bytes: Uint8Array }>('SELECT bytes FROM ledger_entry WHERE idx = ?')
    .get(index)
  const newest = newestCheckpoint(store)
  if (!entry || !newest || newest.size <= index) {
    const reason = entry ? 'no checkpoint covers it yet' : 'it is not there or was removed'
    io.stderr(`entry ${index} cannot be proved: ${reason}`)
    return 1
  }
  const steps = inclusionProof(index, newest.size, storedRange(store, newest.size))
  io.write(formatProof({ entry: entry.bytes, index, steps, checkpoint: newest.note }))
  return 0
}

export function checkProof(file: string, key: NoteKey, io: Io, asJson: boolean): ExitCode {
  const proof = existsSync(file) ? parseProof(readFileSync(file, 'utf8')) : undefined
  if (!proof) {
    io.stderr(`not a tlog-proof: ${file}`)
    return 2
  }
  const isProved = verifyProof(proof, key)
  const leaf = decodeLeaf(proof.entry)
  const { lane, seq, kind, at, dev, body } = leaf ?? {}
  const entry = { index: proof.index, lane, seq, kind, at, dev, body }
  io.stdout(
    asJson
      ? JSON.stringify({ isProved, entry })
      : `${isProved ? 'PROVED' : 'NOT PROVED'}: ${JSON.stringify(entry)}`,
  )
  return isProved ? 0 : 1
}
