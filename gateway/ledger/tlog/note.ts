/**
 * C2SP signed-note, tlog-checkpoint and tlog-cosignature: text signed with Ed25519, the tree head as
 * such a text, and a witness's timestamped signature over it. Pure but for node:crypto.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { HASH_BYTES } from './merkle.ts'

const ED25519 = 0x01
const COSIGNATURE_V1 = 0x04
const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const KEY_ID_BYTES = 4
/** A note longer than this is not ours: a checkpoint with 16 cosignatures is under 4 kB. */
export const NOTE_MAX_BYTES = 65_536

export interface NoteKey {
  /** No spaces, no plus: a schema-less URL by convention. */
  readonly name: string
  readonly type: typeof ED25519 | typeof COSIGNATURE_V1
  readonly publicKey: KeyObject
}

export interface NoteSigner extends NoteKey {
  readonly privateKey: KeyObject
}

export interface SignatureLine {
  readonly name: string
  readonly keyId: Buffer
  readonly signature: Buffer
}

export interface Note {
  /** Ends in a newline. */
  readonly text: string
  readonly signatures: readonly SignatureLine[]
}

export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  /** When it was made, milliseconds since 1970: an extension line, `time MS`. */
  readonly atMs?: number
}

/** A key that signs notes (`log`) or cosigns checkpoints (`cosigner`). */
export function noteSigner(
  name: string,
  privateKey: KeyObject,
  role: 'log' | 'cosigner',
): NoteSigner {
  if (!/^[^\s+]+$/u.test(name)) throw new TypeError(`"${name}" cannot name a key`)
  const type = role === 'log' ? ED25519 : COSIGNATURE_V1
  return { name, type, privateKey, publicKey: createPublicKey(privateKey) }
}

/** The verifier key as text: `<name>+<key id>+<base64 of type and key>`. */
export function encodeVerifierKey(key: NoteKey): string {
  const material = Buffer.concat([Buffer.of(key.type), rawPublicKey(key.publicKey)])
  return `${key.name}+${keyId(key).toString('hex')}+${material.toString('base64')}`
}

/** Reads a verifier key; undefined when it is not one of the two Ed25519 kinds or its id is wrong. */
export function decodeVerifierKey(text: string): NoteKey | undefined {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(text.trim())
  const [, name, id, encoded] = match ?? []
  if (name === undefined || encoded === undefined) return undefined
  const material = Buffer.from(encoded, 'base64')
  const type = material[0]
  if (material.length !== 1 + PUBLIC_KEY_BYTES) return undefined
  if (type !== ED25519 && type !== COSIGNATURE_V1) return undefined
  const key: NoteKey = { name, type, publicKey: publicKeyFromRaw(material.subarray(1)) }
  return keyId(key).toString('hex') === id ? key : undefined
}

/** Splits a note into text and signatures; undefined when it is not a note. */
export function parseNote(note: string): Note | undefined {
  if (note.length > NOTE_MAX_BYTES || hasControlCharacters(note)) return undefined
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) return undefined
  const signatures: SignatureLine[] = []
  for (const line of note.slice(split + 2, -1).split('\n')) {
    const match = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line)
    const [, name, encoded] = match ?? []
    if (name === undefined || encoded === undefined) return undefined
    const bytes = Buffer.from(encoded, 'base64')
    // The last character of base64 may have bits that nothing reads.
    if (bytes.length <= KEY_ID_BYTES || bytes.toString('base64') !== encoded) return undefined
    signatures.push({
      name,
      keyId: bytes.subarray(0, KEY_ID_BYTES),
      signature: bytes.subarray(KEY_ID_BYTES),
    })
  }
  return { text: note.slice(0, split + 1), signatures }
}

/** `text` (ending in a newline) signed by the log's key. */
export function signNote(text: string, signer: NoteSigner): string {
  return `${text}\n${signatureLine(signer, sign(null, Buffer.from(text), signer.privateKey))}`
}

