/** Installed packs in SQLite: whole versions side by side, one of each name active. */
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Store } from '../storage/store.ts'
import type { Pack } from './pack-schema.ts'

export interface InstalledPack {
  readonly name: string
  readonly version: string
  readonly digest: string
  readonly testScore: number
  readonly installedAtMs: number
  readonly isActive: boolean
}

export interface PackStore {
  list(): readonly InstalledPack[]
  /** The active version of every pack, in name order. */
  active(): readonly Pack[]
  /** The version that `rollback` would bring back. */
  previous(name: string): Pack | undefined
  /** Keeps a pack and makes it the active one; inside `store.commit`. */
  activate(pack: Pack, testScore: number, nowMs: number): void
  /** Switches a pack off without deleting its versions; inside `store.commit`. False when it was not on. */
  deactivate(name: string): boolean
  model(modelKey: string): Uint8Array | undefined
  /** Keeps these models, new ones and those already kept; what was longest in no use goes. Inside `store.commit`. */
  keepModels(models: readonly KeptModel[], nowMs: number): void
}

export interface KeptModel {
  /** Of the pack and the engine that it was learnt with. */
  readonly modelKey: string
  /** Absent: it is kept already. */
  readonly model?: Uint8Array
}

interface Row {
  name: string
  digest: string
  version: string
  content: Uint8Array
  test_score: number
  installed_at: number
  active: string | null
}

/** Models kept beside those in use: what a rollback may need at once. */
const SPARE_MODELS = 4

export function createPackStore(store: Store): PackStore {
  const all = store.prepare<Row>(
    `SELECT pack.name, pack.digest, version, test_score, installed_at, active_pack.digest AS active
     FROM pack LEFT JOIN active_pack USING (name) ORDER BY pack.name, installed_at DESC`,
  )
  const activeRows = store.prepare<Row>(
    'SELECT pack.* FROM active_pack JOIN pack USING (name, digest) ORDER BY pack.name',
  )
  const previousRow = store.prepare<Row>(
    'SELECT pack.* FROM active_pack JOIN pack ON pack.name = active_pack.name AND pack.digest = active_pack.previous WHERE active_pack.name = ?',
  )
  const insert = store.prepare(
    `INSERT INTO pack (name, digest, version, content, test_score, installed_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (name, digest) DO UPDATE SET test_score = excluded.test_score`,
  )
  const switchTo = store.prepare(
    `INSERT INTO active_pack (name, digest) VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET previous = digest, digest = excluded.digest
       WHERE digest <> excluded.digest`,
  )
  const switchOff = store.prepare('DELETE FROM active_pack WHERE name = ?')
  const readModel = store.prepare<{ model: Uint8Array }>(
    'SELECT model FROM language_model WHERE packs_digest = ?',
  )
  const writeModel = store.prepare(
    'INSERT OR REPLACE INTO language_model (packs_digest, model, trained_at) VALUES (?, ?, ?)',
  )
  const touchModel = store.prepare(
    'UPDATE language_model SET trained_at = ? WHERE packs_digest = ?',
  )
  const dropModels = store.prepare(
    `DELETE FROM language_model WHERE packs_digest NOT IN
       (SELECT packs_digest FROM language_model ORDER BY trained_at DESC LIMIT ?)`,
  )

  return {
    list: () =>
      all.all().map((row) => ({
        name: row.name,
        version: row.version,
        digest: row.digest,
        testScore: row.test_score,
        installedAtMs: row.installed_at,
        isActive: row.active === row.digest,
      })),
    active: () => activeRows.all().map((row) => thaw(row.content)),
    previous: (name) => {
      const row = previousRow.get(name)
      return row && thaw(row.content)
    },
    activate(pack, testScore, nowMs) {
      const { pack: name, version } = pack.manifest
      insert.run(name, pack.digest, version, freeze(pack), testScore, nowMs)
      switchTo.run(name, pack.digest)
    },
    deactivate: (name) => switchOff.run(name).changes > 0,
    model: (modelKey) => readModel.get(modelKey)?.model,
    keepModels(models, nowMs) {
      for (const { modelKey, model } of models) {
        if (model) writeModel.run(modelKey, model, nowMs)
        else touchModel.run(nowMs, modelKey)
      }
      dropModels.run(models.length + SPARE_MODELS)
    },
  }
}

const freeze = (pack: Pack): Uint8Array =>
  gzipSync(JSON.stringify({ ...pack, lists: [...pack.lists] }))

function thaw(content: Uint8Array): Pack {
  const raw = JSON.parse(gunzipSync(content).toString('utf8')) as Pack & {
    lists: [string, never][]
  }
  return { ...raw, lists: new Map(raw.lists) }
}
