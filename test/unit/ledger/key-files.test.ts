import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { databaseEvidence } from '../../../gateway/ledger/evidence.ts'
import { keyFilesOf, ledgerMemory, loadKeyFiles } from '../../../gateway/ledger/key-files.ts'
import { createLedger } from '../../../gateway/ledger/ledger.ts'
import { createSubjectRights } from '../../../gateway/ledger/subjects.ts'
import { decodeVerifierKey } from '../../../gateway/ledger/tlog/note.ts'
import { verifyLedger } from '../../../gateway/ledger/verify.ts'
import { buildShim, openShim } from '../../faults/harness/shim.ts'
import { fileFolder, tempFolder } from '../../support/temp-folder.ts'
import { type Fixture, openFixture, seededRandom } from './fixture.ts'

let dir: string
beforeEach(() => {
  dir = tempFolder()
})

describe('key files', () => {
  const load = () =>
    loadKeyFiles(join(dir, 'keys'), { gatewayId: 'box-1', random: seededRandom('files') })

  test('are made once, for their owner alone, and opened again', () => {
    const files = keyFilesOf(join(dir, 'keys'))
    const wrapped = load().wrap(new Uint8Array(32).fill(3))
    for (const path of [files.masterKey, files.signingKey]) {
      expect(statSync(path).mode & 0o777).toBe(0o600)
    }
    expect(statSync(join(dir, 'keys')).mode & 0o777).toBe(0o700)
    expect(load().unwrap(wrapped)).toEqual(Buffer.alloc(32, 3))
    expect(decodeVerifierKey(readFileSync(files.verifierKey, 'utf8'))?.name).toBe('kefu-edge/box-1')
  })

  test('that others may read are refused, with the way out', () => {
    load()
    chmodSync(keyFilesOf(join(dir, 'keys')).masterKey, 0o640)
    expect(load).toThrow(/chmod 600/)
  })

  test('of a record are not made anew where one is gone: they would pass for its own', () => {
    load()
    const files = keyFilesOf(join(dir, 'keys'))
    rmSync(files.masterKey)
    const loadAgain = () =>
      loadKeyFiles(join(dir, 'keys'), {
        gatewayId: 'box-1',
        random: seededRandom('files'),
        mustExist: true,
      })
    expect(loadAgain).toThrow(/master\.key is missing/)
    expect(existsSync(files.masterKey)).toBe(false)
    writeFileSync(files.masterKey, '')
    expect(loadAgain).toThrow(/master\.key is missing or empty/)
  })

  test('that are not keys are refused', () => {
    load()
    const files = keyFilesOf(join(dir, 'keys'))
    copyFileSync(files.verifierKey, files.signingKey)
    chmodSync(files.signingKey, 0o600)
    expect(load).toThrow(expect.objectContaining({ code: 'ledger.key-files' }))
  })
})

const shimDir = fileFolder()
const shim = buildShim(shimDir)

test.skipIf(shim === undefined)(
  'a list of erased keys that does not fit on the disk is refused, and the old one stays',
  () => {
    const keyDir = join(dir, 'keys')
    mkdirSync(keyDir)
    ledgerMemory(keyDir).addErased(['first'])
    const disk = openShim(shim ?? '', join(dir, 'disk'))
    const env = { ...process.env, ...disk.env(keyDir) }
    disk.setRoom(10)
    const code = `
    const { ledgerMemory } = await import('./gateway/ledger/key-files.ts')
    try { ledgerMemory('${keyDir}').addErased(['second']) } catch (error) { console.log(error.code) }`
    const args = ['--conditions=kefu-source', '--import', 'tsx', '--input-type=module', '-e', code]
    expect(execFileSync(process.execPath, args, { env }).toString()).toBe('ENOSPC\n')
    expect([...ledgerMemory(keyDir).readErased()]).toEqual(['first'])
  },
)

