import { createHash } from 'node:crypto'
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { type CloudCore, startCloudCore } from '@kefu-edge/cloud-sync/core/server'
import { afterEach, describe, expect, it } from 'vitest'
import { type RestoreReport, restoreBackup } from '../../gateway/cli/restore.ts'
import { composeBox } from '../../gateway/compose.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import type { LiveStatus } from '../../gateway/console/status.ts'
import { LANES } from '../../gateway/ledger/port.ts'
import { createSubjectRights } from '../../gateway/ledger/subjects.ts'
import type { BackupReport } from '../../gateway/storage/backup.ts'
import { migrations } from '../../gateway/storage/migrations/index.ts'
import { verifyBackup } from '../../gateway/storage/read-backup.ts'
import { openStore } from '../../gateway/storage/store.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { readAsOperator, until } from '../unit/cloud-sync/support/rig.ts'

const cores: CloudCore[] = []
afterEach(() => Promise.all(cores.splice(0).map((core) => core.close())))

const backup = (gateway: TestGateway, file: string) =>
  runOperation('backup', { file }, gateway.box.operations) as Promise<BackupReport>

/** What an administrator can write: every data key of the box, as if it had been erased. */
function listAsErased(dataDir: string): void {
  const store = openStore({ path: join(dataDir, 'kefu.db'), readonly: true })
  const keys = store.prepare<{ wrapped: Uint8Array }>('SELECT wrapped FROM subject_key').all()
  const lines = keys.map(({ wrapped }) => createHash('sha256').update(wrapped).digest('hex'))
  writeFileSync(join(dataDir, 'keys/erased.list'), `${lines.join('\n')}\n`, { mode: 0o600 })
  void store.close()
}

const isWhole = async (dataDir: string): Promise<boolean> =>
  (await kefu('ledger', 'verify', '--json', '--data', dataDir)).code === 0

describe('a backup under load', () => {
  it('brings back everything that was acknowledged before it, provable, and once at the core', async () => {
    const core = await startCloudCore({ dataDir: tempFolder(), port: 0, isInsecureHttp: true })
    cores.push(core)
    const cloud = { cloud: { url: core.url, enrolToken: core.enrolToken } }
    const gateway = await startGateway({ config: cloud })
    const token = await gateway.addDevice('k1')
    const file = join(tempFolder(), 'box.kefu-backup')

    const before = new Map<string, unknown>()
    let isLoading = true
    let isBackedUp = false
    let afterwards = 0
    const load = Array.from({ length: 8 }, async (_, lane) => {
      for (let n = 0; isLoading; n++) {
        const id = `a${lane}-${n}`
        const { status, body } = await gateway.ask(token, { id, text: '门诊几点开门' })
        expect(status).toBe(200)
        if (isBackedUp) afterwards += 1
        else before.set(id, body)
      }
    })
    await until('there is some load', () => before.size > 40)
    const acknowledged = new Map(before)
    const report = await backup(gateway, file)
    isBackedUp = true
    await until('it went on after the backup', () => afterwards > 40)
    isLoading = false
    await Promise.all(load)
    await until('the core has everything', () =>
      gateway.box.ledger.balance().every((lane) => lane.pending === 0),
    )
    const accepted = sizeOf(gateway)
    await gateway.close()
    expect(report.bytes).toBe(statSync(file).size)

    const restored = join(tempFolder(), 'box')
    const done = await restoreBackup(file, { dataDir: restored, isForced: false })
    expect(await isWhole(restored)).toBe(true)
    const again = await startGateway({ dataDir: restored, config: cloud })
    expect(again.box.ledger.gatewayId).toBe(gateway.box.ledger.gatewayId)
    expect(again.box.ledger.epoch()).toBe(done.epoch)
    for (const [id, body] of acknowledged) {
      expect((await again.ask(token, { id, text: '停车场在哪' })).body).toEqual(body)
    }
    const fresh = await again.ask(token, { id: 'after-the-restore', text: '停车场在哪' })
    expect(fresh.status).toBe(200)
    await until('the core has everything again', () =>
      again.box.ledger.balance().every((lane) => lane.pending === 0),
    )
    const written = sizeOf(again) - done.entries + 1
    expect(await isWhole(restored)).toBe(true)

    const kept = await entriesAt(core, again.box.ledger.gatewayId)
    expect(
      new Set(kept.map((entry) => `${entry.epoch} ${entry.lane} ${entry.sequence}`)).size,
    ).toBe(kept.length)
    const newOnes = kept.filter((entry) => entry.epoch === done.epoch)
    // The entry that opens the epoch is the last one of those that restore counted.
    expect(newOnes).toHaveLength(written)
    expect(kept.length - newOnes.length).toBe(accepted)
  })
})

