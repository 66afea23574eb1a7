/** Whose cosignatures count: the cloud core, pinned at enrolment, and witnesses that the operator names. */
import { existsSync, readFileSync } from 'node:fs'
import { writeDurably } from '@kefu-edge/cloud-sync/write-durably'
import { GatewayError } from '../errors.ts'
import { keyFilesOf } from './key-files.ts'
import { decodeVerifierKey, type NoteKey } from './tlog/note.ts'

const READABLE_BY_ALL = 0o644

/**
 * Adds verifier keys to `keys/cosigners.vkey`, where `ledger verify` looks too; those there stay until
 * an operator removes their lines. Throws `config.invalid` for what is not an Ed25519 verifier key.
 */
export function addCosigners(keyDir: string, keys: readonly string[]): void {
  const wrong = keys.find((key) => decodeVerifierKey(key) === undefined)
  if (wrong !== undefined) {
    throw new GatewayError('config.invalid', { detail: `not a cosigner's verifier key: ${wrong}` })
  }
  const file = keyFilesOf(keyDir).cosignerKeys
  const known = linesOf(file)
  const added = keys.map((key) => key.trim()).filter((key) => !known.includes(key))
  if (added.length === 0) return
  writeDurably(file, [...known, ...added].map((line) => `${line}\n`).join(''), READABLE_BY_ALL)
}

/** Reads the file each time, once a minute at most: the core's key is added while the box runs. */
export const cosignersOf = (keyDir: string) => (): readonly NoteKey[] =>
  linesOf(keyFilesOf(keyDir).cosignerKeys).flatMap((line) => decodeVerifierKey(line) ?? [])

const linesOf = (file: string): readonly string[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : []
