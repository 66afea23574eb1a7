import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  databaseEvidence,
  type Evidence,
  readConsistently,
} from '../../../gateway/ledger/evidence.ts'
import { exportEvidence, writeExport } from '../../../gateway/ledger/export.ts'
import { collectFindings } from '../../../gateway/ledger/findings.ts'
import { createSubjectRights } from '../../../gateway/ledger/subjects.ts'
import { rootOf } from '../../../gateway/ledger/tlog/merkle.ts'
import {
  cosign,
  decodeVerifierKey,
  noteSigner,
  parseNote,
} from '../../../gateway/ledger/tlog/note.ts'
import { type VerifyReport, verifyLedger } from '../../../gateway/ledger/verify.ts'
import { createTileCheck } from '../../../gateway/ledger/verify-tiles.ts'
import { Database } from '../../../gateway/storage/sqlite-driver.ts'
import { type Fixture, fillWithTurns, newSigningKey, openFixture } from './fixture.ts'

let box: Fixture
const witness = noteSigner('core.example/w1', newSigningKey(), 'cosigner')
beforeEach(async () => {
  box = openFixture({ cosigners: () => [witness] })
  await fill(600)
})
afterEach(() => box.close())

const fill = (count: number): Promise<void> => fillWithTurns(box, count)

const logKey = () => decodeVerifierKey(box.ledger.verifierKey)

function verify(): VerifyReport {
  return readConsistently(box.store, () =>
    verifyLedger(databaseEvidence(box.store), { logKey: logKey(), cosigners: [witness] }),
  )
}
const codes = (): readonly string[] => [...new Set(verify().findings.map((one) => one.code))]
const change = (sql: string): void => {
  box.store.prepare(sql).run()
}

describe('a ledger that nobody touched', () => {
  test('is whole, and the report counts what is signed and cosigned', async () => {
    const first = await box.ledger.checkpoint()
    const note = parseNote(first.note)
    if (!note) throw new Error('no note')
    await box.ledger.addCosignatures(first.size, cosign(note, witness, 1_795_320_000))
    await fill(10)
    const report = verify()
    expect(report.findings).toEqual([])
    expect(report).toMatchObject({
      isWhole: true,
      gatewayId: 'box-1',
      entries: 611,
      checkpoints: 1,
      cosigned: 1,
      unsigned: 10,
      newestCosigned: { size: 601, atSeconds: 1_795_320_000 },
    })
  })

  test('a cosignature that does not verify is not kept', async () => {
    const { size, note } = await box.ledger.checkpoint()
    const parsed = parseNote(note)
    if (!parsed) throw new Error('no note')
    const wrong = cosign({ ...parsed, text: parsed.text.replace('601', '602') }, witness, 1)
    await expect(box.ledger.addCosignatures(size, wrong)).rejects.toMatchObject({
      code: 'ledger.cosignature-refused',
    })
    expect(box.ledger.latestCheckpoint()?.note).toBe(note)
  })

  test('two epochs have checkpoints of their own origin, and both verify', async () => {
    await box.ledger.checkpoint()
    await box.ledger.openEpoch('restored')
    await box.ledger.checkpoint()
    expect(verify()).toMatchObject({ isWhole: true, epochs: 2, checkpoints: 2 })
  })
})

test('a changed root of a tile of tiles is found, and a missing one', () => {
  const leaf = Buffer.alloc(32, 1)
  const root = rootOf(Buffer.concat(Array.from({ length: 256 }, () => leaf)))
  const upper = rootOf(Buffer.concat(Array.from({ length: 256 }, () => root)))
  const check = (stored: Uint8Array | undefined) => {
    const { found, findings } = collectFindings()
    const tiles = createTileCheck(
      {
        database: { tiles: stored ? 257 : 256, strays: 0 },
        tileRoot: (level: number) => (level === 0 ? root : stored),
      } as unknown as Evidence,
      found,
    )
    const hashes = new Array<Uint8Array>(256).fill(leaf)
    for (let index = 0; index < 256; index++) tiles.segment({ index, entries: [] }, hashes)
    tiles.finish()
    return findings.map((one) => one.detail)
  }
  expect(check(upper)).toEqual([])
  expect(check(Buffer.alloc(32))).toEqual(['root of tile 0 of level 1'])
  expect(check(undefined)[0]).toBe('tile 0 of level 1 is missing')
})

