/** The preloaded library of a program under test: its disk, its clock and its power, in our hands. */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../seeded-random.ts'
import {
  afterCut,
  type Files,
  hasUnsynced,
  readFolder,
  withoutCut,
  writeFolder,
} from './power-cut.ts'

export interface Shim {
  /** Environment of the next start of the program that lives in `dir`. */
  env(dir: string): Readonly<Record<string, string>>
  setClock(offsetMs: number): void
  /** Writes of so many bytes still fit; undefined: no limit. */
  setRoom(bytes: number | undefined): void
  /** Everything that changes the disk fails; 0: nothing does. */
  refuse(errno: number): void
  /**
   * After the program was killed: puts the folder into a state that a power cut may leave. Throws when
   * the journal does not explain what is on the disk. Gives how many files lost or changed something by it.
   */
  cutPower(random: Random): number
  /** A power cut now would lose something. */
  hasUnsynced(): boolean
  /** Writes that were cut short or refused, and looks at a clock that was wrong. */
  bites(): number
}

/** Offsets in `struct control` of power-cut.c. */
const CLOCK_AT = 0
const ROOM_AT = 8
const ERRNO_AT = 16
const BITES_AT = 24
const CONTROL_BYTES = 32

/** Undefined where there is no C compiler or no preloading, as on macOS and Windows. */
export function buildShim(folder: string): string | undefined {
  if (process.platform !== 'linux') return undefined
  const library = join(folder, 'power-cut.so')
  const source = join(import.meta.dirname, 'power-cut.c')
  try {
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread'], {
      stdio: 'pipe',
    })
    return library
  } catch {
    return undefined
  }
}

/** `path` names files beside each other: `path.control`, `path.journal`. */
export function openShim(library: string, path: string): Shim {
  const control = `${path}.control`
  const journal = `${path}.journal`
  writeFileSync(control, Buffer.alloc(CONTROL_BYTES))
  let watched: { readonly dir: string; readonly before: Files } | undefined

  function set(at: number, value: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(value))
    const file = openSync(control, 'r+')
    writeSync(file, bytes, 0, bytes.length, at)
    closeSync(file)
  }
  set(ROOM_AT, -1)
  const readJournal = () => (existsSync(journal) ? readFileSync(journal) : Buffer.alloc(0))

  return {
    env(dir) {
      rmSync(journal, { force: true })
      watched = { dir, before: readFolder(dir) }
      return {
        LD_PRELOAD: library,
        KEFU_FAULTS_FOLDER: dir,
        KEFU_FAULTS_CONTROL: control,
        KEFU_FAULTS_JOURNAL: journal,
        UV_USE_IO_URING: '0',
      }
    },
    setClock: (offsetMs) => set(CLOCK_AT, Math.round(offsetMs)),
    setRoom: (bytes) => set(ROOM_AT, bytes ?? -1),
    refuse: (errno) => set(ERRNO_AT, errno),
    hasUnsynced: () => hasUnsynced(readJournal()),
    cutPower(random) {
      if (!watched) throw new Error('nothing ran')
      const { dir, before } = watched
      const written = readJournal()
      const real = readFolder(dir)
      expectSame(withoutCut(before, written), real)
      const left = afterCut(before, written, random)
      writeFolder(dir, left)
      return namesOf(left, real).filter((name) => !sameBytes(left.get(name), real.get(name))).length
    },
    bites: () => Number(readFileSync(control).readBigInt64LE(BITES_AT)),
  }
}

/** SQLite writes a page at most at once. */
const IN_FLIGHT_BYTES = 4096

/**
 * A write that the journal missed would make the model kinder than a disk. But the one that a SIGKILL met
 * between the file and the journal, whole or in part, is no miss: nothing was promised on it.
 */
export function expectSame(modelled: Files, real: Files): void {
  const different = namesOf(modelled, real).filter(
    (name) => !sameBytes(modelled.get(name), real.get(name)),
  )
  const [name, ...more] = different
  if (name === undefined) return
  const [one, other] = [modelled.get(name), real.get(name)]
  if (more.length === 0 && one && other && isOneWrite(one, other)) return
  throw new Error(
    `the journal does not explain ${name}: ${one?.length} bytes in the model, ${other?.length} on disk`,
  )
}

const namesOf = (some: Files, others: Files): string[] => [
  ...new Set([...some.keys(), ...others.keys()]),
]

const sameBytes = (one: Buffer | undefined, other: Buffer | undefined): boolean =>
  one !== undefined && other !== undefined && one.equals(other)

/** What differs lies within one write's reach. */
function isOneWrite(modelled: Buffer, real: Buffer): boolean {
  if (real.length < modelled.length) return false
  let first = 0
  while (first < modelled.length && modelled[first] === real[first]) first += 1
  let end = real.length
  // A longer file was written at its end; in one of the same length the same tail is no part of it.
  const isLonger = real.length > modelled.length
  while (!isLonger && end > first && modelled[end - 1] === real[end - 1]) end -= 1
  return end - first <= IN_FLIGHT_BYTES
}
