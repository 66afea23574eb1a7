/**
 * `kefu-edge ledger verify|status|quarantined|export`: for auditors and operators. Reads the database read-only,
 * also while the gateway runs (`handled` alone writes, in the gateway); `--from` reads an export, away from the box, with the public key alone.
 */
import { randomFillSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../errors.ts'
import { logKeyName, newestCheckpoint } from '../ledger/checkpoints.ts'
import { databaseEvidence, type Evidence, readConsistently } from '../ledger/evidence.ts'
import { exportEvidence, writeExport } from '../ledger/export.ts'
import { headToExpect } from '../ledger/head.ts'
import { type KeyFiles, keyFilesOf, ledgerMemory } from '../ledger/key-files.ts'
import { createWrapKeys, type WrapKeys } from '../ledger/key-ring.ts'
import { balanceFromDatabase, unbalanced } from '../ledger/lanes.ts'
import {
  decodeVerifierKey,
  encodeVerifierKey,
  type NoteKey,
  parseCheckpoint,
  parseNote,
} from '../ledger/tlog/note.ts'
import { type VerifyReport, verifyLedger } from '../ledger/verify.ts'
import type { KnownHead } from '../ledger/verify-checkpoints.ts'
import type { KeysReport } from '../ledger/verify-keys.ts'
import { openStore, type Store } from '../storage/store.ts'
import { type Command, type CommandOptions, EVERY } from './command.ts'
import { type ExitCode, type Io, UsageError } from './io.ts'
import { checkProof, proveEntry } from './ledger-prove.ts'
import { listQuarantined, settleQuarantined } from './ledger-quarantined.ts'

const HELP = `kefu-edge ledger verify [--from EXPORT] [--key VKEY] [--cosigner VKEY]… [--against CHECKPOINT]… [--json]
                      proves that the record is whole: every entry hashed again, tree, signatures;
                      CHECKPOINT: a file with a tree head that you had before, from the core or an audit
kefu-edge ledger prove INDEX > FILE   one entry with its proof (C2SP tlog-proof)
kefu-edge ledger check-proof FILE [--key VKEY] [--json]
kefu-edge ledger status [--json]     lanes, size, newest checkpoint
kefu-edge ledger quarantined [--json] entries that the core would not take, and why
kefu-edge ledger handled all|LANE:SEQUENCE … --note TEXT   they are dealt with: doctor names them no more;
                      they stay set apart, the record says who was told what: for good, and to the
                      cloud core, so write no names or numbers of persons
kefu-edge ledger handled epoch:ID … --note TEXT   why the end before that epoch is not in the record,
                      or that after a restore persons were erased anew: doctor and verify go by it
kefu-edge ledger export DIR [--json] the record as files (C2SP tlog-tiles) up to the newest checkpoint

VKEY is a verifier key or a file that holds one; default: keys/ledger.vkey and keys/cosigners.vkey of the
data folder, and for an export the key that was given to you apart from it.`

const OPTIONS = {
  ...EVERY,
  from: { type: 'string' },
  key: { type: 'string' },
  cosigner: { type: 'string', multiple: true },
  against: { type: 'string', multiple: true },
  note: { type: 'string' },
} as const

/** Words that a verb takes at the most; any number where it is not named. */
const MOST_WORDS: Readonly<Record<string, number>> = {
  verify: 0,
  status: 0,
  quarantined: 0,
  export: 1,
  prove: 1,
  'check-proof': 1,
}

type Options = CommandOptions<typeof OPTIONS>['values']

export const ledger: Command<typeof OPTIONS> = { options: OPTIONS, help: HELP, run }

async function run({
  words: [verb, ...targets],
  values,
  config,
  io,
}: CommandOptions<typeof OPTIONS>): Promise<ExitCode> {
  // An export named without --from would be taken for verified.
  if (targets.length > (MOST_WORDS[verb ?? ''] ?? targets.length)) throw new UsageError(HELP)
  const { json = false, note } = values
  const { dataDir } = config()
  const [target] = targets
  switch (verb) {
    case 'verify':
      return verify(values, io, dataDir)
    case 'status':
      return withDatabase(dataDir, (store) => status(store, json, io))
    case 'quarantined':
      return withDatabase(dataDir, (store) => listQuarantined(store, json, io))
    case 'handled':
      if (target === undefined || note === undefined) throw new UsageError(HELP)
      return settleQuarantined(targets, note, json, io, config())
    case 'export':
      if (target === undefined) throw new UsageError(HELP)
      return withDatabase(dataDir, (store) => exportTo(store, target, json, io, dataDir))
    case 'prove':
      if (!/^[0-9]{1,15}$/.test(target ?? '')) throw new UsageError(HELP)
      return withDatabase(dataDir, (store) => proveEntry(store, Number(target), io))
    case 'check-proof': {
      const key = readKey(values.key ?? keysOf(dataDir).verifierKey)
      if (target === undefined || !key) throw new UsageError(HELP)
      return checkProof(target, key, io, json)
    }
    default:
      throw new UsageError(HELP)
  }
}

function verify(options: Options, io: Io, dataDir: string): Promise<ExitCode> {
  const from = options.from
  if (from === undefined) {
    return withDatabase(dataDir, (store) => {
      const head = headToExpect(store, ledgerMemory(join(dataDir, 'keys')).readHead())
      const known = head ? [knownHead(head.size, head.root, 'keys/ledger.head')] : []
      return check(databaseEvidence(store), options, io, known, keysOf(dataDir))
    })
  }
  const evidence = exportEvidence(from)
  if (options.key === undefined) {
    io.stderr(
      'warning: no --key given, so the key inside the export is believed; it proves only that the export fits itself',
    )
  }
  const key = options.key ?? evidence.verifierKey
  return Promise.resolve(check(evidence, { ...options, key }, io, []))
}

function check(
  evidence: Evidence,
  options: Options,
  io: Io,
  known: readonly KnownHead[],
  files?: KeyFiles,
): ExitCode {
  const logKey = options.key === undefined ? boxKey(files, evidence) : readKey(options.key)
  if (!logKey) {
    io.stderr(`the verifier key cannot be read: ${options.key ?? files?.verifierKey}`)
    return 2
  }
  const given =
    options.cosigner ?? (files && existsSync(files.cosignerKeys) ? [files.cosignerKeys] : [])
  const cosigners = given.flatMap(readKeys)
  const against = (options.against ?? []).map(readHead)
  const unreadable = against.indexOf(undefined)
  if (unreadable >= 0) {
    io.stderr(`not a checkpoint: ${options.against?.[unreadable]}`)
    return 2
  }
  let shown = 0
  const report = verifyLedger(evidence, {
    logKey,
    cosigners,
    secrets: files && readMasterKey(files.masterKey),
    knownHeads: [...known, ...against.flatMap((head) => head ?? [])],
    onProgress: (done, size) => {
      const percent = Math.floor((done * 100) / size)
      if (options.json || percent === shown) return
      shown = percent
      io.progress(`${percent} %`)
    },
  })
  if (shown > 0) io.progress('      \r')
  io.stdout(options.json ? JSON.stringify(report) : describe(report))
  return report.isWhole ? 0 : 1
}

function describe(report: VerifyReport): string {
  const { entries, removed, checkpoints, unsigned, newestCosigned } = report
  const cosigned = newestCosigned
    ? `cosigned up to ${newestCosigned.size} entries at ${new Date(newestCosigned.atSeconds * 1000).toISOString()}`
    : 'not cosigned by anyone known'
  const lines = [
    `${report.isWhole ? 'WHOLE' : 'NOT WHOLE'}: ledger of ${report.gatewayId ?? '?'}, ${entries} entries (${removed} removed by retention)`,
    `root ${report.root}`,
    `${checkpoints} signed checkpoints, ${unsigned} entries not signed yet, ${cosigned}`,
    ...(report.keys ? [describeKeys(report.keys)] : []),
    ...report.findings.map((one) => `  ${one.code} ${one.index ?? ''} ${one.detail}`),
    ...report.notes.map((one) => `  note: ${one.code} ${one.index ?? ''} ${one.detail}`),
  ]
  if (report.findingCount > report.findings.length) {
    lines.push(`  … ${report.findingCount} findings in all`)
  }
  return lines.join('\n')
}

function describeKeys({ live, destroyed, isOpened }: KeysReport): string {
  const opened = isOpened ? 'opened' : 'not opened: keys/master.key cannot be read here'
  return `${live} data keys (${opened}), ${destroyed} destroyed`
}

function status(store: Store, asJson: boolean, io: Io): ExitCode {
  const { gatewayId, size, epochs } = databaseEvidence(store)
  const lanes = balanceFromDatabase(store)
  const newest = newestCheckpoint(store)
  const isBalanced = unbalanced(lanes).length === 0
  if (asJson) {
    const checkpoint = newest && { size: newest.size, at: newest.atMs }
    const epoch = epochs.at(-1)?.id
    io.stdout(JSON.stringify({ gatewayId, size, epoch, isBalanced, checkpoint, lanes }))
    return isBalanced ? 0 : 1
  }
  const head = newest
    ? `newest checkpoint: ${newest.size} entries, ${new Date(newest.atMs).toISOString()}`
    : 'no checkpoint yet'
  io.stdout(`ledger of ${gatewayId ?? '?'}: ${size} entries, ${head}`)
  for (const { lane, accepted, delivered, pending, expired, quarantined } of lanes) {
    io.stdout(
      `${lane.padEnd(10)} accepted ${accepted} = delivered ${delivered} + pending ${pending} + expired ${expired} + quarantined ${quarantined}`,
    )
  }
  return isBalanced ? 0 : 1
}

function exportTo(store: Store, dir: string, asJson: boolean, io: Io, dataDir: string): ExitCode {
  const evidence = databaseEvidence(store)
  const key = boxKey(keysOf(dataDir), evidence)
  const verifierKey = key ? encodeVerifierKey(key) : ''
  const entries = writeExport(evidence, verifierKey, dir)
  io.stdout(
    asJson
      ? JSON.stringify({ dir, entries, verifierKey })
      : `${entries} entries in ${dir}; check them with: kefu-edge ledger verify --from ${dir} --key '${verifierKey}'`,
  )
  return 0
}

async function withDatabase(dataDir: string, work: (store: Store) => ExitCode): Promise<ExitCode> {
  const path = join(dataDir, 'kefu.db')
  if (!existsSync(path)) throw new GatewayError('storage.no-box', { detail: dataDir })
  const store = openStore({ path, readonly: true })
  try {
    return readConsistently(store, () => work(store))
  } finally {
    await store.close()
  }
}

function readHead(file: string): KnownHead | undefined {
  const note = existsSync(file) ? parseNote(readFileSync(file, 'utf8')) : undefined
  const head = note && parseCheckpoint(note.text)
  return head && { size: head.size, root: head.root, source: file }
}

const keysOf = (dataDir: string): KeyFiles => keyFilesOf(join(dataDir, 'keys'))

const knownHead = (size: number, root: string, source: string): KnownHead => ({
  size,
  root: Buffer.from(root, 'base64'),
  source,
})

/** The box's own key, under the name that its ledger was begun with; none where no box is asked. */
function boxKey(files: KeyFiles | undefined, evidence: Evidence): NoteKey | undefined {
  const key = readKey(files?.verifierKey)
  return key && { ...key, name: logKeyName(evidence.gatewayId ?? '') }
}

/** Undefined where whoever checks may not read it: data keys are counted then, and not opened. */
function readMasterKey(path: string): WrapKeys | undefined {
  try {
    const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64')
    return createWrapKeys(key, randomFillSync)
  } catch {
    return undefined
  }
}

/** A verifier key, or a file whose first line is one. */
function readKey(textOrFile: string | undefined): NoteKey | undefined {
  return textOrFile === undefined ? undefined : readKeys(textOrFile)[0]
}

function readKeys(textOrFile: string): readonly NoteKey[] {
  const text = existsSync(textOrFile) ? readFileSync(textOrFile, 'utf8') : textOrFile
  return text.split('\n').flatMap((line) => decodeVerifierKey(line) ?? [])
}
