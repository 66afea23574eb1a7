/** Makes a data folder from a backup: everything is checked and ready before the first thing is moved. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { composeBox } from '../compose.ts'
import { loadConfig } from '../config/load-config.ts'
import { GatewayError } from '../errors.ts'
import { carryHolds, type Hold, heldKeysOf, readHolds } from '../ledger/holds.ts'
import { keyFilesOf, ledgerMemory } from '../ledger/key-files.ts'
import { RESTORED } from '../ledger/lost-ends.ts'
import { type BackupManifest, DATABASE_PART, syncFolder } from '../storage/backup-format.ts'
import { CORE_FOLDER, openDataFolder } from '../storage/data-folder.ts'
import { extractBackup, verifyBackup } from '../storage/read-backup.ts'
import { openStore } from '../storage/store.ts'

export interface RestoreReport {
  readonly dataDir: string
  readonly gateway: string
  readonly madeAt: string
  /** The record goes on in this epoch: the core never takes an entry of it for one it has. */
  readonly epoch: string
  readonly entries: number
  /** Legal holds of the folder that was there and that the backup did not know: they stand again. */
  readonly holds: number
  /** Data keys on that folder's list of erased ones that a legal hold kept: they can still be erased. */
  readonly heldErasures: number
  /** Code of the error because of which the holds of that folder could not be carried over. */
  readonly holdsLost?: string
  /** Who was erased after this time is readable again: no folder of this box was there that knows of it. */
  readonly erasuresLostSince?: string
  /** Where the folder lies that was there before. */
  readonly putAside?: string
}

export interface RestoreTarget {
  readonly dataDir: string
  /** Put aside what is in the folder. */
  readonly isForced: boolean
  /** Whether the folder is a disk of its own, as a container's volume is; a test says so. */
  readonly isMountPoint?: (dir: string) => boolean
}

/**
 * Verifies every hash, builds the folder beside its place, opens a new epoch in it and then moves it
 * there in one step. Throws `backup.unreadable`, `backup.folder-not-empty`, `storage.in-use`,
 * `backup.failed`; the old folder is as it was then.
 */
export async function restoreBackup(file: string, target: RestoreTarget): Promise<RestoreReport> {
  const dataDir = resolve(target.dataDir)
  const isMount = existsSync(dataDir) && (target.isMountPoint ?? isMountPoint)(dataDir)
  const manifest = await verifyBackup(file)
  const isFilled = existsSync(dataDir) && readdirSync(dataDir).length > 0
  const held = isFilled ? openDataFolder(dataDir) : undefined
  let staging: string | undefined
  try {
    if (isFilled && !target.isForced) {
      throw new GatewayError('backup.folder-not-empty', { detail: dataDir })
    }
    staging = mkdtempSync(isMount ? join(dataDir, '.restoring-') : `${dataDir}.restoring-`)
    await extractBackup(file, staging)
    const { holds, heldKeys, ...lost } = isFilled ? holdsOf(dataDir, staging) : NO_HOLDS
    const erased = isFilled ? keepErasures(dataDir, staging, heldKeys) : NO_KEYS
    const isKnown = isFilled && isSameBox(dataDir, staging)
    const since = isKnown ? {} : { erasuresLostSince: manifest.madeAt }
    const opened = await openNewEpoch(staging, manifest, { holds, erased, ...since })
    const putAside = isFilled ? asideOf(dataDir, isMount) : undefined
    const move = isMount ? moveWithin : moveInto
    await syncFolder(move(dataDir, staging, putAside))
    const { gateway, madeAt } = manifest
    return {
      dataDir,
      gateway,
      madeAt,
      ...opened,
      ...lost,
      ...since,
      ...(putAside ? { putAside } : {}),
    }
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('backup.failed', {
      cause,
      detail: `restore into ${dataDir}: ${cause instanceof Error ? cause.message : String(cause)}`,
    })
  } finally {
    if (staging) rmSync(staging, { recursive: true, force: true })
    held?.release()
  }
}

/**
 * Who was erased since the backup stays erased: the ledger applies the list when its new epoch opens. Keys
 * that are there under a hold were never erased, whatever the list says. Returns the list as it was.
 */
function keepErasures(
  from: string,
  to: string,
  heldKeys: ReadonlySet<string>,
): ReadonlySet<string> {
  const erased = ledgerMemory(keysOf(from)).readErased()
  ledgerMemory(keysOf(to)).addErased([...erased].filter((one) => !heldKeys.has(one)))
  return erased
}

interface KeptHolds {
  readonly holds: readonly Hold[]
  /** Fingerprints of the held persons' data keys. */
  readonly heldKeys: ReadonlySet<string>
  readonly holdsLost?: string
}
const NO_KEYS: ReadonlySet<string> = new Set()
const NO_HOLDS: KeptHolds = { holds: [], heldKeys: NO_KEYS }

