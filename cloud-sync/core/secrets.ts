/** Tokens and keys of the core, made at the first start, in files of mode 0600. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { CloudError } from '../errors.ts'
import { writeDurably } from '../write-durably.ts'

/** An empty one would let in whoever sends none. */
const MIN_TOKEN_CHARS = 16

/** Reads the token, or makes it at the first start. Throws `core.token` where it is too short. */
export function loadToken(file: string): string {
  if (!existsSync(file)) writeDurably(file, `${randomBytes(24).toString('base64url')}\n`, 0o600)
  const token = readFileSync(file, 'utf8').trim()
  if (token.length < MIN_TOKEN_CHARS) throw new CloudError('core.token', { detail: file })
  return token
}

/** Takes the same time wherever the tokens differ. */
export function isSameToken(given: string, expected: string): boolean {
  const left = Buffer.from(given)
  const right = Buffer.from(expected)
  return left.length === right.length && timingSafeEqual(left, right)
}
