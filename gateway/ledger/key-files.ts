/**
 * The secrets of the box as files, `DATA/keys/`: apart from the database, so that a copy of the
 * database alone tells nobody anything. Folder 0700, files 0600; anything wider is refused.
 */
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '@kefu-edge/cloud-sync/write-durably'
import { GatewayError } from '../errors.ts'
import { hasText, OWNER_ONLY, readOrMakeSecret } from '../storage/secret-file.ts'
import { logKeyName } from './checkpoints.ts'
import type { LedgerHead } from './head.ts'
import {
  createKeyRing,
  type FillRandom,
  type KeyRing,
  MASTER_KEY_BYTES,
  signingKeyFromPem,
} from './key-ring.ts'
import type { LedgerMemory } from './ledger.ts'
import { encodeVerifierKey, noteSigner } from './tlog/note.ts'

export interface KeyFiles {
  /** 32 bytes in base64: wraps the data keys. */
  readonly masterKey: string
  /** Ed25519, PKCS #8 PEM: signs checkpoints. */
  readonly signingKey: string
  /** Public: what an auditor needs to check an export. */
  readonly verifierKey: string
  /** Tree head of the newest checkpoint: shows that the database was put back from an older copy. */
  readonly head: string
  /** Fingerprints of erased data keys, one a line. */
  readonly erased: string
  /** Public: verifier keys of cosigners, one a line; written at enrolment with the cloud core. */
  readonly cosignerKeys: string
}

export function keyFilesOf(keyDir: string): KeyFiles {
  return {
    masterKey: join(keyDir, 'master.key'),
    signingKey: join(keyDir, 'ledger-signing.pem'),
    verifierKey: join(keyDir, 'ledger.vkey'),
    head: join(keyDir, 'ledger.head'),
    erased: join(keyDir, 'erased.list'),
    cosignerKeys: join(keyDir, 'cosigners.vkey'),
  }
}

export interface KeyFileOptions {
  readonly gatewayId: string
  readonly random: FillRandom
  /** There is a record already: others than its own keys are of no use, and would pass for them. */
  readonly mustExist?: boolean
}

/**
 * The key ring in `keyDir`, made there on the first start. Throws `ledger.key-files` when a file cannot
 * be read, is not what it should be, may be read by others, or is not there though it must be.
 */
export function loadKeyFiles(keyDir: string, options: KeyFileOptions): KeyRing {
  const files = keyFilesOf(keyDir)
  try {
    for (const file of options.mustExist ? [files.masterKey, files.signingKey] : []) {
      if (!hasText(file))
        throw new GatewayError('ledger.key-files', { detail: `${file} is missing or empty` })
    }
    mkdirSync(keyDir, { recursive: true, mode: 0o700 })
    const masterKey = readOrMakeSecret(files.masterKey, () => {
      const key = Buffer.alloc(MASTER_KEY_BYTES)
      options.random(key)
      return key.toString('base64')
    })
    const pem = readOrMakeSecret(files.signingKey, () =>
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    )
    const signingKey = signingKeyFromPem(pem)
    const signer = noteSigner(logKeyName(options.gatewayId), signingKey, 'log')
    keepPublic(files.verifierKey, `${encodeVerifierKey(signer)}\n`)
    return createKeyRing({
      masterKey: Buffer.from(masterKey, 'base64'),
      signingKey,
      random: options.random,
    })
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new GatewayError('ledger.key-files', { cause, detail: `${keyDir}: ${why}` })
  }
}

/** What of the ledger outlives a restore of the database. */
export function ledgerMemory(keyDir: string): LedgerMemory {
  const files = keyFilesOf(keyDir)
  const readErased = (): string[] =>
    existsSync(files.erased)
      ? readFileSync(files.erased, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : []
  const writeErased = (fingerprints: readonly string[]): void =>
    writeDurably(files.erased, fingerprints.map((one) => `${one}\n`).join(''), OWNER_ONLY)
  return {
    readHead: () =>
      existsSync(files.head) ? parseHead(readFileSync(files.head, 'utf8')) : undefined,
    writeHead: (head) => writeDurably(files.head, `${JSON.stringify(head)}\n`, OWNER_ONLY),
    addErased: (fingerprints) => {
      const all = new Set([...readErased(), ...fingerprints])
      if (fingerprints.length > 0) writeErased([...all])
    },
    removeErased: (fingerprints) =>
      writeErased(readErased().filter((one) => !fingerprints.includes(one))),
    readErased: () => new Set(readErased()),
  }
}

function parseHead(text: string): LedgerHead {
  const { epoch, size, root } = JSON.parse(text) as Partial<LedgerHead>
  if (typeof epoch === 'string' && typeof size === 'number' && typeof root === 'string') {
    return { epoch, size, root }
  }
  throw new GatewayError('ledger.key-files', { detail: 'ledger.head is not a tree head' })
}

function keepPublic(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  writeDurably(path, text, 0o644)
}