/**
 * A cosignature line for the checkpoint of `note`: the statement that, at `atSeconds`, this was the
 * largest consistent tree head the cosigner had seen. Whoever calls has checked the consistency proof.
 */
export function cosign(note: Note, signer: NoteSigner, atSeconds: number): string {
  const stamp = Buffer.alloc(8)
  stamp.writeBigUInt64BE(BigInt(atSeconds))
  const signature = sign(null, cosignedMessage(note.text, atSeconds), signer.privateKey)
  return signatureLine(signer, Buffer.concat([stamp, signature]))
}

export type SignatureCheck =
  | { readonly kind: 'good'; readonly atSeconds?: number }
  /** No line of this name and key id: says nothing about the note. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'bad' }

/** Checks every line that claims to be by `key`; one bad line spoils the note (signed-note). */
export function checkSignature(note: Note, key: NoteKey): SignatureCheck {
  const id = keyId(key)
  let result: SignatureCheck = { kind: 'absent' }
  for (const line of note.signatures) {
    if (line.name !== key.name || !line.keyId.equals(id)) continue
    if (key.type === ED25519) {
      if (!verifyEd25519(Buffer.from(note.text), key.publicKey, line.signature))
        return { kind: 'bad' }
      result = { kind: 'good' }
    } else {
      if (line.signature.length !== 8 + SIGNATURE_BYTES) return { kind: 'bad' }
      const atSeconds = Number(line.signature.readBigUInt64BE(0))
      const message = cosignedMessage(note.text, atSeconds)
      if (!verifyEd25519(message, key.publicKey, line.signature.subarray(8))) return { kind: 'bad' }
      result = { kind: 'good', atSeconds }
    }
  }
  return result
}

export function formatCheckpoint(checkpoint: Checkpoint): string {
  const root = Buffer.from(checkpoint.root).toString('base64')
  const time = checkpoint.atMs === undefined ? '' : `time ${checkpoint.atMs}\n`
  return `${checkpoint.origin}\n${checkpoint.size}\n${root}\n${time}`
}

/** Reads the text of a checkpoint note; undefined when the lines are not a tree head. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  // The text of a note ends in a newline, behind which there is no line.
  const [origin, size, root, ...extensions] = text.slice(0, -1).split('\n')
  if (!origin || size === undefined || root === undefined || extensions.includes('')) {
    return undefined
  }
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || !/^[A-Za-z0-9+/]{43}=$/.test(root)) return undefined
  const bytes = Buffer.from(root, 'base64')
  const isHash = bytes.length === HASH_BYTES && bytes.toString('base64') === root
  if (!isHash || !Number.isSafeInteger(Number(size))) return undefined
  const time = extensions.flatMap((line) => /^time (-?[0-9]{1,16})$/.exec(line)?.[1] ?? [])[0]
  const atMs = time === undefined ? {} : { atMs: Number(time) }
  return { origin, size: Number(size), root: bytes, ...atMs }
}

function signatureLine(signer: NoteSigner, signature: Buffer): string {
  return `— ${signer.name} ${Buffer.concat([keyId(signer), signature]).toString('base64')}\n`
}

/** SHA-256(name ‖ 0x0A ‖ type ‖ public key), first four bytes. */
function keyId(key: NoteKey): Buffer {
  return createHash('sha256')
    .update(`${key.name}\n`)
    .update(Uint8Array.of(key.type))
    .update(rawPublicKey(key.publicKey))
    .digest()
    .subarray(0, KEY_ID_BYTES)
}

function cosignedMessage(text: string, atSeconds: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${atSeconds}\n${text}`)
}

function verifyEd25519(message: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  return signature.length === SIGNATURE_BYTES && verify(null, message, key, signature)
}

function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
}

function publicKeyFromRaw(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

function hasControlCharacters(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 && code !== 0x0a) return true
  }
  return false
}