const sizeOf = (gateway: TestGateway): number => gateway.box.ledger.size()

interface KeptEntry {
  readonly epoch: string
  readonly lane: string
  readonly sequence: number
}

async function entriesAt(core: CloudCore, gatewayId: string): Promise<KeptEntry[]> {
  const { gateways } = (await readAsOperator(core, '/v1/gateways')) as {
    gateways: { id: string; streams: { epoch: string; lane: string }[] }[]
  }
  const streams = gateways.find((one) => one.id === gatewayId)?.streams ?? []
  expect(streams.map((stream) => stream.lane).every((lane) => LANES.some((l) => l === lane))).toBe(
    true,
  )
  const found: KeptEntry[] = []
  for (const { epoch, lane } of streams) {
    for (let after = 0; ; ) {
      const path = `/v1/gateways/${gatewayId}/entries?lane=${lane}&epoch=${epoch}&after=${after}`
      const page = (await readAsOperator(core, path)) as { entries: { sequence: number }[] }
      const last = page.entries.at(-1)
      if (!last) break
      found.push(...page.entries.map(({ sequence }) => ({ epoch, lane, sequence })))
      after = last.sequence
    }
  }
  return found
}

/** A box that has none of the last day makes one soon after its start. */
const firstBackup = (gateway: TestGateway) =>
  expect
    .poll(() => jobOf(gateway), { timeout: 10_000 })
    .toMatchObject({ runs: 1, failures: 0, isRunning: false })
/** Two of one second would have one name, so the second of them waits. */
const runBackupJob = (gateway: TestGateway) =>
  expect
    .poll(() => runOperation('job.run', { name: 'backup' }, gateway.box.operations), {
      timeout: 5000,
    })
    .toMatchObject({ kind: 'done' })
async function jobOf(gateway: TestGateway) {
  const { jobs } = (await runOperation('status', {}, gateway.box.operations)) as LiveStatus
  return jobs.find(({ name }) => name === 'backup')
}

