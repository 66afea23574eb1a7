/**
 * What a disk may hold after a power cut, from the journal of the preloaded power-cut.c.
 *
 * The model: a file's content is safe as of its last fsync or fdatasync. Of each write after it, all,
 * nothing, or any choice of its 512-byte sectors is there, and a torn sector may hold rubbish. Names
 * (created, renamed, removed files) reach the disk in their order, as in the log of ext4 and XFS: some
 * first part of what happened since the last sync of any file or of the folder. Shared memory (-shm) is
 * gone. Not modelled: a disk that acknowledges an fsync and loses what it covers.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Random } from '../seeded-random.ts'

/** Contents by path relative to the folder. */
export type Files = ReadonlyMap<string, Buffer>

type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly length: number }

interface Inode {
  safe: Buffer
  pending: Change[]
}
type Names = Map<string, Inode>

interface Disk {
  /** Names as the programs see them. */
  readonly seen: Names
  /** Names on disk, and what happened to them since, oldest first. */
  safe: Names
  pending: ((names: Names) => void)[]
}

const MAGIC = 0x4b464a31
const HEADER_BYTES = 32
const KINDS = ['', 'open', 'write', 'truncate', 'sync', 'rename', 'unlink'] as const
const SECTOR_BYTES = 512

interface Note {
  readonly kind: (typeof KINDS)[number]
  readonly inode: bigint
  readonly offset: number
  readonly bytes: Buffer
}

export function readFolder(dir: string): Files {
  const files = new Map<string, Buffer>()
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !isShared(path)) files.set(relative(dir, path), readFileSync(path))
  }
  return files
}

/** Makes the folder hold these files; the mode of one that is already there stays. */
export function writeFolder(dir: string, files: Files): void {
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !files.has(relative(dir, path))) rmSync(path)
  }
  for (const [name, bytes] of files) {
    const path = join(dir, name)
    if (!existsSync(dirname(path))) mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, bytes, { mode: 0o600 })
  }
}

/** What the disk holds where nothing was lost; must be what is there, or the journal missed a write. */
export function withoutCut(before: Files, journal: Buffer): Files {
  const disk = replay(before, journal)
  return new Map(
    [...disk.seen].map(([name, inode]) => [name, inode.pending.reduce(apply, inode.safe)]),
  )
}

/** One of the states that the disk may be in when the power fails at the end of the journal. */
export function afterCut(before: Files, journal: Buffer, random: Random): Files {
  const disk = replay(before, journal)
  const names = new Map(disk.safe)
  const share = random() < 0.3 ? 0 : random()
  for (const change of disk.pending.slice(0, Math.round(share * disk.pending.length))) change(names)
  const isAllLost = random() < 0.3
  const found = new Map<string, Buffer>()
  const contents = new Map<Inode, Buffer>()
  for (const [name, inode] of names) {
    const known = contents.get(inode) ?? (isAllLost ? inode.safe : damaged(inode, random))
    contents.set(inode, known)
    found.set(name, known)
  }
  return found
}

/** Is there content that a power cut would take, wholly or in part? */
export function hasUnsynced(journal: Buffer): boolean {
  const shared = new Set<bigint>()
  const unsynced = new Set<bigint>()
  for (const { kind, inode, bytes } of notesOf(journal)) {
    if (kind === 'open' && isShared(bytes.toString())) shared.add(inode)
    if (kind === 'write' || kind === 'truncate') unsynced.add(inode)
    if (kind === 'sync') unsynced.delete(inode)
  }
  return [...unsynced].some((inode) => !shared.has(inode))
}

function damaged({ safe, pending }: Inode, random: Random): Buffer {
  let content = safe
  for (const change of pending) {
    const dice = random()
    if (dice < 0.35) continue
    content =
      dice < 0.7 || change.kind === 'truncate'
        ? apply(content, change)
        : tear(content, change, random)
  }
  return content
}

