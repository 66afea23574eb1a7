/** The secrets of the box as the ledger uses them; `key-files.ts` keeps them, tests make them up. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'

export const MASTER_KEY_BYTES = 32
export const DATA_KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Every wrapped key has this length: nonce, key, tag. */
export const WRAPPED_KEY_BYTES = NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES

export type FillRandom = (bytes: Uint8Array) => void

/** What the master key of the box does. */
export interface WrapKeys {
  /** Seals a data key under the master key. */
  wrap(dataKey: Uint8Array): Buffer
  /** Undefined when the wrapped key was made with another master key or changed. */
  unwrap(wrapped: Uint8Array): Buffer | undefined
  /** A keyed hash (16 bytes) by which a subject is found without his id standing in the file. */
  tag(text: string): Buffer
}

export interface KeyRing extends WrapKeys {
  /** Ed25519, signs checkpoints. */
  readonly signingKey: KeyObject
}

/**
 * A key ring over a 32-byte master key and an Ed25519 private key. Wrapping and tagging use keys
 * derived from the master key by HKDF-SHA256 (RFC 5869), so that neither serves two purposes.
 */
export function createKeyRing(secrets: {
  readonly masterKey: Uint8Array
  readonly signingKey: KeyObject
  readonly random: FillRandom
}): KeyRing {
  return { ...createWrapKeys(secrets.masterKey, secrets.random), signingKey: secrets.signingKey }
}

/** `random` makes nonces; who only opens needs none. */
export function createWrapKeys(masterKey: Uint8Array, random: FillRandom): WrapKeys {
  if (masterKey.length !== MASTER_KEY_BYTES) throw new RangeError('the master key has 32 bytes')
  const wrapKey = derive(masterKey, 'kefu-edge wrap v1')
  const tagKey = derive(masterKey, 'kefu-edge subject tag v1')
  return {
    wrap: (dataKey) => seal(wrapKey, dataKey, random),
    unwrap: (wrapped) => open(wrapKey, wrapped),
    tag: (text) => createHmac('sha256', tagKey).update(text).digest().subarray(0, 16),
  }
}

/** AES-256-GCM: nonce (12) ‖ ciphertext ‖ tag (16). */
export function seal(key: Uint8Array, plain: Uint8Array, random: FillRandom): Buffer {
  const sealed = Buffer.allocUnsafe(NONCE_BYTES + plain.length + TAG_BYTES)
  const nonce = sealed.subarray(0, NONCE_BYTES)
  random(nonce)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  sealed.set(cipher.update(plain), NONCE_BYTES)
  cipher.final()
  sealed.set(cipher.getAuthTag(), NONCE_BYTES + plain.length)
  return sealed
}

/** Undefined when key and ciphertext do not belong together. */
export function open(key: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  const end = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, end))
  try {
    decipher.final()
    return plain
  } catch {
    return undefined
  }
}

/** Random bytes in blocks: one call to the generator serves 300 nonces. */
export function pooledRandom(fill: FillRandom): FillRandom {
  const pool = Buffer.alloc(4096)
  let used = pool.length
  return (bytes) => {
    if (bytes.length > pool.length) return fill(bytes)
    if (used + bytes.length > pool.length) {
      fill(pool)
      used = 0
    }
    bytes.set(pool.subarray(used, used + bytes.length))
    // What was handed out may become a key: it must not stay behind in the pool.
    pool.fill(0, used, used + bytes.length)
    used += bytes.length
  }
}

/** Reads an Ed25519 private key in PKCS #8 PEM. Throws a TypeError for any other kind of key. */
export function signingKeyFromPem(pem: string): KeyObject {
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('the signing key is not Ed25519')
  return key
}

function derive(masterKey: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, '', purpose, 32))
}
