/**
 * Small files that a box makes once, each one line of text: its secrets and its name. They are written so
 * that a power cut leaves all of one or none, and one without text is taken for one that is not there: an
 * empty secret would let in whoever sends none.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { writeDurably } from '@kefu-edge/cloud-sync/write-durably'

export const OWNER_ONLY = 0o600
const OTHERS = 0o077

export const hasText = (path: string): boolean =>
  existsSync(path) && readFileSync(path, 'utf8').trim() !== ''

/** The text in `path`, trimmed; made there (mode 0600) when there is none. Throws what the file system throws. */
export function readOrMakeText(path: string, make: () => string): string {
  if (!hasText(path)) writeDurably(path, `${make().trim()}\n`, OWNER_ONLY)
  return readFileSync(path, 'utf8').trim()
}

/** As {@link readOrMakeText}; throws an Error that says what to do where others may read the file. */
export function readOrMakeSecret(path: string, make: () => string): string {
  const text = readOrMakeText(path, make)
  // Windows has no such bits; there the folder's own rights must do.
  if (process.platform !== 'win32' && (statSync(path).mode & OTHERS) !== 0) {
    throw new Error(`${path} can be read by others (chmod 600)`)
  }
  return text
}
