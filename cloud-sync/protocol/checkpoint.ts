/**
 * Checkpoints of a log (C2SP tlog-checkpoint), consistency proofs (RFC 6962, 2.1.2), and the request by
 * which a log asks to be witnessed (C2SP tlog-witness). Sources: https://c2sp.org/tlog-checkpoint,
 * https://c2sp.org/tlog-witness
 */
import { createHash } from 'node:crypto'
import { type Note, parseNote } from './signed-note.ts'

const HASH_BYTES = 32
/** C2SP tlog-witness: a proof has at most so many lines. */
const MAX_PROOF_HASHES = 63

export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

/** Undefined when the text of the note is not a checkpoint. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin, size, root, ...extensions] = linesOf(text)
  if (!origin || !size || !root || !/^(0|[1-9]\d{0,15})$/.test(size)) return undefined
  if (extensions.includes('')) return undefined
  const hash = parseHash(root)
  return hash && Number.isSafeInteger(Number(size))
    ? { origin, size: Number(size), root: hash }
    : undefined
}

/** When it was made by the clock of the gateway, milliseconds since 1970: an extension line, `time MS`. */
export function checkpointTime(text: string): number | undefined {
  const [, , , ...extensions] = linesOf(text)
  const time = extensions.flatMap((line) => /^time (\d{1,16})$/.exec(line)?.[1] ?? [])[0]
  return time === undefined ? undefined : Number(time)
}

/** The text of a note ends in a newline, behind which there is no line. */
const linesOf = (text: string): readonly string[] => text.slice(0, -1).split('\n')

export interface WitnessRequest {
  /** Size of the checkpoint that the witness is believed to have cosigned last. */
  readonly old: number
  readonly proof: readonly Buffer[]
  readonly note: Note
  readonly checkpoint: Checkpoint
}

export function formatWitnessRequest(
  old: number,
  proof: readonly Uint8Array[],
  note: string,
): string {
  const lines = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`)
  return `old ${old}\n${lines.join('')}\n${note}`
}

/** Undefined when it is not a request of this form. */
export function parseWitnessRequest(text: string): WitnessRequest | undefined {
  const split = text.indexOf('\n\n')
  const [first = '', ...lines] = text.slice(0, split).split('\n')
  const old = /^old (0|[1-9]\d{0,15})$/.exec(first)?.[1]
  const proof = lines.map(parseHash)
  const note = parseNote(text.slice(split + 2))
  const checkpoint = note && parseCheckpoint(note.text)
  if (split < 0 || !old || !checkpoint || proof.length > MAX_PROOF_HASHES) return undefined
  return proof.every((hash) => hash !== undefined)
    ? { old: Number(old), proof, note, checkpoint }
    : undefined
}

function parseHash(line: string): Buffer | undefined {
  const hash = Buffer.from(line, 'base64')
  return hash.length === HASH_BYTES && hash.toString('base64') === line ? hash : undefined
}

/**
 * Is the newer tree the older one with leaves added? Walks the recursion SUBPROOF of RFC 6962, 2.1.2, and
 * builds both roots from the proof.
 */
export function isConsistent(
  older: Pick<Checkpoint, 'size' | 'root'>,
  newer: Pick<Checkpoint, 'size' | 'root'>,
  proof: readonly Uint8Array[],
): boolean {
  if (older.size > newer.size) return false
  if (older.size === 0) return proof.length === 0
  let taken = 0
  const take = (): Uint8Array => proof[taken++] ?? new Uint8Array()

  /** `[old, new]` hashes of a subtree of `n` leaves, of which the older tree has `m`. */
  function walk(m: number, n: number, isWhole: boolean): [Uint8Array, Uint8Array] {
    if (m === n) {
      const hash = isWhole ? older.root : take()
      return [hash, hash]
    }
    const k = largestPowerBelow(n)
    if (m <= k) {
      const [old, grown] = walk(m, k, isWhole)
      return [old, nodeHash(grown, take())]
    }
    const [old, grown] = walk(m - k, n - k, false)
    const left = take()
    return [nodeHash(left, old), nodeHash(left, grown)]
  }

  const [oldRoot, newRoot] = walk(older.size, newer.size, true)
  return (
    taken === proof.length &&
    older.root.equals(Buffer.from(oldRoot)) &&
    newer.root.equals(Buffer.from(newRoot))
  )
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return createHash('sha256')
    .update(Buffer.from([1]))
    .update(left)
    .update(right)
    .digest()
}

function largestPowerBelow(n: number): number {
  let power = 1
  while (power * 2 < n) power *= 2
  return power
}