describe('what an administrator of the database could change is found', () => {
  beforeEach(async () => {
    await box.ledger.checkpoint()
  })

  test.each([
    [
      'a changed entry',
      `UPDATE ledger_entry SET bytes = CAST(bytes || x'00' AS BLOB) WHERE idx = 300`,
      'entry-changed',
    ],
    [
      'an entry replaced by another together with its hash',
      `UPDATE ledger_entry SET (bytes, hash) = (SELECT bytes, hash FROM ledger_entry WHERE idx = 301) WHERE idx = 300`,
      'tile-changed',
    ],
    ['a deleted entry', 'DELETE FROM ledger_entry WHERE idx = 300', 'removal-not-recorded'],
    ['the newest entries deleted', 'DELETE FROM ledger_entry WHERE idx >= 590', 'checkpoint-ahead'],
    [
      'an entry that answers another ask',
      'UPDATE ledger_entry SET ask = 5 WHERE idx = 300',
      'entry-misplaced',
    ],
    [
      'a changed tile root',
      `UPDATE ledger_tile SET root = zeroblob(32) WHERE id = 1`,
      'tile-changed',
    ],
    ['a deleted tile', 'DELETE FROM ledger_tile WHERE id = 0', 'tile-changed'],
    [
      'a tile that one flipped bit moved to the end of the world, without looking through all before it',
      'UPDATE ledger_tile SET id = id + (1 << 43) WHERE id = 1',
      'entry-misplaced',
    ],
    [
      'an entry moved there',
      'UPDATE ledger_entry SET idx = idx + (1 << 45) WHERE idx = 300',
      'entry-misplaced',
    ],
    [
      'a tile of a level that the tree does not have',
      'INSERT INTO ledger_tile (id, root) VALUES (1 << 44, zeroblob(32))',
      'tile-changed',
    ],
    ['hashes of a tile that are none', `UPDATE ledger_tile SET hashes = x'00'`, 'tile-changed'],
    ['an epoch that begins elsewhere', 'UPDATE ledger_epoch SET first_index = 9', 'epoch-wrong'],
    ['an epoch of another number', 'UPDATE ledger_epoch SET n = 9', 'epoch-wrong'],
    [
      'an epoch of another time',
      'UPDATE ledger_epoch SET opened_at = opened_at + 1',
      'epoch-wrong',
    ],
    [
      'a checkpoint of another day, which retention would drop before its time',
      'UPDATE ledger_checkpoint SET at_ms = at_ms - 86400000',
      'checkpoint-time',
    ],
    [
      'a bit that the last character of a signature has too many',
      `UPDATE ledger_checkpoint SET note = substr(note, 1, length(note) - 3) ||
         char(unicode(substr(note, -3, 1)) + 1) || substr(note, -2)`,
      'checkpoint-unreadable',
    ],
    ['an epoch under another name', `UPDATE ledger_epoch SET id = 'other'`, 'epoch-wrong'],
    [
      'a lane that went further than its entries',
      'INSERT INTO ledger_lane (lane, removed) VALUES (1, 1000000)',
      'lane-unbalanced',
    ],
    [
      'counters of a lane that there is not',
      'INSERT INTO ledger_lane (lane, settled, delivered) VALUES (7, 1, 1)',
      'entry-misplaced',
    ],
    [
      'an entry set aside that the counters do not know',
      `INSERT INTO ledger_quarantine (pos, reason, at_ms) VALUES ((1 << 50) + 1, 'x', 1)`,
      'lane-unbalanced',
    ],
    [
      'a delivery more than was settled',
      'INSERT INTO ledger_lane (lane, settled, delivered) VALUES (1, 5, 6)',
      'lane-unbalanced',
    ],
    [
      'a changed checkpoint',
      `UPDATE ledger_checkpoint SET note = replace(note, char(10) || '601' || char(10), char(10) || '600' || char(10))`,
      'checkpoint-unreadable',
    ],
    [
      'a checkpoint moved to another size',
      'UPDATE ledger_checkpoint SET size = 600',
      'checkpoint-unreadable',
    ],
    [
      'deliveries that never were',
      'INSERT INTO ledger_lane (lane, delivered) VALUES (1, 9999)',
      'lane-unbalanced',
    ],
  ])('%s', (_, sql, code) => {
    expect(codes()).toEqual([])
    change(sql)
    expect(codes()).toContain(code)
  })

  test('a checkpoint signed with another key', () => {
    const other = noteSigner('kefu-edge/box-1', newSigningKey(), 'log')
    const report = verifyLedger(databaseEvidence(box.store), { logKey: other, cosigners: [] })
    expect(report.findings.map((one) => one.code)).toEqual(['checkpoint-signature'])
  })
})