describe('a database put back from an older copy', () => {
  const wang = { id: 'P-1001', kind: 'patient' } as const
  let box: Fixture
  let copy: string
  beforeEach(async () => {
    loadKeyFiles(join(dir, 'keys'), { gatewayId: 'box-1', random: seededRandom('files') })
    box = openFixture({ memory: ledgerMemory(join(dir, 'keys')) })
    for (let i = 0; i < 5; i++) await box.append({ subject: wang })
    await box.ledger.checkpoint()
    copy = join(dir, 'copy.db')
    await box.store.backup(copy)
  })
  afterEach(() => box.close())

  async function putBack(): Promise<void> {
    await box.store.close()
    for (const end of ['-wal', '-shm']) rmSync(`${box.path}${end}`, { force: true })
    copyFileSync(copy, box.path)
    await box.reopen()
  }

  test('opens a new epoch, once, so that no sequence is given out twice', async () => {
    const first = box.ledger.epoch()
    for (let i = 0; i < 3; i++) await box.append()
    await box.ledger.checkpoint()
    await putBack()
    const second = box.ledger.epoch()
    expect(second).not.toBe(first)
    await box.append()
    await box.reopen()
    expect(box.ledger.epoch()).toBe(second)
    const session = box.ledger.readLane('session', 0, 100, 1e6)
    expect(session.map((entry) => entry.epoch)).toEqual(new Array(5).fill(first))
    expect(box.ledger.readLane('session', 5, 100, 1e6)[0]?.epoch).toBe(second)
    await box.ledger.checkpoint()
    await box.reopen()
    expect(box.ledger.epoch()).toBe(second)
    const report = verifyLedger(databaseEvidence(box.store), {
      logKey: decodeVerifierKey(box.ledger.verifierKey),
      cosigners: [],
    })
    expect(report).toMatchObject({ epochs: 2, findingCount: 1 })
    expect(report.findings[0]?.detail).toContain(
      `3 entries of epoch ${first}, from 6 on, are not in this record: an older copy was put back`,
    )
  })

  test('and a copy that is not older goes on in its epoch', async () => {
    const first = box.ledger.epoch()
    await putBack()
    expect(box.ledger.epoch()).toBe(first)
  })

  test.each([
    ['the record', ['ledger.lane-full', 0]],
    ['the disk', ['storage.write-failed', 1000]],
  ] as const)(
    'an erasure that %s refused leaves nothing behind: a hold set since keeps the words',
    async (_, [code, maxPending]) => {
      const refusing = createLedger({
        store: box.store,
        clock: box.clock,
        keys: box.keys,
        random: seededRandom('other'),
        gatewayId: 'box-1',
        memory: ledgerMemory(join(dir, 'keys')),
        limits: { audit: { maxPending, whenFull: 'refuse' } },
      })
      const rights = createSubjectRights({ store: box.store, clock: box.clock, ledger: refusing })
      const erasing = rights.erase(wang, 'asked')
      // The transaction is lost before its COMMIT.
      if (maxPending > 0) box.store.prepare('ROLLBACK').run()
      await expect(erasing).rejects.toMatchObject({ code })
      await box.reopen()
      const later = createSubjectRights({ store: box.store, clock: box.clock, ledger: box.ledger })
      await later.hold(wang, 'case')
      await box.store.commit(() => box.ledger.openEpoch('put back'))
      await box.append()
      expect(await later.exportOf(wang)).toHaveLength(5)
    },
  )

  test('what was erased since stays erased, and later words of the person stay', async () => {
    const rights = () =>
      createSubjectRights({ store: box.store, clock: box.clock, ledger: box.ledger })
    await rights().erase(wang, 'asked')
    await box.append({ subject: wang, kind: 'later' })
    await box.ledger.checkpoint()
    const later = join(dir, 'later.db')
    await box.store.backup(later)
    await box.append()
    await box.ledger.checkpoint()

    await putBack()
    await box.append()
    expect(await rights().exportOf(wang)).toEqual([])
    expect(box.ledger.entryAt(1)?.personal).toBeUndefined()

    copyFileSync(later, copy)
    await putBack()
    await box.append()
    expect((await rights().exportOf(wang)).map((entry) => entry.kind)).toEqual(['later'])
    const { findings } = verifyLedger(databaseEvidence(box.store), {
      logKey: decodeVerifierKey(box.ledger.verifierKey),
      cosigners: [],
      secrets: box.keys,
    })
    expect(findings.map(({ code }) => code)).toEqual(['end-missing'])
  })
})
