/** Where the puller keeps what it has settled and the contents that deltas are made against. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { makeFolder } from './make-folder.ts'
import { parseJson } from './protocol/parse.ts'
import { ReleaseKind, ReleaseManifest } from './protocol/release.ts'
import { writeDurably } from './write-durably.ts'

const OWNER_ONLY = 0o600

/** Kinds whose next release may travel as a delta; of the others nothing is kept once they are settled. */
export const DELTA_KINDS: ReadonlySet<ReleaseKind> = new Set(['pack', 'config'])

const PullRecord = Type.Object({
  kind: ReleaseKind,
  name: Type.String(),
  /** Highest serial that was begun with; nothing up to here is ever begun again. */
  serial: Type.Integer(),
  /** Of its content. */
  sha256: Type.Optional(Type.String()),
  /** `activating`: switched, its tests not passed yet; a start finishes them. */
  phase: Type.Union([
    Type.Literal('activating'),
    Type.Literal('active'),
    Type.Literal('refused'),
    Type.Literal('rolled-back'),
  ]),
  reason: Type.Optional(Type.String()),
  /** Of what refused it, where that has one. */
  code: Type.Optional(Type.String()),
  /** Refused because its term was over: taken after all if the clock turns out to have been ahead. */
  isExpired: Type.Optional(Type.Boolean()),
  /** The serial whose content is in use: the base of the next delta. */
  contentSerial: Type.Optional(Type.Integer()),
  expiresAtMs: Type.Number(),
  /** While `activating`: what a start needs to finish. */
  manifest: Type.Optional(ReleaseManifest),
})
export type PullRecord = Static<typeof PullRecord>
const PullFile = Type.Object({ v: Type.Literal(1), records: Type.Array(PullRecord) })

export interface PullStore {
  records(): readonly PullRecord[]
  find(kind: ReleaseKind, name: string): PullRecord | undefined
  /** On disk when it returns. */
  save(record: PullRecord): void
  /** Drops what is over. On disk when it returns. */
  forget(isOver: (record: PullRecord) => boolean): void
  content(kind: ReleaseKind, name: string, serial: number): Uint8Array | undefined
  /** Keeps this one beside the one in use. On disk when it returns. */
  keepContent(kind: ReleaseKind, name: string, serial: number, content: Uint8Array): void
  dropContent(kind: ReleaseKind, name: string, serial: number): void
}

/** One JSON file and one file a content, each written whole and renamed into place. */
export function openPullStore(folder: string): PullStore {
  makeFolder(folder, 0o700)
  const stateFile = join(folder, 'releases.json')
  const records = new Map(readRecords(stateFile).map((record) => [keyOf(record), record]))
  const contentFile = (kind: ReleaseKind, name: string, serial: number) =>
    join(folder, contentName(kind, name, serial))
  const write = () => {
    const file = { v: 1, records: [...records.values()] }
    writeDurably(stateFile, JSON.stringify(file), OWNER_ONLY)
  }
  sweepContents(folder, [...records.values()])

  return {
    records: () => [...records.values()],
    find: (kind, name) => records.get(keyOf({ kind, name })),
    save(record) {
      records.set(keyOf(record), record)
      write()
    },
    forget(isOver) {
      const over = [...records.values()].filter(isOver)
      for (const record of over) records.delete(keyOf(record))
      if (over.length > 0) write()
    },
    content: (kind, name, serial) => readIfThere(contentFile(kind, name, serial)),
    keepContent: (kind, name, serial, content) =>
      writeDurably(contentFile(kind, name, serial), content, OWNER_ONLY),
    dropContent: (kind, name, serial) => rmSync(contentFile(kind, name, serial), { force: true }),
  }
}

/** A power cut may leave a content behind that no record names, or no longer needs. */
function sweepContents(folder: string, records: readonly PullRecord[]): void {
  const needed = new Set(
    records.flatMap(({ kind, name, serial, phase, contentSerial }) => [
      ...(phase === 'activating' ? [contentName(kind, name, serial)] : []),
      ...(contentSerial !== undefined && DELTA_KINDS.has(kind)
        ? [contentName(kind, name, contentSerial)]
        : []),
    ]),
  )
  for (const file of readdirSync(folder)) {
    if (file.endsWith('.content') && !needed.has(file)) rmSync(join(folder, file))
  }
}

const contentName = (kind: ReleaseKind, name: string, serial: number): string =>
  `${kind}-${name}-${serial}.content`

function keyOf({ kind, name }: Pick<PullRecord, 'kind' | 'name'>): string {
  return `${kind}/${name}`
}

/** A file that is not there is a new box; one that is not readable must not pass for that. */
function readRecords(file: string): readonly PullRecord[] {
  const bytes = readIfThere(file)
  if (!bytes) return []
  const parsed = parseJson(PullFile, bytes)
  if (!parsed.ok) throw new Error(`${file}: ${parsed.detail}`)
  return parsed.value.records
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
