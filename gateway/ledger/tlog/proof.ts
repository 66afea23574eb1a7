/**
 * C2SP tlog-proof: one text file that proves that one entry stands in the log, checked with the log's
 * public key alone. The entry itself travels in the `extra` line.
 */
import { HASH_BYTES, leafHash, verifyInclusion } from './merkle.ts'
import { checkSignature, type NoteKey, parseCheckpoint, parseNote } from './note.ts'

const HEADER = 'c2sp.org/tlog-proof@v1'
/** More steps than any tree of 2^53 leaves has. */
const MAX_STEPS = 53

export interface EntryProof {
  readonly entry: Uint8Array
  readonly index: number
  readonly steps: readonly Uint8Array[]
  /** Signed checkpoint of a tree that holds the entry. */
  readonly checkpoint: string
}

export function formatProof(proof: EntryProof): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  const lines = [HEADER, `extra ${base64(proof.entry)}`, `index ${proof.index}`]
  return `${[...lines, ...proof.steps.map(base64)].join('\n')}\n\n${proof.checkpoint}`
}

/** Undefined when the text is not such a proof. */
export function parseProof(text: string): EntryProof | undefined {
  const split = text.indexOf('\n\n')
  const [header, extra, index, ...steps] = text.slice(0, Math.max(0, split)).split('\n')
  if (header !== HEADER || !extra?.startsWith('extra ')) return undefined
  if (!/^index (0|[1-9][0-9]{0,15})$/.test(index ?? '') || steps.length > MAX_STEPS)
    return undefined
  const hashes = steps.map((line) => Buffer.from(line, 'base64'))
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) return undefined
  return {
    entry: Buffer.from(extra.slice(6), 'base64'),
    index: Number(index?.slice(6)),
    steps: hashes,
    checkpoint: text.slice(split + 2),
  }
}

/** Does the log with this key have this entry at this index? */
export function verifyProof(proof: EntryProof, logKey: NoteKey): boolean {
  const note = parseNote(proof.checkpoint)
  const head = note && parseCheckpoint(note.text)
  if (!note || !head || checkSignature(note, logKey).kind !== 'good') return false
  return verifyInclusion({
    leaf: leafHash(proof.entry),
    index: proof.index,
    size: head.size,
    proof: proof.steps,
    root: head.root,
  })
}
