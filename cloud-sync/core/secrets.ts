/** Tokens and keys of the core, made at the first start, in files of mode 0600. */
import { createPublicKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CloudError } from '../errors.ts'
import { loadIdentity } from '../identity.ts'
import type { Logger } from '../ports.ts'
import { COSIGNATURE_V1, formatVerifierKey } from '../protocol/signed-note.ts'
import { writeDurably } from '../write-durably.ts'

/** What does not work until gateways know the new key. */
const LOST_WITHOUT = {
  publisher: 'take no release that is signed with the new one',
  cosigner: 'do not count what it cosigns',
} as const

/** An empty one would let in whoever sends none. */
const MIN_TOKEN_CHARS = 16

/** Reads the token, or makes it at the first start. Throws `core.token` where it is too short. */
export function loadToken(file: string): string {
  if (!existsSync(file)) writeDurably(file, `${randomBytes(24).toString('base64url')}\n`, 0o600)
  const token = readFileSync(file, 'utf8').trim()
  if (token.length < MIN_TOKEN_CHARS) throw new CloudError('core.token', { detail: file })
  return token
}

/** Keys that sign releases and tree heads. Warns where one is made beside a database: gateways have pinned another. */
export function loadKeys(dataDir: string, cosignerName: string, logger: Logger) {
  const isFirstStart = !existsSync(join(dataDir, 'core.db'))
  const load = (name: 'publisher' | 'cosigner') => {
    const file = join(dataDir, `${name}.key`)
    if (!isFirstStart && !existsSync(file)) {
      logger.warn(
        { file },
        `the ${name} key was missing beside the database, and a new one is made: gateways have pinned the old one and ${LOST_WITHOUT[name]}. Put ${name}.key back from a backup of the core and start it anew; without one remove keys/core.json (and the line of the old key in keys/cosigners.vkey) of each gateway`,
      )
    }
    return loadIdentity(name, file)
  }
  const publisher = load('publisher')
  const cosigner = load('cosigner')
  const said = {
    publisherKey: publisher.publicKey.toString('base64'),
    cosignerKey: formatVerifierKey(
      cosignerName,
      COSIGNATURE_V1,
      createPublicKey(cosigner.privateKey),
    ),
  }
  return { publisher, cosigner, said }
}

/** Takes the same time wherever the tokens differ. */
export function isSameToken(given: string, expected: string): boolean {
  const left = Buffer.from(given)
  const right = Buffer.from(expected)
  return left.length === right.length && timingSafeEqual(left, right)
}
