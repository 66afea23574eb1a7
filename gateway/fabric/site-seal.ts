/**
 * What keeps a site's own from everybody else who can reach its Redis: AES-256-GCM with a key that only
 * the boxes of the site have. Redis sees neither words nor ids of people nor topics.
 *
 * Each run of a box seals under a key of its own, derived from the site key with a random salt (HKDF,
 * RFC 5869), and counts its nonces, so that no nonce comes twice under one key (NIST SP 800-38D, 8.2.1).
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes as systemRandomBytes,
} from 'node:crypto'

export const SITE_KEY_BYTES = 32
const SALT_BYTES = 16
const COUNTER_BYTES = 8
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = SALT_BYTES + COUNTER_BYTES
const INFO = 'kefu-edge site v1'
const NAME_CHARACTERS = 32
/** Keys of other boxes' runs that are remembered: a few boxes, and values of their earlier runs. */
const REMEMBERED_KEYS = 256

export interface SiteSeal {
  /** `place` is what the bytes are for: under another name they do not open. */
  seal(bytes: Uint8Array, place: string): Buffer
  /** Undefined: sealed with another key, for another place, or changed on the way. */
  open(sealed: Buffer, place: string): Buffer | undefined
  /** A name that tells nothing of `text` and is the same on every box. */
  nameOf(text: string): string
}

export function createSiteSeal(siteKey: Buffer, randomBytes = systemRandomBytes): SiteSeal {
  const ownSalt = randomBytes(SALT_BYTES)
  const ownKey = derive(siteKey, ownSalt)
  const nameKey = Buffer.from(hkdfSync('sha256', siteKey, '', `${INFO} names`, SITE_KEY_BYTES))
  const keys = new Map<string, Buffer>()
  let counter = 0n

  function keyOf(salt: Buffer): Buffer {
    const name = salt.toString('latin1')
    const known = keys.get(name)
    if (known) return known
    const key = derive(siteKey, salt)
    if (keys.size >= REMEMBERED_KEYS) keys.clear()
    keys.set(name, key)
    return key
  }

  return {
    seal(bytes, place) {
      const head = Buffer.alloc(HEAD_BYTES)
      ownSalt.copy(head)
      head.writeBigUInt64BE(counter++, SALT_BYTES)
      const cipher = createCipheriv('aes-256-gcm', ownKey, nonceOf(head))
      cipher.setAAD(Buffer.from(place))
      const body = cipher.update(bytes)
      return Buffer.concat([head, body, cipher.final(), cipher.getAuthTag()])
    },
    open(sealed, place) {
      if (sealed.length < HEAD_BYTES + TAG_BYTES) return undefined
      const head = sealed.subarray(0, HEAD_BYTES)
      const key = keyOf(head.subarray(0, SALT_BYTES))
      const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(head))
      decipher.setAAD(Buffer.from(place))
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
      try {
        const body = decipher.update(sealed.subarray(HEAD_BYTES, -TAG_BYTES))
        return Buffer.concat([body, decipher.final()])
      } catch {
        return undefined
      }
    },
    nameOf: (text) =>
      createHmac('sha256', nameKey).update(text).digest('hex').slice(0, NAME_CHARACTERS),
  }
}

const derive = (siteKey: Buffer, salt: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', siteKey, salt, INFO, SITE_KEY_BYTES))

function nonceOf(head: Buffer): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES)
  head.copy(nonce, NONCE_BYTES - COUNTER_BYTES, SALT_BYTES)
  return nonce
}
