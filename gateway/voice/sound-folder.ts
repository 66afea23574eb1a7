/**
 * The folder of sound files: written whole, found by id, bounded in bytes and days.
 *
 * A cache: whatever is missing is made again, so a file that cannot be read is simply not there.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** In the data folder. */
export const SOUND_FOLDER = 'audio'

export interface SoundFolder {
  read(id: string): Promise<Buffer | undefined>
  /** Resolves when the file is whole under its name; the least used files have made room. */
  write(id: string, wav: Buffer): Promise<void>
}

export interface SoundFolderOptions {
  /** Made when it is not there. */
  readonly folder: string
  readonly maxBytes: number
  readonly nowMs: () => number
}

/** A name that was called out must not lie in a cache for ever; what is still said is made again. */
const MAX_AGE_MS = 30 * 86_400_000
const ID = /^[0-9a-f]{32}$/
const SUFFIX = '.wav'

interface Kept {
  readonly bytes: number
  readonly madeAtMs: number
}

export function openSoundFolder({ folder, maxBytes, nowMs }: SoundFolderOptions): SoundFolder {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  /** Least used first. */
  const kept = new Map<string, Kept>(filesOf(folder))
  let bytes = [...kept.values()].reduce((sum, file) => sum + file.bytes, 0)
  const fileOf = (id: string) => join(folder, `${id}${SUFFIX}`)

  function drop(id: string): void {
    bytes -= kept.get(id)?.bytes ?? 0
    kept.delete(id)
  }

  async function makeRoom(): Promise<void> {
    const oldestMs = nowMs() - MAX_AGE_MS
    for (const [id, file] of [...kept]) {
      if (bytes <= maxBytes && file.madeAtMs >= oldestMs) continue
      drop(id)
      await rm(fileOf(id), { force: true })
    }
  }

  return {
    async read(id) {
      const file = ID.test(id) ? kept.get(id) : undefined
      if (file === undefined) return undefined
      kept.delete(id)
      kept.set(id, file)
      try {
        return await readFile(fileOf(id))
      } catch {
        drop(id)
        return undefined
      }
    },
    async write(id, wav) {
      // Renamed when whole: a crash leaves no half a file under a good name.
      await writeFile(`${fileOf(id)}.part`, wav, { mode: 0o600 })
      await rename(`${fileOf(id)}.part`, fileOf(id))
      drop(id)
      kept.set(id, { bytes: wav.length, madeAtMs: nowMs() })
      bytes += wav.length
      await makeRoom()
    },
  }
}

function filesOf(folder: string): [string, Kept][] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(SUFFIX) && ID.test(name.slice(0, -SUFFIX.length)))
    .map((name): [string, Kept] => {
      const { size, mtimeMs } = statSync(join(folder, name))
      return [name.slice(0, -SUFFIX.length), { bytes: size, madeAtMs: mtimeMs }]
    })
    .sort(([, a], [, b]) => a.madeAtMs - b.madeAtMs)
}

/** Takes every sound away: what a person was told must not outlive the erasure of his data. */
export function dropSounds(folder: string): void {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true })
}
