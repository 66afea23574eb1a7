/**
 * Backups: one file, made while the box runs. Two lines of text, then the parts one after the other:
 *
 *   KEFU-BACKUP 1 {SHA-256 of the next line}
 *   {"format":1,"gateway":…,"madeAt":…,"parts":[{"name","bytes","sha256"},…]}
 *
 * The first part is the database, copied by SQLite's online backup as it was at one instant. Keys are
 * inside, since without them nothing in it can be read: whoever holds the file holds the box. Mode 0600.
 */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { GatewayError } from '../errors.ts'
import type { Store } from './store.ts'

export const BACKUP_SUFFIX = '.kefu-backup'
const MAGIC = 'KEFU-BACKUP 1'
const OWNER_ONLY = 0o600
const PIECE_BYTES = 256 * 1024
/** A manifest of a thousand parts is 150 kB; more is not ours. */
const MAX_HEADER_BYTES = 1024 * 1024
/** Settings and keys are small; what is larger does not belong into the data folder. */
const MAX_SIDE_FILE_BYTES = 16 * 1024 * 1024
const MAX_PARTS = 1000
export const DATABASE_PART = 'kefu.db'
export const CONFIG_PART = 'kefu-edge.yaml'

/** What is made anew at each start, or is another copy: not part of a backup. */
const LEFT_OUT =
  /^(kefu\.db.*|lock.*|run\.json|backups|logs|.*\.kefu-backup.*|.*\.log|.*\.new|.*\.partial.*)$/

/** No absolute names and no way out of the folder, whoever wrote the manifest. */
const PartName = Type.String({
  pattern: '^(?!\\.\\.?(/|$))[^/\\\\\\0]+(/(?!\\.\\.?(/|$))[^/\\\\\\0]+)*$',
  maxLength: 255,
})
const Manifest = Type.Object({
  format: Type.Literal(1),
  gateway: Type.String(),
  version: Type.String(),
  madeAt: Type.String(),
  parts: Type.Array(
    Type.Object({
      name: PartName,
      bytes: Type.Integer({ minimum: 0 }),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    }),
    { minItems: 1, maxItems: MAX_PARTS },
  ),
})
export type BackupManifest = Static<typeof Manifest>
type Part = BackupManifest['parts'][number]

export interface BackupReport {
  readonly file: string
  readonly bytes: number
  readonly manifest: BackupManifest
}

export interface BackupSource {
  readonly store: Pick<Store, 'backup' | 'path'>
  readonly dataDir: string
  /** Taken instead of the kefu-edge.yaml of the data folder, where the box runs with another one. */
  readonly configFile?: string
  readonly gatewayId: string
  readonly version: string
  readonly nowMs: number
}

/**
 * Writes a backup to `file`: whole or not at all. Throws `backup.exists`, `backup.failed`. Needs free
 * space for twice the database, since the copy is hashed before it is written into the file.
 */
export async function writeBackup(source: BackupSource, file: string): Promise<BackupReport> {
  if (existsSync(file)) throw new GatewayError('backup.exists', { detail: file })
  const copy = `${file}.partial.db`
  const partial = `${file}.partial`
  try {
    await refuseWithoutSpace(source.store.path, dirname(file))
    // An empty file of our own mode first: SQLite keeps the mode it finds.
    await (await open(copy, 'wx', OWNER_ONLY)).close()
    await source.store.backup(copy)
    const paths = [
      { name: DATABASE_PART, path: copy },
      ...sideFiles(source.dataDir, source.configFile),
    ]
    const parts: Part[] = []
    for (const { name, path } of paths) parts.push({ name, ...(await hashOf(path)) })
    const manifest: BackupManifest = {
      format: 1,
      gateway: source.gatewayId,
      version: source.version,
      madeAt: new Date(source.nowMs).toISOString(),
      parts,
    }
    await writeWhole(partial, manifest, paths)
    await rename(partial, file)
    await syncFolder(dirname(file))
    return { file, bytes: statSync(file).size, manifest }
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('backup.failed', {
      cause,
      detail: cause instanceof Error ? cause.message : file,
    })
  } finally {
    for (const path of [copy, `${copy}-journal`, `${copy}-wal`, `${copy}-shm`, partial]) {
      rmSync(path, { force: true })
    }
  }
}

/** Reads the head of a backup and re-hashes every part. Throws `backup.unreadable`, naming the part. */
export async function verifyBackup(file: string): Promise<BackupManifest> {
  await withBackup(file, async (handle, manifest, start) => {
    let at = start
    for (const part of manifest.parts) {
      const hash = createHash('sha256')
      await readPart(handle, at, part, (piece) => void hash.update(piece))
      if (hash.digest('hex') !== part.sha256) throw unreadable(`${part.name} was changed`)
      at += part.bytes
    }
    if ((await handle.stat()).size !== at) throw unreadable('there are bytes behind the last part')
  })
  return readManifest(file)
}

/** Writes the parts into `dir`, each on disk when this resolves. Verify the backup first. */
export async function extractBackup(file: string, dir: string): Promise<void> {
  await withBackup(file, async (handle, manifest, start) => {
    let at = start
    for (const part of manifest.parts) {
      const target = join(dir, part.name)
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      const out = await open(target, 'wx', OWNER_ONLY)
      try {
        await readPart(handle, at, part, async (piece) => void (await out.write(piece)))
        await out.sync()
      } finally {
        await out.close()
      }
      at += part.bytes
      await syncFolder(dirname(target))
    }
  })
}

