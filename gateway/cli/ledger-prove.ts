/** `kefu-edge ledger prove INDEX` and `check-proof FILE`: one entry, proved to somebody who has only the public key. */
import { existsSync, readFileSync } from 'node:fs'
import { decodeLeaf } from '../ledger/entry-codec.ts'
import { inclusionProof } from '../ledger/tlog/merkle.ts'
import type { NoteKey } from '../ledger/tlog/note.ts'
import { formatProof, parseProof, verifyProof } from '../ledger/tlog/proof.ts'
import { storedRange } from '../ledger/tree.ts'
import type { Store } from '../storage/store.ts'
import type { ExitCode } from './io.ts'
import type { CommandIo } from './own-options.ts'

/** Writes a C2SP tlog-proof of the entry against the newest checkpoint to standard output. */
export function proveEntry(store: Store, index: number, io: CommandIo): ExitCode {
  const entry = store
    .prepare<{ bytes: Uint8Array }>('SELECT bytes FROM ledger_entry WHERE idx = ?')
    .get(index)
  const newest = store
    .prepare<{ size: number; note: string }>(
      'SELECT size, note FROM ledger_checkpoint ORDER BY size DESC LIMIT 1',
    )
    .get()
  if (!entry || !newest || newest.size <= index) {
    const reason = entry ? 'no checkpoint covers it yet' : 'it is not there or was removed'
    io.stderr.write(`entry ${index} cannot be proved: ${reason}\n`)
    return 1
  }
  const steps = inclusionProof(index, newest.size, storedRange(store, newest.size))
  io.stdout.write(formatProof({ entry: entry.bytes, index, steps, checkpoint: newest.note }))
  return 0
}

export function checkProof(file: string, key: NoteKey, io: CommandIo, asJson: boolean): ExitCode {
  const proof = existsSync(file) ? parseProof(readFileSync(file, 'utf8')) : undefined
  if (!proof) {
    io.stderr.write(`not a tlog-proof: ${file}\n`)
    return 2
  }
  const isProved = verifyProof(proof, key)
  const leaf = decodeLeaf(proof.entry)
  const { lane, seq, kind, at, dev, body } = leaf ?? {}
  const entry = { index: proof.index, lane, seq, kind, at, dev, body }
  io.stdout.write(
    asJson
      ? `${JSON.stringify({ isProved, entry })}\n`
      : `${isProved ? 'PROVED' : 'NOT PROVED'}: ${JSON.stringify(entry)}\n`,
  )
  return isProved ? 0 : 1
}