/**
 * Who is held since the backup stays held. A database that cannot be read must not stand in the way of
 * the restore that mends it: then the report says that its holds are lost.
 */
function holdsOf(from: string, to: string): KeptHolds {
  const path = join(from, DATABASE_PART)
  if (!existsSync(path)) return NO_HOLDS
  try {
    const store = openStore({ path, readonly: true, anySchema: true })
    try {
      const holds = readHolds(store)
      return holds.length === 0 || isSameBox(from, to)
        ? { holds, heldKeys: heldKeysOf(store) }
        : { ...NO_HOLDS, holdsLost: 'ledger.key-unreadable' }
    } finally {
      void store.close()
    }
  } catch (error) {
    return {
      ...NO_HOLDS,
      holdsLost: error instanceof GatewayError ? error.code : 'storage.open-failed',
    }
  }
}

const keysOf = (dir: string): string => join(dir, 'keys')

/** What one knows of persons means something to the other only where the keys are the same. */
function isSameBox(from: string, to: string): boolean {
  const [ours, other] = [from, to].map((dir) => keyFilesOf(keysOf(dir)).masterKey)
  if (!ours || !other || !existsSync(ours) || !existsSync(other)) return false
  return readFileSync(ours, 'utf8').trim() === readFileSync(other, 'utf8').trim()
}

/** The copy is older than what the core may have: what it writes from here on is a log of its own. */
async function openNewEpoch(
  dir: string,
  manifest: BackupManifest,
  kept: {
    readonly holds: readonly Hold[]
    readonly erased: ReadonlySet<string>
    readonly erasuresLostSince?: string
  },
): Promise<{ epoch: string; entries: number; holds: number; heldErasures: number }> {
  const box = await composeBox(loadConfig({ dataDir: dir, env: {} }))
  try {
    const wrong = box.store.prepare<{ quick_check: string }>('PRAGMA quick_check(1)').get()
    if (wrong?.quick_check !== 'ok') {
      throw new GatewayError('backup.unreadable', { detail: wrong?.quick_check ?? 'quick_check' })
    }
    const reason = `${RESTORED} ${manifest.madeAt}`
    const epoch = await box.ledger.openEpoch(reason, kept.erasuresLostSince)
    const holds = await carryHolds(box, kept.holds)
    const heldErasures = [...heldKeysOf(box.store)].filter((key) => kept.erased.has(key)).length
    const { size } = await box.ledger.checkpoint()
    return { epoch, entries: size, holds, heldErasures }
  } finally {
    await box.close()
  }
}

function asideOf(dataDir: string, isMount: boolean): string {
  const time = new Date().toISOString().replace(/[-:.]/g, '')
  const name = `before-restore-${time}`
  return isMount ? join(dataDir, name) : `${dataDir}.${name}`
}

const isMountPoint = (dir: string): boolean => statSync(dir).dev !== statSync(dirname(dir)).dev

/**
 * A mount point cannot be renamed: its content moves, the database last. Crash story: until then there
 * is no database, and both its old and its new content lie in the folder. Returns the folder that has changed.
 */
function moveWithin(dataDir: string, staging: string, putAside: string | undefined): string {
  const isOurs = (path: string) => path === staging || path === putAside
  const stays = new Set(['lock', 'lost+found', CORE_FOLDER])
  if (putAside) {
    mkdirSync(putAside, { mode: 0o700 })
    for (const name of readdirSync(dataDir)) {
      const path = join(dataDir, name)
      if (!isOurs(path) && !stays.has(name)) renameSync(path, join(putAside, name))
    }
  }
  const names = readdirSync(staging).filter((name) => !stays.has(name))
  for (const name of names.sort(
    (a, b) => Number(a === DATABASE_PART) - Number(b === DATABASE_PART),
  )) {
    renameSync(join(staging, name), join(dataDir, name))
  }
  return dataDir
}

/**
 * A cloud core that lives in the folder (`npm run cloud`) is another's: it stays where it is, and may run.
 * Crash story: between the two renames there is no folder, never half a one; both lie side by side.
 * Returns the folder that has changed.
 */
function moveInto(dataDir: string, staging: string, putAside: string | undefined): string {
  if (putAside) renameSync(dataDir, putAside)
  else if (existsSync(dataDir)) rmdirSync(dataDir)
  const moveCore = (from: string, to: string): void => {
    if (existsSync(join(from, CORE_FOLDER)))
      renameSync(join(from, CORE_FOLDER), join(to, CORE_FOLDER))
  }
  try {
    if (putAside) moveCore(putAside, staging)
    renameSync(staging, dataDir)
  } catch (error) {
    if (putAside) {
      moveCore(staging, putAside)
      renameSync(putAside, dataDir)
    }
    throw error
  }
  return dirname(dataDir)
}
