/** Signed tree heads: made by the scheduler and at close, sent to the core, cosigned there. */

import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import type { LedgerHead } from './head.ts'
import type { KeyRing } from './key-ring.ts'
import type { LedgerCore } from './lane-source.ts'
import type { LedgerWitnessing, SignedCheckpoint } from './port.ts'
import { consistencyProof } from './tlog/merkle.ts'
import {
  checkSignature,
  encodeVerifierKey,
  formatCheckpoint,
  NOTE_MAX_BYTES,
  type Note,
  type NoteKey,
  noteSigner,
  parseCheckpoint,
  parseNote,
  signNote,
} from './tlog/note.ts'
import { storedRange } from './tree.ts'

/** The key's name in signature lines; the origin line adds the epoch, since a restore forks the log. */
export const logKeyName = (gatewayId: string): string => `kefu-edge/${gatewayId}`
export const logOrigin = (gatewayId: string, epoch: string): string =>
  `${logKeyName(gatewayId)}/${epoch}`

/** The newest tree head that is stored, as it stands there: for whoever reads the database beside the box. */
export const newestCheckpoint = (
  store: Store,
): Pick<SignedCheckpoint, 'size' | 'atMs' | 'note'> | undefined =>
  store
    .prepare<{ size: number; atMs: number; note: string }>(
      'SELECT size, at_ms AS atMs, note FROM ledger_checkpoint ORDER BY size DESC LIMIT 1',
    )
    .get()

interface CheckpointRow {
  readonly size: number
  readonly at_ms: number
  readonly note: string
}

export function createWitnessing(
  core: LedgerCore,
  options: {
    readonly gatewayId: string
    readonly keys: KeyRing
    readonly cosigners: () => readonly NoteKey[]
    /** A new checkpoint is on disk. */
    readonly onCheckpoint: (head: LedgerHead) => void
  },
): LedgerWitnessing {
  const { store, clock, tree } = core
  const signer = noteSigner(logKeyName(options.gatewayId), options.keys.signingKey, 'log')
  const bySize = store.prepare<CheckpointRow>('SELECT * FROM ledger_checkpoint WHERE size = ?')
  const newest = store.prepare<CheckpointRow>(
    'SELECT * FROM ledger_checkpoint WHERE size <= ? ORDER BY size DESC LIMIT 1',
  )
  const newestFirst = store.prepare<CheckpointRow>(
    'SELECT * FROM ledger_checkpoint ORDER BY size DESC',
  )
  const insert = store.prepare('INSERT INTO ledger_checkpoint (size, at_ms, note) VALUES (?, ?, ?)')
  const update = store.prepare('UPDATE ledger_checkpoint SET note = ? WHERE size = ?')

  /**
   * Crash story: the note is a row of the transaction that holds its last entries, and leaves this
   * function only once that is on disk. So no tree head exists for entries that were lost.
   */
  async function checkpoint(): Promise<SignedCheckpoint> {
    const made = await store.commit(() => {
      const epoch = core.epoch()
      const stored = bySize.get(tree.size)
      if (stored) return { isNew: false, head: fromRow(stored) }
      const origin = logOrigin(options.gatewayId, epoch.id)
      const root = tree.root()
      const atMs = clock.now()
      const note = signNote(formatCheckpoint({ origin, size: tree.size, root, atMs }), signer)
      insert.run(tree.size, atMs, note)
      return { isNew: true, head: { size: tree.size, root, atMs, note } }
    })
    const { size, root } = made.head
    if (made.isNew) {
      const epoch = core.epoch().id
      options.onCheckpoint({ epoch, size, root: Buffer.from(root).toString('base64') })
    }
    return made.head
  }

  /** Lines of strangers are kept along; what counts is that of a cosigner who was pinned. */
  function addCosignatures(size: number, lines: string): Promise<void> {
    return store.commit(() => {
      const row = bySize.get(size)
      if (!row) throw refused(`no checkpoint of size ${size}`)
      const given = lines.split('\n').filter((line) => line !== '')
      checkCosigned(parseNote(`${parseNote(row.note)?.text}\n${joined(given)}`))
      const present = new Set(row.note.split('\n'))
      const text = `${row.note}${joined(given.filter((line) => !present.has(line)))}`
      if (text.length > NOTE_MAX_BYTES) throw refused('too many signature lines')
      update.run(text, size)
    })
  }

  function checkCosigned(note: Note | undefined): void {
    if (!note) throw refused('the lines are not signature lines')
    const cosigners = options.cosigners()
    if (cosigners.length === 0) throw new GatewayError('ledger.no-cosigner')
    const bad = cosigners.find((key) => checkSignature(note, key).kind === 'bad')
    if (bad) throw refused(`the line of ${bad.name} does not verify`)
    if (cosigners.some((key) => isSignedBy(note, key))) return
    const names = note.signatures.map(({ name }) => name).join(', ')
    throw refused(`the line of ${names} is not of a key that is pinned here`)
  }

  function cosignedSize(): number {
    const { id } = core.epoch()
    const origin = logOrigin(options.gatewayId, id)
    const cosigners = options.cosigners()
    for (const { size, note: text } of cosigners.length > 0 ? newestFirst.iterate() : []) {
      const note = parseNote(text)
      if (note && parseCheckpoint(note.text)?.origin !== origin) break
      if (note && cosigners.some((key) => isSignedBy(note, key))) return size
    }
    return 0
  }

  return {
    verifierKey: encodeVerifierKey(signer),
    checkpoint,
    addCosignatures,
    cosignedSize,
    latestCheckpoint: () => {
      const row = newest.get(core.durable.value())
      return row && fromRow(row)
    },
    consistency: (fromSize, toSize) => {
      core.refresh()
      if (toSize > tree.size) throw new RangeError(`the tree has ${tree.size} leaves`)
      return consistencyProof(fromSize, toSize, storedRange(store, toSize))
    },
  }
}

function fromRow(row: CheckpointRow): SignedCheckpoint {
  const note = parseNote(row.note)
  const head = note && parseCheckpoint(note.text)
  if (!head) throw new GatewayError('ledger.corrupt', { detail: `checkpoint ${row.size}` })
  return { size: row.size, root: head.root, atMs: row.at_ms, note: row.note }
}

const joined = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

const isSignedBy = (note: Note, key: NoteKey): boolean => checkSignature(note, key).kind === 'good'

const refused = (detail: string): GatewayError =>
  new GatewayError('ledger.cosignature-refused', { detail })
