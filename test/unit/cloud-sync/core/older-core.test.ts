/** A core goes on with the database of the build before it. */
import { join } from 'node:path'
import { createLogHeads } from '@kefu-edge/cloud-sync/core/log-heads'
import { migrations } from '@kefu-edge/cloud-sync/core/schema'
import { type CloudCore, startCloudCore } from '@kefu-edge/cloud-sync/core/server'
import { openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { loadIdentity } from '@kefu-edge/cloud-sync/identity'
import { systemClock } from '@kefu-edge/cloud-sync/ports'
import { parseMsgpack } from '@kefu-edge/cloud-sync/protocol/parse'
import { ReleaseContent, signRelease } from '@kefu-edge/cloud-sync/protocol/release'
import { Database } from '@kefu-edge/cloud-sync/sqlite-driver'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tempFolder } from '../../../support/temp-folder.ts'

/** The last step of the build of 27 November 2026. */
const OLDER = 7
const DAY_MS = 86_400_000

let folder: string
let core: CloudCore | undefined
beforeEach(() => {
  folder = tempFolder()
})
afterEach(async () => {
  await core?.close()
  core = undefined
})

const start = async () => {
  core = await startCloudCore({ dataDir: folder, port: 0, isInsecureHttp: true })
  return core
}

function makeOlderDatabase(): void {
  const db = new Database(join(folder, 'core.db'))
  db.exec('CREATE TABLE migration (id INTEGER PRIMARY KEY)')
  for (const { id, sql } of migrations.filter((one) => one.id <= OLDER)) {
    db.exec(sql)
    db.prepare('INSERT INTO migration (id) VALUES (?)').run(id)
  }
  const key = Buffer.from(loadIdentity('gw-1', join(folder, 'gw-1.key')).publicKey)
  db.prepare("INSERT INTO gateway VALUES (1, 'gw-1', ?, NULL, 1, 1, NULL, NULL)").run(key)
  const receivedMs = Date.now() - DAY_MS
  db.prepare("INSERT INTO stream VALUES (1, 1, 'e', 'audit', 3, 3, 9, 0, 0, 'n', ?)").run(
    receivedMs,
  )
  const { privateKey } = loadIdentity('publisher', join(folder, 'publisher.key'))
  const addRelease = db.prepare(
    "INSERT INTO release VALUES (NULL, 'config', ?, 1, '1', ?, ?, ?, 100, ?, ?, NULL)",
  )
  const add = (name: string, expiresAtMs: number, gateways: string[] | undefined) => {
    const content = Buffer.from(JSON.stringify({ limits: { name } }))
    const manifest = { v: 1, kind: 'config', name, serial: 1, label: '1', issuedAtMs: 0 } as const
    const signed = signRelease({ ...manifest, expiresAtMs, bytes: 1, sha256: 'ab' }, privateKey)
    const named = gateways ? JSON.stringify(gateways) : null
    addRelease.run(name, signed.manifest, signed.signature, content, expiresAtMs, named)
  }
  add('all', Date.now() + DAY_MS, undefined)
  add('some', Date.now() + DAY_MS, ['gw-2'])
  add('over', Date.now() - 60 * DAY_MS, undefined)
  db.prepare("INSERT INTO log_head VALUES (1, 'kefu-edge/gw-1/e', 5, x'00', 'n', 1, NULL)").run()
  db.close()
}

it('offers what was published before, drops what is long over, and knows what it had received', async () => {
  makeOlderDatabase()
  const { releases } = await start()
  const names = releases.reports(9).map(({ name }) => name)
  expect(names).toEqual(['over', 'some', 'all'])
  const at = (id: string, name: string) => releases.content({ id }, 'config', name, 1, undefined)
  expect(parseMsgpack(ReleaseContent, await at('gw-1', 'all'))).toMatchObject({ ok: true })
  await expect(at('gw-1', 'some')).rejects.toMatchObject({ code: 'request.not-found' })
  expect(await at('gw-2', 'some')).toBeInstanceOf(Buffer)
  await expect.poll(() => at('gw-1', 'over').catch(({ code }) => code)).toBe('request.not-found')
  await core?.close()

  const store = openCoreStore(folder)
  expect(store.prepare('SELECT is_for_some FROM release ORDER BY no').all()).toEqual(
    [0, 1, 0].map((is_for_some) => ({ is_for_some })),
  )
  const kept = store.prepare<{ proven_ms: number }>('SELECT proven_ms FROM core_time').get()
  expect(kept?.proven_ms).toBeLessThan(Date.now() - DAY_MS / 2)
  expect(createLogHeads(store, systemClock).all(9)).toMatchObject([{ size: 5, lost: null }])
  store.close()
})

it('knows which epoch of a record came last, though its clock was ahead while the one before was cosigned', () => {
  makeOlderDatabase()
  const db = new Database(join(folder, 'core.db'))
  db.prepare('UPDATE log_head SET at = ?').run(Date.now() + 90 * DAY_MS)
  db.prepare("INSERT INTO stream VALUES (2, 1, 'f', 'audit', 1, 1, 9, 0, 0, 'n', 1)").run()
  db.prepare("INSERT INTO stream VALUES (3, 1, 'e', 'stats', 1, 1, 9, 0, 0, 'n', 1)").run()
  db.prepare("INSERT INTO log_head VALUES (1, 'kefu-edge/gw-1/f', 6, x'00', 'n', 1, NULL)").run()
  db.close()

  const store = openCoreStore(folder)
  const heads = createLogHeads(store, systemClock)
  expect(heads.newest(1)).toMatchObject({ origin: 'kefu-edge/gw-1/f' })
  store.close()
})

it('shows a cut that a core of the build before hid behind a fork, and keeps what was said of the fork', async () => {
  makeOlderDatabase()
  const db = new Database(join(folder, 'core.db'))
  for (const { id, sql } of migrations.filter((one) => one.id > OLDER && one.id <= 14)) {
    db.exec(sql)
    db.prepare('INSERT INTO migration (id) VALUES (?)').run(id)
  }
  db.prepare('UPDATE log_head SET broken_reason = ?, broken_size = 4, accepted_reason = ?').run(
    'forked: other entries',
    'a copy ran as well',
  )
  db.close()

  const store = openCoreStore(folder)
  const heads = createLogHeads(store, systemClock)
  const fork = { forkedReason: 'forked: other entries', forkAcceptedReason: 'a copy ran as well' }
  expect(heads.troubled(9)).toMatchObject([{ ...fork, brokenReason: null }])
  await store.commit(() => heads.markBroken(1, 'kefu-edge/gw-1/e', 4, 'cut'))
  expect(heads.troubled(9)).toMatchObject([{ ...fork, brokenReason: 'cut', acceptedReason: null }])
  store.close()
})