function tear(before: Buffer, change: Change & { readonly kind: 'write' }, random: Random): Buffer {
  let content = before
  for (let at = 0; at < change.bytes.length; at += SECTOR_BYTES) {
    const sector = Buffer.from(change.bytes.subarray(at, at + SECTOR_BYTES))
    const dice = random()
    if (dice < 0.45) continue
    if (dice < 0.55) for (let n = 0; n < sector.length; n++) sector[n] = Math.floor(random() * 256)
    content = apply(content, { kind: 'write', offset: change.offset + at, bytes: sector })
  }
  return content
}

function apply(content: Buffer, change: Change): Buffer {
  if (change.kind === 'truncate') return resized(content, change.length)
  const end = change.offset + change.bytes.length
  const next = resized(content, Math.max(content.length, end))
  change.bytes.copy(next, change.offset)
  return next
}

function resized(content: Buffer, length: number): Buffer {
  const next = Buffer.alloc(length)
  content.copy(next, 0, 0, Math.min(content.length, length))
  return next
}

function replay(before: Files, journal: Buffer): Disk {
  const seen: Names = new Map(
    [...before].map(([name, safe]): [string, Inode] => [name, { safe, pending: [] }]),
  )
  const disk: Disk = { seen, safe: new Map(seen), pending: [] }
  /** The kernel gives a number again only after the file before it is gone and closed. */
  const byNumber = new Map<bigint, Inode>()
  for (const note of notesOf(journal)) take(note, disk, byNumber)
  for (const name of [...seen.keys()].filter(isShared)) seen.delete(name)
  const noShared = (names: Names) => {
    for (const name of [...names.keys()].filter(isShared)) names.delete(name)
  }
  noShared(disk.safe)
  disk.pending = disk.pending.map((change) => (names) => {
    change(names)
    noShared(names)
  })
  return disk
}

function take(note: Note, disk: Disk, byNumber: Map<bigint, Inode>): void {
  const inode = byNumber.get(note.inode)
  const rename = (change: (names: Names) => void) => {
    change(disk.seen)
    disk.pending.push(change)
  }
  switch (note.kind) {
    case 'open': {
      const name = note.bytes.toString()
      const known = disk.seen.get(name)
      const opened = known ?? { safe: Buffer.alloc(0), pending: [] }
      byNumber.set(note.inode, opened)
      if (!known) rename((names) => void names.set(name, opened))
      return
    }
    case 'write':
      inode?.pending.push({ kind: 'write', offset: note.offset, bytes: note.bytes })
      return
    case 'truncate':
      inode?.pending.push({ kind: 'truncate', length: note.offset })
      return
    case 'sync':
      if (inode) {
        inode.safe = inode.pending.reduce(apply, inode.safe)
        inode.pending = []
      }
      disk.safe = new Map(disk.seen)
      disk.pending = []
      return
    case 'rename': {
      const [from = '', to = ''] = note.bytes.toString().split('\0')
      rename((names) => {
        const moved = names.get(from)
        if (moved) names.set(to, moved)
        names.delete(from)
      })
      return
    }
    case 'unlink':
      rename((names) => void names.delete(note.bytes.toString()))
  }
}

/** Ends at a record that the kill left incomplete. */
function* notesOf(journal: Buffer): Generator<Note> {
  for (let at = 0; at + HEADER_BYTES <= journal.length; ) {
    if (journal.readUInt32LE(at) !== MAGIC) throw new Error(`no record of the journal at ${at}`)
    const length = Number(journal.readBigUInt64LE(at + 24))
    const end = at + HEADER_BYTES + length
    if (end > journal.length) return
    yield {
      kind: KINDS[journal.readUInt32LE(at + 4)] ?? '',
      inode: journal.readBigUInt64LE(at + 8),
      offset: Number(journal.readBigUInt64LE(at + 16)),
      bytes: journal.subarray(at + HEADER_BYTES, end),
    }
    at = end
  }
}

const isShared = (path: string): boolean => path.endsWith('-shm')
