/** `kefu-edge backup FILE|DIR` and `kefu-edge restore FILE --data DIR`. */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '../clock.ts'
import type { BackupReport } from '../storage/backup.ts'
import { readGatewayId } from '../storage/data-folder.ts'
import { backupName } from '../storage/kept-backups.ts'
import type { CommandOptions } from './command.ts'
import { type ExitCode, UsageError } from './io.ts'
import { operate } from './operate.ts'
import { restoreBackup } from './restore.ts'

/** Ten gigabytes on a slow disk; the box answers all the while. */
const BACKUP_TIMEOUT_MS = 3_600_000

export async function backup(options: CommandOptions): Promise<ExitCode> {
  const { words, values, io, config } = options
  const [word] = words
  if (word === undefined || words.length > 1) {
    throw new UsageError('usage: kefu-edge backup FILE|DIR [--json]')
  }
  const target = resolve(word)
  const box = config()
  const name = () => backupName(readGatewayId(box.dataDir) ?? 'box', systemClock.now())
  const file = isFolder(target) ? join(target, name()) : target
  const report = (await operate(
    box,
    'backup',
    { file, ...(values.config === undefined ? {} : { configFile: resolve(values.config) }) },
    { timeoutMs: BACKUP_TIMEOUT_MS },
  )) as BackupReport
  if (values.json) io.stdout(JSON.stringify(report))
  else {
    const { bytes, manifest } = report
    io.stdout(`${report.file}  ${(bytes / 1e6).toFixed(1)} MB, ${manifest.parts.length} parts`)
    io.stderr('The keys of the box are inside: keep the file as you would keep the box.')
  }
  return 0
}

export async function restore(options: CommandOptions): Promise<ExitCode> {
  const { words, values, io } = options
  const [file] = words
  // Not by the configuration: that of the folder to be replaced may be what is broken.
  if (file === undefined || words.length > 1 || values.data === undefined) {
    throw new UsageError('usage: kefu-edge restore FILE --data DIR [--force] [--json]')
  }
  const report = await restoreBackup(resolve(file), {
    dataDir: values.data,
    isForced: values.force ?? false,
  })
  if (values.json) io.stdout(JSON.stringify(report))
  else {
    io.stdout(
      `${report.dataDir}: ${report.gateway} as of ${report.madeAt}, ${report.entries} entries, new epoch ${report.epoch}`,
    )
    if (report.putAside) io.stdout(`The folder that was there is now ${report.putAside}`)
    if (report.holds > 0) io.stdout(`${report.holds} legal holds of that folder stand again`)
    if (report.heldErasures > 0) {
      io.stderr(
        `${report.heldErasures} data keys that were erased since, or that only the list of erased keys names, are under legal hold and stay. Where a hold has ended: subject release, then subject erase.`,
      )
    }
    if (report.holdsLost !== undefined) {
      io.stderr(
        `Its legal holds could not be read (${report.holdsLost}): set them again (subject hold) before anything is erased.`,
      )
    }
    io.stderr('Start it only where the box it was copied from runs no more: both have one name.')
  }
  return 0
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
