/** What the system says of files of the data folder that cannot be opened, in the words of an operator. */
import { GatewayError } from '../errors.ts'

/** Codes of SQLite and of the system for a disk that takes no more, or is broken. */
const OF_THE_DISK = /^(SQLITE_(FULL|IOERR)|ENOSPC$|EDQUOT$|EIO$|EROFS$)/

/** `storage.write-failed` where the disk took nothing, else `storage.open-failed`; both say what the system said. */
export function storageError(path: string, cause: unknown): GatewayError {
  const { code = '', message = String(cause) } = cause as NodeJS.ErrnoException
  const name = OF_THE_DISK.test(code) ? 'storage.write-failed' : 'storage.open-failed'
  return new GatewayError(name, { detail: `${path}: ${message}`, cause })
}
