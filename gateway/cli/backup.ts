/** `kefu-edge backup FILE|DIR` and `kefu-edge restore FILE --data DIR`. */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '../clock.ts'
import type { BackupReport } from '../storage/backup.ts'
import { readGatewayId } from '../storage/data-folder.ts'
import { backupName } from '../storage/kept-backups.ts'
import { type CommandOptions, usual } from './command.ts'
import { type ExitCode, UsageError } from './io.ts'
import { operate } from './operate.ts'
import { restoreBackup } from './restore.ts'

/** Ten gigabytes on a slow disk; the box answers all the while. */
const BACKUP_TIMEOUT_MS = 3_600_000

const RESTORE = 'FILE --data DIR [--force] [--json]'

export const backup = usual('backup', {
  '': { usage: 'FILE|DIR [--json]', words: [1, 1], run: makeBackup },
})

export const restore = usual('restore', {
  '': { usage: RESTORE, words: [1, 1], takes: ['force'], run: putBack },
})

async function makeBackup({
  words: [word = ''],
  values,
  io,
  config,
}: CommandOptions): Promise<ExitCode> {
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

async function putBack({ words: [file = ''], values, io }: CommandOptions): Promise<ExitCode> {
  // Not by the configuration: that of the folder to be replaced may be what is broken.
  if (values.data === undefined) throw new UsageError(`usage: kefu-edge restore ${RESTORE}`)
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
    if (report.erasuresLostSince !== undefined) {
      io.stderr(
        `Persons who were erased after ${report.erasuresLostSince} are readable again, and legal holds set after it are not there: do both anew, from your own file of requests (subject erase, subject hold).`,
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
