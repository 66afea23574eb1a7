/** The key file of a site: the same on each of its boxes, readable by its owner only. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { GatewayError } from '../errors.ts'
import { readOrMakeSecret } from '../storage/secret-file.ts'
import { SITE_KEY_BYTES } from './site-seal.ts'

/**
 * The key in `file`, 32 bytes in base64; made there when there is none (the first box of a site; it is
 * copied to the others). Throws `config.unreadable` when it cannot be read, is not a key, or others may read it.
 */
export function loadSiteKey(file: string): { readonly key: Buffer; readonly isNew: boolean } {
  try {
    const isNew = !existsSync(file)
    if (isNew) mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const text = readOrMakeSecret(file, () => {
      // A copy from another box that went wrong: a key of its own would part this box from the site.
      if (!isNew) throw new Error('it is empty')
      return randomBytes(SITE_KEY_BYTES).toString('base64')
    })
    const key = Buffer.from(text, 'base64')
    if (key.length !== SITE_KEY_BYTES) throw new Error('32 bytes in base64 are expected')
    return { key, isNew }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new GatewayError('config.unreadable', { detail: `site.keyFile ${file}: ${why}`, cause })
  }
}