describe('what an administrator could do to keys and holds is found', () => {
  const rights = () =>
    createSubjectRights({ store: box.store, clock: box.clock, ledger: box.ledger })
  const keyCodes = () => {
    const evidence = databaseEvidence(box.store)
    const { findings } = verifyLedger(evidence, {
      logKey: logKey(),
      cosigners: [],
      secrets: box.keys,
    })
    return findings.map((one) => one.code)
  }
  const person = (id: string) => ({ id, kind: 'patient' }) as const
  const keysOf = (id: string) => box.ledger.subjectKeys.idsOf(person(id))

  beforeEach(async () => {
    for (const id of ['held', 'erased', 'other']) await box.append({ subject: person(id) })
    await rights().hold(person('held'), 'case 7')
    await rights().hold(person('other'), 'case 8')
    await rights().release(person('other'), 'closed')
    await box.store.commit(() => {
      const [id = 0] = keysOf('erased')
      change(`CREATE TABLE kept AS SELECT wrapped FROM subject_key WHERE id = ${id}`)
    })
    await rights().erase(person('erased'), 'asked')
    await box.ledger.checkpoint()
  })

  test.each([
    [
      'a key destroyed by hand',
      'UPDATE subject_key SET wrapped = zeroblob(60), tag = zeroblob(16) WHERE id = 1',
      'key-destroyed',
    ],
    [
      'a flipped bit in a key',
      `UPDATE subject_key SET wrapped = CAST(x'00' || substr(wrapped, 2) AS BLOB) WHERE id = 1`,
      'key-changed',
    ],
    [
      'the key of another person',
      'UPDATE subject_key SET wrapped = (SELECT wrapped FROM subject_key WHERE id = 2) WHERE id = 1',
      'key-changed',
    ],
    [
      'a key filed under nobody, which an erasure would not find',
      'UPDATE subject_key SET tag = zeroblob(16) WHERE id = 2',
      'key-changed',
    ],
    [
      'a key that is to end a year early',
      'UPDATE subject_key SET period = period - 365 WHERE id = 1',
      'key-changed',
    ],
    ['a key that is gone', 'DELETE FROM subject_key WHERE id = 1', 'key-changed'],
    [
      'an erased key put back',
      'UPDATE subject_key SET wrapped = (SELECT wrapped FROM kept) WHERE id = 3',
      'key-revived',
    ],
    ['a hold taken away', 'DELETE FROM ledger_hold', 'hold-missing'],
  ])('%s', (_, sql, code) => {
    expect(keyCodes()).toEqual([])
    change(sql)
    expect(keyCodes()).toContain(code)
  })
})

test('an index of the database that does not fit its table is found', async () => {
  await box.ledger.checkpoint()
  await box.store.close()
  const edit = (work: (db: Sqlite.Database) => void): void => {
    const db = new Database(box.path)
    db.unsafeMode(true)
    db.pragma('writable_schema = ON')
    work(db)
    db.close()
  }
  const find = `FROM sqlite_schema WHERE name = 'ledger_entry_by_ask'`
  let row: unknown[] = []
  edit((db) => {
    row = db.prepare(`SELECT type, name, tbl_name, rootpage, sql ${find}`).raw().get() as unknown[]
    db.prepare(`DELETE ${find}`).run()
  })
  edit((db) => db.exec('UPDATE ledger_entry SET ask = ask + 1 WHERE idx = 5'))
  edit((db) => db.prepare('INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)').run(...row))
  await box.reopen()
  expect(codes()).toEqual(expect.arrayContaining(['entry-misplaced', 'database-damaged']))
})

