/**
 * SCRAM-SHA-256 keys of devices and staff (RFC 5802 section 3, RFC 7677): what the gateway keeps so
 * that a secret never travels. The exchange itself is the MQTT channel's.
 */
import { createHash, createHmac, pbkdf2, pbkdf2Sync, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

/** RFC 7677 section 4: at least 4096. A token is random, so that more rounds would protect nothing. */
export const TOKEN_ITERATIONS = 4096
/** A person's password can be guessed: OWASP's figure for PBKDF2-HMAC-SHA256 (2023). */
export const PASSWORD_ITERATIONS = 600_000
export const SALT_BYTES = 16
export const KEY_BYTES = 32

export interface ScramKeys {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** Both sides must see the same bytes for the same characters: the essence of SASLprep (RFC 4013). */
export const normaliseSecret = (secret: string): string => secret.normalize('NFKC')

const hmac = (key: Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()

function keysOf(salted: Buffer, salt: Buffer, iterations: number): ScramKeys {
  return {
    salt,
    iterations,
    storedKey: createHash('sha256').update(hmac(salted, 'Client Key')).digest(),
    serverKey: hmac(salted, 'Server Key'),
  }
}

/** Keys of a random token; takes about 2 ms, so that it may be made inside a transaction. */
export function scramKeysOfToken(
  token: string,
  salt: Buffer = randomBytes(SALT_BYTES),
  iterations: number = TOKEN_ITERATIONS,
): ScramKeys {
  return keysOf(pbkdf2Sync(token, salt, iterations, KEY_BYTES, 'sha256'), salt, iterations)
}

const pbkdf2Async = promisify(pbkdf2)

/** Keys of a person's password; some tenths of a second on another thread. */
export async function scramKeysOfPassword(password: string): Promise<ScramKeys> {
  const salt = randomBytes(SALT_BYTES)
  const secret = normaliseSecret(password)
  const salted = await pbkdf2Async(secret, salt, PASSWORD_ITERATIONS, KEY_BYTES, 'sha256')
  return keysOf(salted, salt, PASSWORD_ITERATIONS)
}
