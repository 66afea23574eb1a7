/**
 * Backups: one file, made while the box runs. Two lines of text, then the parts one after the other:
 *
 *   KEFU-BACKUP 1 {SHA-256 of the next line}
 *   {"format":1,"gateway":…,"madeAt":…,"parts":[{"name","bytes","sha256"},…]}
 *
 * The first part is the database, copied by SQLite's online backup as it was at one instant. Keys are
 * inside, since without them nothing in it can be read: whoever holds the file holds the box. Mode 0600.
 */
import { open } from 'node:fs/promises'
import { type Static, Type } from '@sinclair/typebox'
import { GatewayError } from '../errors.ts'

export const MAGIC = 'KEFU-BACKUP 1'
/** Read and written at once. */
export const PIECE_BYTES = 256 * 1024
/** A manifest of a thousand parts is 150 kB; more is not ours. */
export const MAX_HEADER_BYTES = 1024 * 1024
export const MAX_PARTS = 1000
export const DATABASE_PART = 'kefu.db'
export const CONFIG_PART = 'kefu-edge.yaml'

/** No absolute names and no way out of the folder, whoever wrote the manifest. */
export const PartName = Type.String({
  pattern: '^(?!\\.\\.?(/|$))[^/\\\\\\0]+(/(?!\\.\\.?(/|$))[^/\\\\\\0]+)*$',
  maxLength: 255,
})
export const Manifest = Type.Object({
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
export type Part = BackupManifest['parts'][number]

export const unreadable = (detail: string): GatewayError =>
  new GatewayError('backup.unreadable', { detail })

/** A new name in a folder is on disk only once the folder is. */
export async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
