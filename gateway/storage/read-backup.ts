/** Reads backups: their head, every hash, their parts. Nothing of a backup is believed before it was checked. */
import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Value } from '@sinclair/typebox/value'
import { GatewayError } from '../errors.ts'
import {
  type BackupManifest,
  MAGIC,
  MAX_HEADER_BYTES,
  Manifest,
  type Part,
  PIECE_BYTES,
  syncFolder,
  unreadable,
} from './backup-format.ts'
import { OWNER_ONLY } from './secret-file.ts'

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
        await readPart(handle, at, part, async (piece) => void (await out.writeFile(piece)))
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
