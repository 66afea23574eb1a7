/**
 * `kefu-edge ledger verify|status|quarantined|export`: for auditors and operators. Reads the database read-only,
 * also while the gateway runs (`handled` alone writes, in the gateway); `--from` reads an export, away from the box, with the public key alone.
 */
import { randomFillSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OperationName } from '../console/operations.ts'
import { GatewayError } from '../errors.ts'
import { logKeyName } from '../ledger/checkpoints.ts'
import { databaseEvidence, type Evidence, readConsistently } from '../ledger/evidence.ts'
import { exportEvidence, writeExport } from '../ledger/export.ts'
import { headToExpect } from '../ledger/head.ts'
import { keyFilesOf, ledgerMemory } from '../ledger/key-files.ts'
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
import type { ExitCode } from './io.ts'
import { checkProof, proveEntry } from './ledger-prove.ts'
import { listQuarantined, settleQuarantined } from './ledger-quarantined.ts'
import { type CommandIo, readOptions, sayUsage } from './own-options.ts'

const USAGE = `kefu-edge ledger verify [--from EXPORT] [--key VKEY] [--cosigner VKEY]… [--against CHECKPOINT]… [--json]
                      proves that the record is whole: every entry hashed again, tree, signatures;
                      CHECKPOINT: a file with a tree head that you had before, from the core or an audit
kefu-edge ledger prove INDEX > FILE   one entry with its proof (C2SP tlog-proof)
kefu-edge ledger check-proof FILE [--key VKEY] [--json]
kefu-edge ledger status [--json]     lanes, size, newest checkpoint
kefu-edge ledger quarantined [--json] entries that the core would not take, and why
kefu-edge ledger handled all|LANE:SEQUENCE … --note TEXT   they are dealt with: doctor names them no more;
                      they stay set apart, the record says who was told what: for good, and to the
                      cloud core, so write no names or numbers of persons
kefu-edge ledger export DIR [--json] the record as files (C2SP tlog-tiles) up to the newest checkpoint

VKEY is a verifier key or a file that holds one; default: keys/ledger.vkey and keys/cosigners.vkey of the
data folder, and for an export the key that was given to you apart from it.`

const OPTIONS = {
  from: { type: 'string' },
  key: { type: 'string' },
  cosigner: { type: 'string', multiple: true },
  against: { type: 'string', multiple: true },
  note: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  data: { type: 'string' },
  config: { type: 'string' },
} as const

interface Options {
  readonly from?: string | undefined
  readonly key?: string | undefined
  readonly cosigner?: string[] | undefined
  readonly against?: string[] | undefined
  readonly note?: string | undefined
  readonly json?: boolean | undefined
}

interface CommandEnv {
  readonly dataDir: string
  /** Runs an operation in the box; absent where only reading is asked for. */
  readonly operate?: (name: OperationName, args: Record<string, unknown>) => Promise<unknown>
}

export async function ledgerCommand(
  args: readonly string[],
  io: CommandIo,
  env: CommandEnv,
): Promise<ExitCode> {
  const parsed = readOptions(args, OPTIONS)
  if (!parsed) return usage(io, 2)
  const [verb, target] = parsed.positionals
  if (parsed.values.help) return usage(io, 0)
  if (verb === 'verify') return verify(parsed.values, io, env)
  if (verb === 'status') return withDatabase(env, (store) => status(store, parsed.values, io))
  if (verb === 'quarantined') {
    return withDatabase(env, (store) =>
      readConsistently(store, () => listQuarantined(store, parsed.values.json ?? false, io)),
    )
  }
  const { note, json = false } = parsed.values
  if (verb === 'handled' && target !== undefined && note !== undefined && env.operate) {
    return settleQuarantined(parsed.positionals.slice(1), note, json, io, env.operate)
  }
  if (verb === 'export' && target !== undefined) {
    return withDatabase(env, (store) => exportTo(store, target, parsed.values, io, env))
  }
  if (verb === 'prove' && /^[0-9]{1,15}$/.test(target ?? '')) {
    return withDatabase(env, (store) =>
      readConsistently(store, () => proveEntry(store, Number(target), io)),
    )
  }
  if (verb === 'check-proof' && target !== undefined) {
    const key = readKey(parsed.values.key ?? keyFilesOf(join(env.dataDir, 'keys')).verifierKey)
    return key ? checkProof(target, key, io, parsed.values.json ?? false) : usage(io, 2)
  }
  return usage(io, 2)
}

function verify(options: Options, io: CommandIo, env: CommandEnv): Promise<ExitCode> {
  const from = options.from
  if (from === undefined) {
    return withDatabase(env, (store) =>
      readConsistently(store, () => {
        const head = headToExpect(store, ledgerMemory(join(env.dataDir, 'keys')).readHead())
        const known = head ? [knownHead(head.size, head.root, 'keys/ledger.head')] : []
        return check(databaseEvidence(store), options, io, known, env)
      }),
    )
  }
  const evidence = exportEvidence(from)
  if (options.key === undefined) {
    io.stderr.write(
      'warning: no --key given, so the key inside the export is believed; it proves only that the export fits itself\n',
    )
  }
  const key = options.key ?? evidence.verifierKey
  return Promise.resolve(check(evidence, { ...options, key }, io, []))
}

