/**
 * Signed notes (C2SP signed-note) with Ed25519 keys, and cosignatures of checkpoints
 * (C2SP tlog-cosignature, cosignature/v1). Sources: https://c2sp.org/signed-note, https://c2sp.org/tlog-cosignature
 *
 * The gateway has its own reading of the same pages (`ledger/tlog/note.ts`): one mistake would blind both the
 * box and who watches it.
 */
import { createHash, type KeyObject, sign, verify } from 'node:crypto'
import { importPublicKey, rawPublicKey } from '../identity.ts'

/** Signature types of the key id and of the vkey. */
export const ED25519 = 0x01
export const COSIGNATURE_V1 = 0x04
type KeyType = typeof ED25519 | typeof COSIGNATURE_V1

const KEY_ID_BYTES = 4
const TIME_BYTES = 8
const SIGNATURE_BYTES = 64

export interface NoteVerifier {
  readonly name: string
  readonly type: KeyType
  readonly keyId: Buffer
  readonly publicKey: KeyObject
}

export interface Note {
  /** With its last newline: what is signed. */
  readonly text: string
  readonly signatures: readonly { readonly name: string; readonly bytes: Buffer }[]
}

/** `name+hash+key`: how a verifier is written down and pinned. */
export function formatVerifierKey(name: string, type: KeyType, key: KeyObject): string {
  const raw = rawPublicKey(key)
  const encoded = Buffer.concat([Buffer.from([type]), raw]).toString('base64')
  return `${name}+${keyIdOf(name, type, raw).toString('hex')}+${encoded}`
}

/** Undefined when the text is not a vkey of a type known here, or its hash is wrong. */
export function parseVerifierKey(text: string): NoteVerifier | undefined {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text)
  const [, name, hash, encoded] = match ?? []
  if (!name || !hash || !encoded) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  const type = bytes[0]
  const raw = bytes.subarray(1)
  const publicKey = importPublicKey(raw)
  if ((type !== ED25519 && type !== COSIGNATURE_V1) || !publicKey) return undefined
  const keyId = keyIdOf(name, type, raw)
  return keyId.toString('hex') === hash ? { name, type, keyId, publicKey } : undefined
}

/** Undefined when the text is not a signed note. How long it may be is for whoever reads it to say. */
export function parseNote(note: string): Note | undefined {
  if (hasControlCharacters(note)) return undefined
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) return undefined
  const lines = note.slice(split + 2, -1).split('\n')
  const signatures = []
  for (const line of lines) {
    const [, name, encoded] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? []
    if (!name || !encoded) return undefined
    const bytes = Buffer.from(encoded, 'base64')
    // One signature has one text: bits of the last character that nothing reads are none.
    if (bytes.length <= KEY_ID_BYTES || bytes.toString('base64') !== encoded) return undefined
    signatures.push({ name, bytes })
  }
  return { text: note.slice(0, split + 1), signatures }
}

/** Below U+0020, but for the newline. */
const hasControlCharacters = (text: string): boolean =>
  Array.from(text).some((character) => character < ' ' && character !== '\n')

/**
 * True when the verifier's own signature stands under the note and is right. A wrong one beside it spoils
 * the note; lines of other keys say nothing.
 */
export function isSignedBy(note: Note, verifier: NoteVerifier): boolean {
  const own = note.signatures.filter(
    ({ name, bytes }) =>
      name === verifier.name && bytes.subarray(0, KEY_ID_BYTES).equals(verifier.keyId),
  )
  return own.length > 0 && own.every(({ bytes }) => isRight(note.text, bytes, verifier))
}

function isRight(text: string, bytes: Buffer, { type, publicKey }: NoteVerifier): boolean {
  const stated = bytes.subarray(KEY_ID_BYTES)
  if (type === ED25519) return isSignature(Buffer.from(text), stated, publicKey)
  if (stated.length !== TIME_BYTES + SIGNATURE_BYTES) return false
  const message = cosigned(text, stated.readBigUInt64BE(0))
  return isSignature(message, stated.subarray(TIME_BYTES), publicKey)
}

const isSignature = (message: Buffer, signature: Buffer, key: KeyObject): boolean =>
  signature.length === SIGNATURE_BYTES && verify(null, message, key, signature)

/** One signature line, with its newline, of type Ed25519. */
export function signNote(text: string, name: string, privateKey: KeyObject): string {
  const keyId = keyIdOf(name, ED25519, rawPublicKey(privateKey))
  return formatLine(name, keyId, sign(null, Buffer.from(text), privateKey))
}

/** One cosignature line, with its newline, over the text of a checkpoint. */
export function cosign(text: string, name: string, privateKey: KeyObject, atMs: number): string {
  const seconds = BigInt(Math.floor(atMs / 1000))
  const time = Buffer.alloc(TIME_BYTES)
  time.writeBigUInt64BE(seconds)
  const keyId = keyIdOf(name, COSIGNATURE_V1, rawPublicKey(privateKey))
  const signature = sign(null, cosigned(text, seconds), privateKey)
  return formatLine(name, keyId, Buffer.concat([time, signature]))
}

function cosigned(text: string, seconds: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
}

function formatLine(name: string, keyId: Buffer, signature: Buffer): string {
  return `— ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
}

function keyIdOf(name: string, type: KeyType, raw: Buffer): Buffer {
  const hash = createHash('sha256')
  hash.update(name).update('\n')
  hash.update(Buffer.from([type])).update(raw)
  return hash.digest().subarray(0, KEY_ID_BYTES)
}
