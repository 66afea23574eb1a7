/** Passwords of staff: kept as Argon2id hashes, checked on another thread, a few at a time. */
import { GatewayError } from '../errors.ts'
import { normaliseSecret } from './scram.ts'

/** Loaded at the first password: many boxes have none. */
const argon2 = () => import('@node-rs/argon2')

/** OWASP's first choice for Argon2id (Password Storage Cheat Sheet, 2024): 19 MiB, 2 passes, 1 lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const
/**
 * A hash that no password has, with the same parameters: a name without a password costs as much time
 * as one with a wrong password.
 */
const NOBODYS_HASH = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
/** One core of a small box at most, and 19 MiB: whoever tries passwords slows only other passwords. */
const MAX_AT_ONCE = 1
/** Waiting checks: about a second of them; the next is told that the gateway is busy. */
const MAX_WAITING = 32
/** NIST SP 800-63B section 5.1.1: at least 8; a shared console deserves more. */
const MIN_CHARACTERS = 10
/** Nobody types more; longer ones would only cost time. */
const MAX_BYTES = 512

export interface Passwords {
  /** For keeping. Throws `device.password`. */
  hash(password: string): Promise<string>
  /** Without a hash it takes as long and is never right. Throws `limit.overloaded`. */
  verify(hash: string | undefined, password: string): Promise<boolean>
}

export function createPasswords(): Passwords {
  let running = 0
  const waiting: (() => void)[] = []

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= MAX_AT_ONCE) {
      if (waiting.length >= MAX_WAITING) {
        throw new GatewayError('limit.overloaded', { detail: 'too many logins at once' })
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running++
    try {
      return await work()
    } finally {
      // The place goes to the next in line, so that nobody slips in between.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }

  return {
    async hash(password) {
      const secret = normaliseSecret(password)
      if (secret.length < MIN_CHARACTERS || Buffer.byteLength(secret) > MAX_BYTES) {
        throw new GatewayError('device.password', {
          detail: `${MIN_CHARACTERS} characters to ${MAX_BYTES} bytes are expected`,
        })
      }
      return inTurn(async () => (await argon2()).hash(secret, PARAMETERS))
    },
    verify(kept, password) {
      const secret = normaliseSecret(password.slice(0, MAX_BYTES))
      return inTurn(async () => {
        const { verify } = await argon2()
        return (await verify(kept ?? NOBODYS_HASH, secret)) && kept !== undefined
      })
    },
  }
}