describe('an export', () => {
  let dir: string
  beforeEach(async () => {
    await box.ledger.checkpoint()
    await fill(300)
    await box.ledger.checkpoint()
    await fill(5)
    dir = join(box.dir, 'export')
    writeExport(databaseEvidence(box.store), box.ledger.verifierKey, dir)
  })
  const check = (): VerifyReport =>
    verifyLedger(exportEvidence(dir), { logKey: logKey(), cosigners: [] })

  test.skipIf(!existsSync('/proc/self'))('is refused where no folder can be made', () => {
    const { verifierKey } = box.ledger
    expect(() => writeExport(databaseEvidence(box.store), verifierKey, '/proc/kefu')).toThrow(
      expect.objectContaining({ code: 'ledger.export-not-written' }),
    )
  })

  test('holds the tiles of the specification and verifies with the public key alone', () => {
    const files = readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name).slice(dir.length + 1))
    expect(files.filter((file) => file.startsWith('tile/')).sort()).toEqual([
      'tile/0/000',
      'tile/0/001',
      'tile/0/002',
      'tile/0/003.p/133',
      'tile/1/000.p/3',
      'tile/entries/000',
      'tile/entries/001',
      'tile/entries/002',
      'tile/entries/003.p/133',
    ])
    expect(check()).toMatchObject({ isWhole: true, entries: 901, checkpoints: 2, unsigned: 0 })
  })

  test('a byte changed in any file of the record is found', () => {
    const whole = join(box.dir, 'whole')
    cpSync(dir, whole, { recursive: true })
    const inRecord = (name: string) => /^(tile\/|checkpoint)/.test(name)
    const files = readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name).slice(dir.length + 1))
      .filter(inRecord)
    for (const file of files) {
      const bytes = readFileSync(join(dir, file))
      for (const part of [0, 0.37, 0.61, 0.999]) {
        const at = Math.floor(bytes.length * part)
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ 0x10
        writeFileSync(join(dir, file), changed)
        expect([file, part, check().isWhole]).toEqual([file, part, false])
      }
      writeFileSync(join(dir, file), bytes)
    }
    expect(check().isWhole).toBe(true)
  })

  test('a missing tile of hashes or of tiles is found, though the entries are all there', () => {
    for (const file of ['tile/0/001', 'tile/1/000.p/3', 'checkpoint']) {
      const bytes = readFileSync(join(dir, file))
      rmSync(join(dir, file))
      expect([file, check().isWhole]).toEqual([file, false])
      writeFileSync(join(dir, file), bytes)
    }
    expect(check().isWhole).toBe(true)
  })

  test.each([
    ['behind the last entry', Buffer.of(0, 1, 7)],
    ['that are no entry', Buffer.of(9)],
  ])('bytes of a bundle %s are found', (_, more) => {
    appendFileSync(join(dir, 'tile/entries/001'), more)
    expect(check().isWhole).toBe(false)
  })

  test('what a file browser leaves in its folders changes nothing', () => {
    for (const name of ['.DS_Store', 'Thumbs.db', 'desktop.ini', '12 (copy)', '00900']) {
      writeFileSync(join(dir, 'checkpoints', name), 'x')
    }
    expect(check().isWhole).toBe(true)
  })

  test.each([
    ['no entries', { size: 0, epochs: [] }],
    ['no epoch', { epochs: [] }],
    ['an epoch that is none', { epochs: [null] }],
    ['an epoch without a place', { epochs: [{ id: '01' }] }],
  ])('a manifest with %s is no export', (_, changed) => {
    const file = join(dir, 'manifest.json')
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as object
    writeFileSync(file, JSON.stringify({ ...manifest, ...changed }))
    for (const path of ['checkpoint', 'checkpoints']) rmSync(join(dir, path), { recursive: true })
    mkdirSync(join(dir, 'checkpoints'))
    expect(check).toThrow(expect.objectContaining({ code: 'ledger.export-unreadable' }))
  })

  test('without a checkpoint of its size it is not whole', () => {
    for (const path of ['checkpoint', 'checkpoints']) rmSync(join(dir, path), { recursive: true })
    expect(check().findings.map((one) => one.code)).toEqual(['export-damaged'])
  })

  test('a missing bundle is found', () => {
    rmSync(join(dir, 'tile/entries/001'))
    expect(check().findings.map((one) => one.code)).toContain('removal-not-recorded')
  })
})
