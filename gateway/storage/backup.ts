/** Makes backups while the box runs; backup-format says what one is. */
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { open, rename, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Value } from '@sinclair/typebox/value'
import { GatewayError } from '../errors.ts'
import {
  type BackupManifest,
  CONFIG_PART,
  DATABASE_PART,
  MAGIC,
  MAX_HEADER_BYTES,
  MAX_PARTS,
  type Part,
  PartName,
  PIECE_BYTES,
  syncFolder,
} from './backup-format.ts'
import { OWNER_ONLY } from './secret-file.ts'
import type { Store } from './store.ts'

/** Settings and keys are small, and are held in memory so that none changes under the hand. */
const MAX_SIDE_BYTES = 64 * 1024 * 1024

/**
 * What is made anew, or is another copy: not part of a backup. Sounds (`audio`) are a cache, and names of
 * persons are spoken in them: they must not outlive an erasure in a backup. `cloud` is a core that was started
 * in this folder: its keys and its record are no part of a gateway.
 */
const LEFT_OUT =
  /^(kefu\.db.*|cloud|lock.*|run\.json|audio|staged|backups|logs|\.restoring-.*|before-restore-.*|lost\+found|.*\.kefu-backup.*|.*\.log|.*\.new|.*\.partial.*)$/

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
    // Before the database: what they say of the record is then never ahead of it.
    const beside = sideFiles(source.dataDir, source.configFile)
    // An empty file of our own mode first: SQLite keeps the mode it finds.
    await (await open(copy, 'wx', OWNER_ONLY)).close()
    await source.store.backup(copy)
    const database = { name: DATABASE_PART, ...(await hashOf(copy)) }
    const manifest: BackupManifest = {
      format: 1,
      gateway: source.gatewayId,
      version: source.version,
      madeAt: new Date(source.nowMs).toISOString(),
      parts: [database, ...beside.map(partOf)],
    }
    await writeWhole(partial, headOf(manifest), copy, beside)
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

interface SideFile {
  readonly name: string
  readonly content: Buffer
}

const partOf = ({ name, content }: SideFile): Part => ({
  name,
  bytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
})

/** The two lines before the parts. Throws `backup.failed` where nobody could read them back. */
function headOf(manifest: BackupManifest): string {
  const { parts } = manifest
  const refuse = (detail: string) => new GatewayError('backup.failed', { detail })
  if (parts.length > MAX_PARTS) {
    throw refuse(`the data folder holds ${parts.length} files, a backup ${MAX_PARTS} at the most`)
  }
  const unfit = parts.find(({ name }) => !Value.Check(PartName, name))
  if (unfit) throw refuse(`the file ${unfit.name} has a name that no backup may hold`)
  const line = JSON.stringify(manifest)
  const head = `${MAGIC} ${createHash('sha256').update(line).digest('hex')}\n${line}\n`
  if (Buffer.byteLength(head) > MAX_HEADER_BYTES)
    throw refuse('the names of its files are too long')
  return head
}

function sideFiles(dataDir: string, configFile?: string): SideFile[] {
  const found: SideFile[] = []
  let left = MAX_SIDE_BYTES
  const take = (name: string, path: string): void => {
    left -= statSync(path).size
    if (left < 0) {
      throw new GatewayError('backup.failed', {
        detail: `${dataDir} holds more than ${mb(MAX_SIDE_BYTES)} MB beside the database, up to ${name}`,
      })
    }
    found.push({ name, content: readFileSync(path) })
  }
  const walk = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name)
      const name = relative(dataDir, path).split(sep).join('/')
      if (LEFT_OUT.test(entry.name)) continue
      if (entry.isDirectory()) unlessGone(() => walk(path))
      else if (entry.isFile() && !(configFile && name === CONFIG_PART)) {
        unlessGone(() => take(name, path))
      }
    }
  }
  walk(dataDir)
  if (configFile) take(CONFIG_PART, configFile)
  return found
}

/** The box runs on: what it removes while the folder is read was not needed any more. */
function unlessGone(work: () => void): void {
  try {
    work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
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
  head: string,
  database: string,
  beside: readonly SideFile[],
): Promise<void> {
  const out = await open(partial, 'wx', OWNER_ONLY)
  try {
    await out.writeFile(head)
    for await (const piece of createReadStream(database, { highWaterMark: PIECE_BYTES })) {
      await out.writeFile(piece as Buffer)
    }
    for (const { content } of beside) await out.writeFile(content)
    await out.sync()
  } finally {
    await out.close()
  }
}
