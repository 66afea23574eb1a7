/** The folder of backups: what each is called, which is the newest, and which go when there are enough. */
import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type BackupManifest, MAX_HEADER_BYTES } from './backup-format.ts'

const TIMED = /^kefu-(?:(.+)-)?(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.kefu-backup$/
/** Parts of one that is being written; see `writeBackup`. */
const HALF = /^kefu-(.+)-\d{8}T\d{6}Z\.kefu-backup\.partial(?:\.db(?:-\w+)?)?$/
/** A part that nobody has written to for so long belongs to no backup that is under way. */
const HALF_IS_LEFT_MS = 24 * 3_600_000

export interface KeptBackup {
  readonly file: string
  /** By the clock of the box when it was made, which may have been wrong. */
  readonly madeAtMs: number
}

/** `kefu-gw-01…-20261122T030000Z.kefu-backup` */
export function backupName(gatewayId: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/\.\d+/, '').replace(/[-:]/g, '')
  return `kefu-${namePart(gatewayId)}-${time}.kefu-backup`
}

/**
 * Backups of this gateway in the folder, as this module names them, newest last: boxes may share a folder. Those
 * that are later than now were made by a clock that was ahead, nobody knows when: they stand before all others.
 * Not synchronous, since the disk may be another machine's that does not answer.
 */
export async function listBackups(
  dir: string,
  gatewayId: string,
  nowMs: number,
): Promise<readonly KeptBackup[]> {
  const own: KeptBackup[] = []
  for (const name of await readdir(dir)) {
    const timed = TIMED.exec(name)
    if (!timed) continue
    const [, owner, year, month, day, hours, minutes, seconds] = timed
    const file = join(dir, name)
    const madeAtMs = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`)
    if (Number.isNaN(madeAtMs)) continue
    if ((owner ?? namePart(await gatewayIn(file))) === namePart(gatewayId))
      own.push({ file, madeAtMs })
  }
  const isAhead = ({ madeAtMs }: KeptBackup) => madeAtMs > nowMs
  return own.sort((a, b) => Number(isAhead(b)) - Number(isAhead(a)) || a.madeAtMs - b.madeAtMs)
}

/** When the newest backup of this gateway in the folder was made; undefined where none is of now or before. */
export async function newestBackupMs(
  dir: string,
  gatewayId: string,
  nowMs: number,
): Promise<number | undefined> {
  const madeAtMs = (await listBackups(dir, gatewayId, nowMs)).at(-1)?.madeAtMs ?? Number.NaN
  return madeAtMs <= nowMs ? madeAtMs : undefined
}

/**
 * Removes the oldest backups of this gateway until `keep` are left, `made` among them, and what a power cut left
 * of one: a copy that no erasure reaches. Returns how many backups went.
 */
export async function pruneBackups(
  dir: string,
  gatewayId: string,
  { keep, made, nowMs }: { keep: number; made: string; nowMs: number },
): Promise<number> {
  const others = (await listBackups(dir, gatewayId, nowMs)).filter(({ file }) => file !== made)
  const old = others.slice(0, Math.max(0, others.length - (keep - 1)))
  for (const { file } of old) await rm(file, { force: true })
  for (const file of await halfBackups(dir, gatewayId)) await rm(file, { force: true })
  return old.length
}

/** Of backups of this gateway that nobody writes any more. */
async function halfBackups(dir: string, gatewayId: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of await readdir(dir)) {
    if (HALF.exec(name)?.[1] !== namePart(gatewayId)) continue
    const path = join(dir, name)
    if (Date.now() - (await stat(path)).mtimeMs > HALF_IS_LEFT_MS) found.push(path)
  }
  return found
}

/** Of a backup whose name does not say it, as older gateways made them; empty where nobody can tell. */
async function gatewayIn(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r')
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_HEADER_BYTES))
      const [, manifest = ''] = buffer.toString('utf8', 0, bytesRead).split('\n', 2)
      return (JSON.parse(manifest) as Partial<BackupManifest>).gateway ?? ''
    } finally {
      await handle.close()
    }
  } catch {
    return ''
  }
}

const namePart = (gatewayId: string): string => gatewayId.replace(/[^\w.-]/g, '_')
