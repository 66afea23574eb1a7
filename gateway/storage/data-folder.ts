/** The data folder of a box: made with tight permissions, held by one gateway at a time. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type FolderLock, LOCK, lockFolder } from '@kefu-edge/cloud-sync/folder-lock'
import { makeFolder } from '@kefu-edge/cloud-sync/make-folder'
import { writeDurably } from '@kefu-edge/cloud-sync/write-durably'
import { GatewayError } from '../errors.ts'
import { readOrMakeText } from './secret-file.ts'
import { storageError } from './storage-error.ts'

/** File of the box's name, made at its first start. */
export const GATEWAY_ID = 'gateway.id'

/** Where `npm run cloud` keeps a core, unless told otherwise: inside the folder, and no part of the box. */
export const CORE_FOLDER = 'cloud'

/** No secret: what looks after the gateway may read it. */
const RUN_FILE_MODE = 0o644

export interface RunFile {
  readonly pid: number
  readonly ports: { readonly http: number; readonly mqtt: number }
  /** Address that the HTTP port was bound to; absent in what an older gateway wrote. */
  readonly httpHost?: string
  /** Whole path of the configuration, where it was named (`--config`). */
  readonly configFile?: string
  readonly startedAt: string
}

export interface DataFolder {
  readonly path: string
  readonly database: string
  file(name: string): string
  /** The text of a small secret or id file, made (mode 0600) when there is none. */
  readOrMake(name: string, make: () => string): string
  /** Says where the running gateway listens. Throws `storage.write-failed`, `storage.open-failed`. */
  writeRunFile(run: RunFile): void
  /** Lets the next one in. The kernel does the same when the process dies. */
  release(): void
}

/**
 * Makes and locks the folder; throws `storage.in-use` when another gateway holds it, `storage.open-failed` and
 * `storage.write-failed` where the system does not let it.
 */
export function openDataFolder(path: string): DataFolder {
  try {
    makeFolder(path, 0o700)
  } catch (cause) {
    throw storageError(path, cause)
  }
  const lock = takeLock(path)
  const runFile = join(path, 'run.json')
  return {
    path,
    database: join(path, 'kefu.db'),
    file: (name) => join(path, name),
    readOrMake: (name, make) => readOrMakeText(join(path, name), make),
    writeRunFile: (run) => {
      try {
        writeDurably(runFile, `${JSON.stringify(run)}\n`, RUN_FILE_MODE)
      } catch (cause) {
        throw storageError(runFile, cause)
      }
    },
    release: () => {
      rmSync(runFile, { force: true })
      lock.release()
    },
  }
}

function takeLock(folder: string): FolderLock {
  let lock: FolderLock | undefined
  try {
    lock = lockFolder(folder)
  } catch (cause) {
    throw storageError(join(folder, LOCK), cause)
  }
  if (!lock) throw new GatewayError('storage.in-use', { detail: folder })
  return lock
}

/** Whether a gateway or a command holds the folder just now. Changes nothing in it. */
export function isFolderHeld(path: string): boolean {
  if (!existsSync(join(path, LOCK))) return false
  try {
    const lock = lockFolder(path)
    lock?.release()
    return lock === undefined
  } catch {
    return false
  }
}

/** `http://…` of the gateway's plain port as this machine reaches it. */
export function localUrl({ httpHost = '127.0.0.1', ports }: RunFile): string {
  const host = httpHost === '0.0.0.0' || httpHost === '' ? '127.0.0.1' : httpHost
  return `http://${hostInUrl(host === '::' ? '::1' : host)}:${ports.http}`
}

/** An address of IPv6 stands in brackets there. */
export const hostInUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** The name of the box that lives there; undefined where none does. */
export function readGatewayId(path: string): string | undefined {
  try {
    return readFileSync(join(path, GATEWAY_ID), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

/** Whether the process that listens for this folder lives: a command that holds it says nothing in run.json. */
export function doesGatewayRun(path: string): boolean {
  const { pid } = readRunFile(path) ?? {}
  // Left by a gateway that was killed: in a container its number is this one's too.
  if (pid === undefined || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's process: it lives.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Where the gateway of this folder listens, when one runs. */
export function readRunFile(path: string): RunFile | undefined {
  try {
    return JSON.parse(readFileSync(join(path, 'run.json'), 'utf8')) as RunFile
  } catch {
    return undefined
  }
}
