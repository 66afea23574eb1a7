/** The gateway's own key at the core: Ed25519, made once, kept in a file of mode 0600. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { writeDurably } from './write-durably.ts'

export interface Identity {
  readonly gatewayId: string
  readonly privateKey: KeyObject
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Buffer
}

/** Reads the key of this box, or makes it at the first start. Throws what the file system throws. */
export function loadIdentity(gatewayId: string, keyFile: string): Identity {
  if (!existsSync(keyFile)) writeKey(keyFile)
  const privateKey = createPrivateKey(readFileSync(keyFile))
  return { gatewayId, privateKey, publicKey: rawPublicKey(privateKey) }
}

function writeKey(keyFile: string): void {
  const { privateKey } = generateKeyPairSync('ed25519')
  writeDurably(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600)
}

/** DER prefix of an Ed25519 SubjectPublicKeyInfo (RFC 8410), before the 32 bytes of the key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

export function rawPublicKey(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI_PREFIX.length)
}

/** Undefined when these are not 32 bytes of a key. */
export function importPublicKey(raw: Uint8Array): KeyObject | undefined {
  if (raw.length !== 32) return undefined
  try {
    return createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, raw]),
      format: 'der',
      type: 'spki',
    })
  } catch {
    return undefined
  }
}