function check(
  evidence: Evidence,
  options: Options,
  io: CommandIo,
  known: readonly KnownHead[],
  env?: CommandEnv,
): ExitCode {
  const files = env && keyFilesOf(join(env.dataDir, 'keys'))
  const logKey = options.key === undefined ? env && boxKey(env, evidence) : readKey(options.key)
  if (!logKey) {
    io.stderr.write(`the verifier key cannot be read: ${options.key ?? files?.verifierKey}\n`)
    return 2
  }
  const given =
    options.cosigner ?? (files && existsSync(files.cosignerKeys) ? [files.cosignerKeys] : [])
  const cosigners = given.flatMap(readKeys)
  const against = (options.against ?? []).map(readHead)
  const unreadable = against.indexOf(undefined)
  if (unreadable >= 0) {
    io.stderr.write(`not a checkpoint: ${options.against?.[unreadable]}\n`)
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
      if (!io.isTty || options.json || percent === shown) return
      shown = percent
      io.stderr.write(`\r${percent} %`)
    },
  })
  if (shown > 0) io.stderr.write('\r      \r')
  io.stdout.write(options.json ? `${JSON.stringify(report)}\n` : describe(report))
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
  ]
  if (report.findingCount > report.findings.length) {
    lines.push(`  … ${report.findingCount} findings in all`)
  }
  return `${lines.join('\n')}\n`
}

function describeKeys({ live, destroyed, isOpened }: KeysReport): string {
  const opened = isOpened ? 'opened' : 'not opened: keys/master.key cannot be read here'
  return `${live} data keys (${opened}), ${destroyed} destroyed`
}

function status(store: Store, options: Options, io: CommandIo): ExitCode {
  return readConsistently(store, () => {
    const evidence = databaseEvidence(store)
    const lanes = balanceFromDatabase(store)
    const newest = store
      .prepare<{ size: number; at: number }>(
        'SELECT size, at_ms AS at FROM ledger_checkpoint ORDER BY size DESC LIMIT 1',
      )
      .get()
    const isBalanced = unbalanced(lanes).length === 0
    if (options.json) {
      const { gatewayId, size, epochs } = evidence
      const epoch = epochs.at(-1)?.id
      io.stdout.write(
        `${JSON.stringify({ gatewayId, size, epoch, isBalanced, checkpoint: newest, lanes })}\n`,
      )
      return isBalanced ? 0 : 1
    }
    const head = newest
      ? `newest checkpoint: ${newest.size} entries, ${new Date(newest.at).toISOString()}`
      : 'no checkpoint yet'
    io.stdout.write(`ledger of ${evidence.gatewayId ?? '?'}: ${evidence.size} entries, ${head}\n`)
    for (const lane of lanes) {
      const { accepted, delivered, pending, expired, quarantined } = lane
      io.stdout.write(
        `${lane.lane.padEnd(10)} accepted ${accepted} = delivered ${delivered} + pending ${pending} + expired ${expired} + quarantined ${quarantined}\n`,
      )
    }
    return isBalanced ? 0 : 1
  })
}

function exportTo(
  store: Store,
  dir: string,
  options: Options,
  io: CommandIo,
  env: CommandEnv,
): ExitCode {
  const { entries, verifierKey } = readConsistently(store, () => {
    const evidence = databaseEvidence(store)
    const key = boxKey(env, evidence)
    const text = key ? encodeVerifierKey(key) : ''
    return { entries: writeExport(evidence, text, dir), verifierKey: text }
  })
  io.stdout.write(
    options.json
      ? `${JSON.stringify({ dir, entries, verifierKey })}\n`
      : `${entries} entries in ${dir}; check them with: kefu-edge ledger verify --from ${dir} --key '${verifierKey}'\n`,
  )
  return 0
}

async function withDatabase(env: CommandEnv, work: (store: Store) => ExitCode): Promise<ExitCode> {
  const path = join(env.dataDir, 'kefu.db')
  if (!existsSync(path)) throw new GatewayError('storage.no-box', { detail: env.dataDir })
  const store = openStore({ path, readonly: true })
  try {
    return work(store)
  } finally {
    await store.close()
  }
}

function readHead(file: string): KnownHead | undefined {
  const note = existsSync(file) ? parseNote(readFileSync(file, 'utf8')) : undefined
  const head = note && parseCheckpoint(note.text)
  return head && { size: head.size, root: head.root, source: file }
}

const knownHead = (size: number, root: string, source: string): KnownHead => ({
  size,
  root: Buffer.from(root, 'base64'),
  source,
})

/** The box's own key, under the name that its ledger was begun with. */
function boxKey(env: CommandEnv, evidence: Evidence): NoteKey | undefined {
  const key = readKey(keyFilesOf(join(env.dataDir, 'keys')).verifierKey)
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

const usage = (io: CommandIo, code: 0 | 2): ExitCode => sayUsage(USAGE, io, code)