export function readManifest(file: string): Promise<BackupManifest> {
  return withBackup(file, async (_, manifest) => manifest)
}

/** Backups of a folder that this module named, oldest first. */
export function listBackups(dir: string): readonly string[] {
  return readdirSync(dir)
    .filter((name) => /^kefu-\d{8}T\d{6}Z\.kefu-backup$/.test(name))
    .sort()
    .map((name) => join(dir, name))
}

/** `kefu-20261122T030000Z.kefu-backup` */
export function backupName(nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/\.\d+/, '').replace(/[-:]/g, '')
  return `kefu-${time}${BACKUP_SUFFIX}`
}

/** Removes the oldest backups of the folder until `keep` are left; returns how many went. */
export function pruneBackups(dir: string, keep: number): number {
  const all = listBackups(dir)
  const old = all.slice(0, Math.max(0, all.length - keep))
  for (const file of old) rmSync(file)
  return old.length
}

function sideFiles(dataDir: string, configFile?: string): { name: string; path: string }[] {
  const found: { name: string; path: string }[] = []
  const walk = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name)
      if (LEFT_OUT.test(entry.name)) continue
      if (entry.isDirectory()) walk(path)
      if (!entry.isFile() || statSync(path).size > MAX_SIDE_FILE_BYTES) continue
      found.push({ name: relative(dataDir, path).split(sep).join('/'), path })
    }
  }
  walk(dataDir)
  if (configFile === undefined) return found
  return [
    ...found.filter((one) => one.name !== CONFIG_PART),
    { name: CONFIG_PART, path: configFile },
  ]
}

async function refuseWithoutSpace(database: string, dir: string): Promise<void> {
  const { size } = await stat(database)
  const { bavail, bsize } = statfsSync(dir)
  if (bavail * bsize >= 2 * size) return
  throw new GatewayError('backup.failed', {
    detail: `${dir} has ${mb(bavail * bsize)} MB free, ${mb(2 * size)} MB are needed`,
  })
}
const mb = (bytes: number): number => Math.ceil(bytes / 1e6)

async function hashOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
    hash.update(piece as Buffer)
    bytes += (piece as Buffer).length
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function writeWhole(
  partial: string,
  manifest: BackupManifest,
  paths: readonly { path: string }[],
): Promise<void> {
  const out = await open(partial, 'wx', OWNER_ONLY)
  try {
    const line = JSON.stringify(manifest)
    const sha256 = createHash('sha256').update(line).digest('hex')
    await out.write(`${MAGIC} ${sha256}\n${line}\n`)
    for (const { path } of paths) {
      for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
        await out.write(piece as Buffer)
      }
    }
    await out.sync()
  } finally {
    await out.close()
  }
}

async function withBackup<T>(
  file: string,
  use: (handle: FileHandle, manifest: BackupManifest, start: number) => Promise<T>,
): Promise<T> {
  let handle: FileHandle
  try {
    handle = await open(file, 'r')
  } catch (cause) {
    throw new GatewayError('backup.unreadable', { cause, detail: file })
  }
  try {
    const { manifest, start } = await readHead(handle)
    return await use(handle, manifest, start)
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'backup.unreadable') throw error
    throw unreadable(`${basename(file)}: ${error.details.detail ?? ''}`)
  } finally {
    await handle.close()
  }
}

async function readHead(handle: FileHandle): Promise<{ manifest: BackupManifest; start: number }> {
  const head = Buffer.alloc(MAX_HEADER_BYTES)
  const { bytesRead } = await handle.read(head, 0, head.length, 0)
  const first = head.subarray(0, bytesRead).indexOf(0x0a)
  const second = head.subarray(0, bytesRead).indexOf(0x0a, first + 1)
  const line = head.subarray(first + 1, second)
  const title = head.subarray(0, Math.max(0, first)).toString('utf8')
  if (second < 0 || !title.startsWith(`${MAGIC} `)) throw unreadable('not a backup of this program')
  if (title.slice(MAGIC.length + 1) !== createHash('sha256').update(line).digest('hex')) {
    throw unreadable('its list of parts was changed')
  }
  const manifest: unknown = JSON.parse(line.toString('utf8'))
  if (!Value.Check(Manifest, manifest)) throw unreadable('its list of parts is not valid')
  if (new Set(manifest.parts.map((part) => part.name)).size !== manifest.parts.length) {
    throw unreadable('a part is named twice')
  }
  return { manifest, start: second + 1 }
}

async function readPart(
  handle: FileHandle,
  start: number,
  part: Part,
  use: (piece: Buffer) => void | Promise<void>,
): Promise<void> {
  const buffer = Buffer.alloc(PIECE_BYTES)
  let left = part.bytes
  while (left > 0) {
    const wanted = Math.min(left, buffer.length)
    const { bytesRead } = await handle.read(buffer, 0, wanted, start + part.bytes - left)
    if (bytesRead === 0) throw unreadable(`it ends within ${part.name}`)
    await use(buffer.subarray(0, bytesRead))
    left -= bytesRead
  }
}

const unreadable = (detail: string): GatewayError =>
  new GatewayError('backup.unreadable', { detail })

async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