describe('a backup file', () => {
  it('of one box does not push out those of another in the same folder, also of an older gateway', async () => {
    const folder = tempFolder()
    const backups = { backup: { dir: folder, keep: 1 } }
    const [first, second] = [
      await startGateway({ config: backups }),
      await startGateway({ config: backups }),
    ]
    await firstBackup(first)
    await firstBackup(second)
    await backup(first, join(folder, 'kefu-20261122T030000Z.kefu-backup'))
    await runBackupJob(second)
    await runBackupJob(second)
    expect(readdirSync(folder)).toContain('kefu-20261122T030000Z.kefu-backup')
    await runBackupJob(first)
    const owners = readdirSync(folder).map((name) => name.split('-').slice(1, 3).join('-'))
    expect(owners.sort()).toEqual([first, second].map((one) => one.box.ledger.gatewayId).sort())
  })

  it('holds the configuration that the gateway was started with, wherever it lies', async () => {
    const configFile = join(tempFolder(), 'site.yaml')
    writeFileSync(configFile, 'log: { level: error }\n# of this ward\n')
    const box = await composeBox(loadConfig({ dataDir: tempFolder(), configFile, env: {} }))
    const file = join(tempFolder(), 'box.kefu-backup')
    await runOperation('backup', { file }, box.operations)
    await box.close()
    const dataDir = join(tempFolder(), 'restored')
    await restoreBackup(file, { dataDir, isForced: false })
    expect(readFileSync(join(dataDir, 'kefu-edge.yaml'), 'utf8')).toContain('# of this ward')
  })

  it('put back leaves a core that lives in the folder where it is', async () => {
    const gateway = await startGateway()
    const file = join(tempFolder(), 'box.kefu-backup')
    await backup(gateway, file)
    const coreKey = join(gateway.dataDir, 'cloud', 'publisher.key')
    mkdirSync(join(gateway.dataDir, 'cloud'))
    writeFileSync(coreKey, 'of the core')
    await gateway.close()
    const { putAside } = await restoreBackup(file, { dataDir: gateway.dataDir, isForced: true })
    expect(readFileSync(coreKey, 'utf8')).toBe('of the core')
    expect(readdirSync(putAside ?? '')).not.toContain('cloud')
  })

  it('is for its owner alone, holds keys and settings, and leaves nothing else behind', async () => {
    const gateway = await startGateway()
    writeFileSync(join(gateway.dataDir, 'kefu-edge.yaml'), 'log: { level: error }\n')
    const dir = tempFolder()
    announce(gateway)
    const made = await kefu('backup', dir, '--data', gateway.dataDir, '--json')
    expect(made.code).toBe(0)
    const { file, manifest } = JSON.parse(made.out) as BackupReport
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(dir)).toEqual([basename(file)])
    expect(file).toContain(`kefu-${gateway.box.ledger.gatewayId}-`)
    expect(manifest.parts.map((part) => part.name).sort()).toEqual([
      'admin.token',
      'gateway.id',
      'kefu-edge.yaml',
      'kefu.db',
      'keys/ledger-signing.pem',
      'keys/ledger.vkey',
      'keys/master.key',
      'login.secret',
    ])
    await expect(backup(gateway, file)).rejects.toMatchObject({ code: 'backup.exists' })
  })

  it('is made however much sound the box has made, and holds none of it', async () => {
    const gateway = await startGateway()
    mkdirSync(join(gateway.dataDir, 'audio'))
    const sound = join(gateway.dataDir, 'audio', `${'0'.repeat(32)}.wav`)
    writeFileSync(sound, 'x')
    truncateSync(sound, 65 * 1024 * 1024)
    const { manifest } = await backup(gateway, join(tempFolder(), 'a.kefu-backup'))
    expect(manifest.parts.filter(({ name }) => name.startsWith('audio'))).toEqual([])
  })

  it('that nobody could read back is refused when it is made, with the reason', async () => {
    const gateway = await startGateway()
    const file = join(tempFolder(), 'a.kefu-backup')
    const odd = join(gateway.dataDir, 'a\\b')
    writeFileSync(odd, '')
    await expect(backup(gateway, file)).rejects.toMatchObject({
      code: 'backup.failed',
      details: { detail: expect.stringContaining('a\\b') },
    })
    rmSync(odd)
    mkdirSync(join(gateway.dataDir, 'many'))
    for (let n = 0; n < 1000; n++) writeFileSync(join(gateway.dataDir, 'many', `${n}`), '')
    await expect(backup(gateway, file)).rejects.toMatchObject({
      code: 'backup.failed',
      details: { detail: expect.stringContaining('1000 at the most') },
    })
  })

  it('is refused when any of its bytes was changed or is missing, before anything is touched', async () => {
    const gateway = await startGateway()
    const dir = tempFolder()
    const file = join(dir, 'a.kefu-backup')
    await backup(gateway, file)
    await verifyBackup(file)
    const whole = readFileSync(file)
    const broken = join(dir, 'b')
    const target = join(dir, 'box')
    const places = [5, 30, 120, 2000, whole.length / 2, whole.length - 3].map(Math.floor)
    for (const place of places) {
      const bytes = Buffer.from(whole)
      bytes[place] = (bytes[place] ?? 0) ^ 1
      writeFileSync(broken, bytes)
      const restored = restoreBackup(broken, { dataDir: target, isForced: true })
      await expect(restored).rejects.toMatchObject({ code: 'backup.unreadable' })
    }
    for (const bytes of [whole.subarray(0, -1), Buffer.concat([whole, Buffer.from('x')])]) {
      writeFileSync(broken, bytes)
      await expect(verifyBackup(broken)).rejects.toMatchObject({ code: 'backup.unreadable' })
    }
    expect(readdirSync(dir).sort()).toEqual(['a.kefu-backup', 'b'])
  })

  it('is not put over a folder in use, nor over a full one unless forced, which puts that aside', async () => {
    const gateway = await startGateway()
    const file = join(tempFolder(), 'a.kefu-backup')
    await backup(gateway, file)
    const inUse = await kefu('restore', file, '--data', gateway.dataDir, '--force')
    expect(inUse).toMatchObject({ code: 1 })
    expect(inUse.err).toContain('storage.in-use')
    await gateway.close()
    const full = await kefu('restore', file, '--data', gateway.dataDir)
    expect(full).toMatchObject({ code: 1 })
    expect(full.err).toContain('backup.folder-not-empty')
    const forced = await kefu('restore', file, '--data', gateway.dataDir, '--force', '--json')
    expect(forced.code).toBe(0)
    const report = JSON.parse(forced.out) as RestoreReport
    expect(readdirSync(report.putAside ?? '')).toContain('kefu.db')
    expect(await isWhole(gateway.dataDir)).toBe(true)
    expect((await kefu('restore', file)).code).toBe(2)
    expect((await kefu('backup')).code).toBe(2)
  })

  it('is put into a folder that is a disk of its own, whose old content stays in it', async () => {
    const gateway = await startGateway()
    const file = join(tempFolder(), 'a.kefu-backup')
    await backup(gateway, file)
    await gateway.close()
    const { dataDir } = gateway
    const target = { dataDir, isForced: true, isMountPoint: () => true }
    const report = await restoreBackup(file, target)
    expect(report.putAside?.startsWith(join(dataDir, 'before-restore-'))).toBe(true)
    expect(readdirSync(report.putAside ?? '')).toContain('kefu.db')
    expect(readdirSync(dataDir).filter((name) => name.startsWith('.restoring-'))).toEqual([])
    expect(await isWhole(dataDir)).toBe(true)
    const again = await startGateway({ dataDir })
    expect(again.box.ledger.epoch()).toBe(report.epoch)
    const { manifest } = await backup(again, join(tempFolder(), 'b'))
    expect(manifest.parts.some((part) => part.name.includes('before-restore'))).toBe(false)
  })

  it('does not bring back what was erased since, where it is put over the folder that knows', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const subject = { id: 'P-1', kind: 'patient' } as const
    await gateway.ask(token, { id: '1', text: '停车场在哪', subject })
    const file = join(tempFolder(), 'a.kefu-backup')
    await backup(gateway, file)
    await createSubjectRights(gateway.box).erase(subject, 'asked')
    await gateway.close()
    await restoreBackup(file, { dataDir: gateway.dataDir, isForced: true })
    const again = await startGateway({ dataDir: gateway.dataDir })
    expect(await createSubjectRights(again.box).exportOf(subject)).toEqual([])
  })

  it('on a new disk brings back what was erased since, says so, and the doctor does until it is noted', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const subject = { id: 'P-1', kind: 'patient' } as const
    await gateway.ask(token, { id: '1', text: '停车场在哪', subject })
    const file = join(tempFolder(), 'a.kefu-backup')
    const { manifest } = await backup(gateway, file)
    await createSubjectRights(gateway.box).erase(subject, 'asked')
    await gateway.close()
    const elsewhere = join(tempFolder(), 'box')
    const restored = await kefu('restore', file, '--data', elsewhere)
    const said = `Persons who were erased after ${manifest.madeAt} are readable again`
    expect(restored.err).toContain(said)

    const copy = await startGateway({ dataDir: elsewhere })
    announce(copy)
    const doctor = async () => (await kefu('doctor', '--data', elsewhere)).out
    const warning = `restored from the backup of ${manifest.madeAt}: persons who were erased`
    expect(await doctor()).toContain(warning)
    const rights = createSubjectRights(copy.box)
    expect(await rights.exportOf(subject)).not.toEqual([])
    await rights.erase(subject, 'asked')
    const which = `epoch:${copy.box.ledger.epoch()}`
    await kefu('ledger', 'handled', which, '--note', 'one person', '--data', elsewhere)
    expect(await doctor()).not.toContain(warning)
    expect(await isWhole(elsewhere)).toBe(true)
  })

  it('does not lift a legal hold set since, and says which it could not read', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const subject = { id: 'P-1', kind: 'patient' } as const
    await gateway.ask(token, { id: '1', text: '停车场在哪', subject })
    const file = join(tempFolder(), 'a.kefu-backup')
    await backup(gateway, file)
    await createSubjectRights(gateway.box).hold(subject, 'court order')
    // As the program before this one left it.
    const newest = Math.max(...migrations.map(({ id }) => (id < 300 ? id : 0)))
    await gateway.box.store.commit(() =>
      gateway.box.store.prepare('DELETE FROM migration WHERE id = ?').run(newest),
    )
    await gateway.close()
    const target = { dataDir: gateway.dataDir, isForced: true }
    expect(await restoreBackup(file, target)).toMatchObject({ holds: 1 })
    const again = await startGateway({ dataDir: gateway.dataDir })
    const rights = createSubjectRights(again.box)
    await expect(rights.erase(subject, 'asked')).rejects.toMatchObject({ code: 'ledger.held' })
    expect(await isWhole(gateway.dataDir)).toBe(true)
    await again.close()
    truncateSync(join(gateway.dataDir, 'kefu.db'), 4096)
    const broken = await kefu('restore', file, '--data', gateway.dataDir, '--force')
    expect(broken.code).toBe(0)
    expect(broken.err).toContain('legal holds could not be read (storage.open-failed)')
  })

  it.each(['before the backup', 'since'])(
    'does not erase what is under a legal hold set %s, whatever the list of erased keys says',
    async (set) => {
      const gateway = await startGateway()
      const token = await gateway.addDevice('k1')
      const subject = { id: 'P-1', kind: 'patient' } as const
      await gateway.ask(token, { id: '1', text: '停车场在哪', subject })
      const hold = () => createSubjectRights(gateway.box).hold(subject, 'court order')
      const file = join(tempFolder(), 'a.kefu-backup')
      if (set !== 'since') await hold()
      await backup(gateway, file)
      if (set === 'since') await hold()
      await gateway.close()
      listAsErased(gateway.dataDir)
      const target = { dataDir: gateway.dataDir, isForced: true }
      expect(await restoreBackup(file, target)).toMatchObject({ heldErasures: 1 })
      const again = await startGateway({ dataDir: gateway.dataDir })
      expect(await createSubjectRights(again.box).exportOf(subject)).not.toEqual([])
      expect(await isWhole(gateway.dataDir)).toBe(true)
    },
  )

  it('with a hold that has ended since brings back what was erased then, says so, and lets it be erased', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const subject = { id: 'P-1', kind: 'patient' } as const
    await gateway.ask(token, { id: '1', text: '停车场在哪', subject })
    const before = createSubjectRights(gateway.box)
    await before.hold(subject, 'court order')
    const file = join(tempFolder(), 'a.kefu-backup')
    await backup(gateway, file)
    await before.release(subject, 'case closed')
    await before.erase(subject, 'asked')
    await gateway.close()
    const restored = await kefu('restore', file, '--data', gateway.dataDir, '--force')
    expect(restored.err).toContain('1 data keys that were erased since')
    const again = await startGateway({ dataDir: gateway.dataDir })
    const opened = again.box.ledger
      .entriesFrom(0, 1000)
      .filter(({ kind }) => kind === 'ledger.opened')
    expect(opened.map(({ body }) => body.heldErasures)).toEqual([undefined, 1])
    const rights = createSubjectRights(again.box)
    expect(await rights.exportOf(subject)).not.toEqual([])
    await rights.release(subject, 'case closed')
    expect(await rights.erase(subject, 'asked')).toMatchObject({ keys: 1 })
    expect(await rights.exportOf(subject)).toEqual([])
    expect(await isWhole(gateway.dataDir)).toBe(true)
  })

  it('made by the daily job is kept in the number that is set, and oldest go first', async () => {
    const dir = tempFolder()
    const gateway = await startGateway({ config: { backup: { dir, keep: 3 } } })
    await firstBackup(gateway)
    const first = join(dir, 'kefu-20200101T000000Z.kefu-backup')
    const mine = join(dir, 'my own.kefu-backup')
    await backup(gateway, first)
    copyFileSync(first, mine)
    copyFileSync(first, join(dir, 'kefu-20210101T000000Z.kefu-backup'))
    const own = `kefu-${gateway.box.ledger.gatewayId}`
    const left = [`${own}-20220101T000000Z.kefu-backup.partial`, 'another.kefu-backup.partial']
    for (const name of left) {
      writeFileSync(join(dir, name), 'half of everything')
      utimesSync(join(dir, name), new Date(0), new Date(0))
    }
    const isWritten = `${own}-20990101T000000Z.kefu-backup.partial.db`
    writeFileSync(join(dir, isWritten), '')
    await runBackupJob(gateway)
    const names = readdirSync(dir).sort()
    expect(names).toHaveLength(6)
    expect(names).toEqual(expect.arrayContaining([left[1], isWritten]))
    expect(names).not.toContain(left[0])
    expect(names).toContain('my own.kefu-backup')
    expect(names).not.toContain('kefu-20200101T000000Z.kefu-backup')
  })
})
