import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DeviceClientError } from './errors.ts'
import { isQueuedMessage, type QueuedMessage, type QueueStore } from './queue-store.ts'

/** Rewritten when this much of the log is history: small enough for a flash card, rare enough for its life. */
const COMPACT_ABOVE_BYTES = 256 * 1024
const CHECKSUM_CHARS = 16
const NEWLINE = 0x0a

type Change =
  | { readonly op: 'add'; readonly message: QueuedMessage }
  | { readonly op: 'remove'; readonly keys: readonly string[] }

/**
 * Keeps the queue in one append-only file: a line a change, with a checksum, synced to disk before
 * the promise resolves. A power cut or a full disk can leave half a last line: it was never promised
 * and is cut off, before anything is written behind it. A damaged line in the middle is left out and
 * the rest is used. Where there is no room to rewrite it, what it holds is used as it is. One process a file.
 */
export function fileQueueStore(path: string): QueueStore {
  return new FileQueueStore(path)
}

class FileQueueStore implements QueueStore {
  readonly #path: string
  readonly #live = new Map<string, QueuedMessage>()
  #file: FileHandle | undefined
  /** Length of what was promised. */
  #bytes = 0
  /** Behind that there may be lines, or half of one, that were refused. */
  #hasRefused = false
  #compactAtBytes = 0
  /** Changes on their way to disk together, and the promise of their sync. */
  #batch: { readonly changes: Change[]; readonly done: Promise<void> } | undefined
  #tail: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  async load(): Promise<readonly QueuedMessage[]> {
    try {
      await mkdir(dirname(this.#path), { recursive: true })
      const bytes = await readFile(this.#path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return Buffer.alloc(0)
        throw error
      })
      this.#live.clear()
      for (const line of bytes.toString('utf8').split('\n')) this.#apply(readLine(line))
      if (!(await this.#compact())) await this.#goOnBehind(bytes.lastIndexOf(NEWLINE) + 1)
      return [...this.#live.values()]
    } catch (error) {
      throw new DeviceClientError('client.storage', this.#path, error)
    }
  }

  /** The file as it was found, without half a last line. */
  async #goOnBehind(bytes: number): Promise<void> {
    this.#goOn(await open(this.#path, 'a', 0o600), bytes)
    this.#hasRefused = true
  }

  append(message: QueuedMessage): Promise<void> {
    return this.#write({ op: 'add', message })
  }

  remove(keys: readonly string[]): Promise<void> {
    return keys.length === 0 ? Promise.resolve() : this.#write({ op: 'remove', keys })
  }

  async close(): Promise<void> {
    await this.#tail
    await this.#file?.close()
    this.#file = undefined
  }

  #apply(change: Change | undefined): void {
    if (change?.op === 'add') this.#live.set(change.message.key, change.message)
    if (change?.op === 'remove') for (const key of change.keys) this.#live.delete(key)
  }

  /** All changes that arrive while one sync runs share the next one. */
  #write(change: Change): Promise<void> {
    if (this.#batch !== undefined) {
      this.#batch.changes.push(change)
      return this.#batch.done
    }
    const batch = { changes: [change], done: this.#tail.then(() => this.#flush()) }
    this.#batch = batch
    this.#tail = batch.done.catch(() => undefined)
    return batch.done
  }

  async #flush(): Promise<void> {
    const changes = this.#batch?.changes ?? []
    this.#batch = undefined
    try {
      if (this.#file === undefined) throw new Error('the queue is not open')
      await this.#appendLines(this.#file, changes.map(writeLine).join(''))
      // Only now: what was refused must not come back with a rewrite.
      for (const change of changes) this.#apply(change)
      if (this.#bytes > this.#compactAtBytes) await this.#compact()
    } catch (error) {
      throw new DeviceClientError('client.storage', this.#path, error)
    }
  }

  /** A crash before the cut leaves refused lines behind: the messages are sent though the caller was told no. */
  async #appendLines(file: FileHandle, lines: string): Promise<void> {
    const cutRefused = async () => {
      await file.truncate(this.#bytes)
      this.#hasRefused = false
    }
    if (this.#hasRefused) await cutRefused()
    this.#hasRefused = true
    try {
      await file.appendFile(lines)
      await file.datasync()
    } catch (error) {
      // A cut that fails too is tried again before the next line.
      await cutRefused().catch(() => undefined)
      throw error
    }
    this.#hasRefused = false
    this.#bytes += Buffer.byteLength(lines)
  }

  /**
   * Writes the living messages to a new file and puts it in the place of the old one. A crash before
   * the rename leaves the old file whole; after it, the new one. False: there is no room for it, and the
   * old file goes on; that it is long refuses no message.
   */
  async #compact(): Promise<boolean> {
    const temporary = `${this.#path}.new`
    const text = [...this.#live.values()].map((m) => writeLine({ op: 'add', message: m })).join('')
    let file: FileHandle | undefined
    try {
      // What an earlier try left behind would be in the way.
      await rm(temporary, { force: true })
      file = await open(temporary, 'ax', 0o600)
      await file.appendFile(text)
      await file.sync()
      await rename(temporary, this.#path)
    } catch {
      await file?.close().catch(() => undefined)
      await rm(temporary, { force: true }).catch(() => undefined)
      this.#compactAtBytes = this.#bytes + COMPACT_ABOVE_BYTES
      return false
    }
    await this.#file?.close()
    this.#goOn(file, Buffer.byteLength(text))
    await syncFolder(dirname(this.#path))
    return true
  }

  #goOn(file: FileHandle, bytes: number): void {
    this.#file = file
    this.#bytes = bytes
    this.#compactAtBytes = bytes + COMPACT_ABOVE_BYTES
  }
}

const checksum = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, CHECKSUM_CHARS)

function writeLine(change: Change): string {
  const text = JSON.stringify(change)
  return `${checksum(text)} ${text}\n`
}

function readLine(line: string): Change | undefined {
  const text = line.slice(CHECKSUM_CHARS + 1)
  if (text === '' || line.slice(0, CHECKSUM_CHARS) !== checksum(text)) return undefined
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) return undefined
  const { op, message, keys } = value as Record<string, unknown>
  if (op === 'add' && isQueuedMessage(message)) return { op, message }
  if (op === 'remove' && Array.isArray(keys)) return { op, keys: keys.map(String) }
  return undefined
}

/** A rename is durable once its folder is synced; Windows has no such call and needs none. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
