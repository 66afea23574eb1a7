/** Tokens and keys of the core, made at the first start, in files of mode 0600. */
import { createPublicKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CloudError } from '../errors.ts'
import { type Identity, loadIdentity } from '../identity.ts'
import type { Logger } from '../ports.ts'
import { COSIGNATURE_V1, formatVerifierKey } from '../protocol/signed-note.ts'
import { writeDurably } from '../write-durably.ts'

/** What does not work until gateways know the new key, and how they get to know it. */
const LOST_WITHOUT = {
  publisher: {
    what: 'take no release that is signed with the new one',
    next: 'without one remove keys/core.json of each gateway and start it',
  },
  cosigner: {
    what: 'do not count what it cosigns',
    next: 'without one put the new key, which the page of the core shows too, into cloud.cosigners of each gateway, and start it',
  },
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
  const load = (name: keyof typeof LOST_WITHOUT, toText: (key: Identity) => string) => {
    const file = join(dataDir, `${name}.key`)
    const isLost = !isFirstStart && !existsSync(file)
    const key = loadIdentity(name, file)
    const text = toText(key)
    if (isLost) {
      const { what, next } = LOST_WITHOUT[name]
      logger.warn(
        { file, newKey: text },
        `the ${name} key was missing beside the database, and a new one is made: gateways have pinned the old one and ${what}. Put ${name}.key back from a backup of the core and start it anew; ${next}`,
      )
    }
    return { key, text }
  }
  const publisher = load('publisher', ({ publicKey }) => publicKey.toString('base64'))
  const cosigner = load('cosigner', ({ privateKey }) =>
    formatVerifierKey(cosignerName, COSIGNATURE_V1, createPublicKey(privateKey)),
  )
  const said = { publisherKey: publisher.text, cosignerKey: cosigner.text }
  return { publisher: publisher.key, cosigner: cosigner.key, said }
}

/** Takes the same time wherever the tokens differ. */
export function isSameToken(given: string, expected: string): boolean {
  const left = Buffer.from(given)
  const right = Buffer.from(expected)
  return left.length === right.length && timingSafeEqual(left, right)
}
