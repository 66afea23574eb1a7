/** A record that goes on without what the cloud core has cosigned: cut, put back as a copy, or restored from a backup. */
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { operate } from '@kefu-edge/cloud-sync/core/cli/operate'
import { expect, it } from 'vitest'
import { restoreBackup } from '../../gateway/cli/restore.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { openStore } from '../../gateway/storage/store.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { saidBy } from '../support/said.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cloudOf, readCore, readPage, startCore, type TestCore } from './cloud-support.ts'

const PATIENTLY = { timeout: 30_000, interval: 50 }

async function ask(gateway: TestGateway, token: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const id = `ask-${gateway.box.ledger.size()}`
    expect((await gateway.ask(token, { id, text: '门诊几点开门' })).status).toBe(200)
  }
}

/** Starts, so that the checkpoint of the last close is cosigned; resolves once it is. */
async function witnessed(core: TestCore, dataDir: string): Promise<TestGateway> {
  const gateway = await startGateway({ dataDir, config: { cloud: cloudOf(core) } })
  await expect.poll(() => witness(gateway)?.outcome, PATIENTLY).toBe('cosigned')
  return gateway
}

const witness = (gateway: TestGateway) => gateway.cloud?.status().witness

interface Heads {
  readonly heads: readonly { size: number; brokenReason: string | null; lost: object | null }[]
  readonly troubled: readonly object[]
}
const headsAt = async (core: TestCore) => (await readCore(core, '/v1/checkpoints')) as Heads

/** A box with asks in its record, all of them cosigned; closed. */
async function aCosignedBox(core: TestCore, dataDir: string) {
  const first = await startGateway({ dataDir, config: { cloud: cloudOf(core) } })
  const token = await first.addDevice('k1')
  await ask(first, token, 2)
  await first.close()
  const image = join(tempFolder(), 'image')
  cpSync(dataDir, image, { recursive: true })
  const second = await witnessed(core, dataDir)
  await ask(second, token, 6)
  await second.close()
  const third = await witnessed(core, dataDir)
  const size = third.box.ledger.size()
  await third.close()
  return { token, image, size }
}

/** What an administrator of the box can do with SQL and an editor, the keys included. */
function cut(dataDir: string, from: number): void {
  const store = openStore({ path: join(dataDir, 'kefu.db') })
  store.prepare('DELETE FROM ledger_entry WHERE idx >= ?').run(from)
  store.prepare('DELETE FROM ledger_checkpoint WHERE size > ?').run(from)
  store.prepare('UPDATE ledger_lane SET settled = 0, delivered = 0').run()
  void store.close()
  const head = { epoch: 'x', size: 1, root: 'AAAA' }
  writeFileSync(join(dataDir, 'keys', 'ledger.head'), `${JSON.stringify(head)}\n`)
}

it('a record whose cosigned end was cut with the keys of the box is red at the box and at the core', async () => {
  const core = await startCore()
  const dataDir = tempFolder()
  const { size } = await aCosignedBox(core, dataDir)
  cut(dataDir, 3)
  const gateway = await startGateway({ dataDir, config: { cloud: cloudOf(core) } })
  const said = () => witness(gateway)?.inconsistency
  await expect.poll(said, PATIENTLY).toContain(`of the ${size} entries that were cosigned`)
  announce(gateway)
  expect((await kefu('doctor', '--data', dataDir)).out).toContain('The core saw another past')
  const { troubled } = await headsAt(core)
  expect(troubled).toMatchObject([{ lost: { size, atLeast: size - 3, word: 'silent' } }])
  expect(await readPage(core, '/')).toMatch(/class="broken".*does not say so/)
}, 90_000)

it('a folder that was put back as an image is red, until an operator of the core has looked into it', async () => {
  const core = await startCore()
  const dataDir = tempFolder()
  const { image, token } = await aCosignedBox(core, dataDir)
  rmSync(dataDir, { recursive: true })
  cpSync(image, dataDir, { recursive: true })
  const gateway = await startGateway({ dataDir, config: { cloud: cloudOf(core) } })
  await ask(gateway, token, 3)
  await expect
    .poll(async () => JSON.stringify((await headsAt(core)).troubled), PATIENTLY)
    .toContain('forked: ')
  await gateway.close()

  const again = await startGateway({ dataDir, config: { cloud: cloudOf(core) } })
  await expect.poll(() => witness(again)?.inconsistency ?? '', PATIENTLY).toContain('as "forked"')
  expect(await readPage(core, '/')).toMatch(/class="broken".*forked/)
  const operator = ['--core', core.url, '--data', core.dataDir]
  const id = again.box.ledger.gatewayId
  const said = await saidBy(operate, [...operator, 'accept', id, '--reason', 'disk image put back'])
  expect(said).toMatchObject({ code: 0 })
  expect(await readPage(core, '/')).not.toContain('class="broken"')
  expect(await readPage(core, '/')).toMatch(/class="explained".*disk image put back/)
  await again.close()
  const well = await witnessed(core, dataDir)
  expect(witness(well)?.inconsistency).toBeUndefined()
}, 90_000)

it('a restore from a backup is cosigned on, and the core says what is missing where something is', async () => {
  const core = await startCore()
  const dataDir = tempFolder()
  const { token } = await aCosignedBox(core, dataDir)
  const gateway = await startGateway({ dataDir, config: { cloud: cloudOf(core) } })
  const file = join(tempFolder(), 'box.kefu-backup')
  await runOperation('backup', { file }, gateway.box.operations)
  await gateway.close()
  await restoreBackup(file, { dataDir, isForced: true })

  const restored = await witnessed(core, dataDir)
  expect(await headsAt(core)).toMatchObject({ troubled: [] })
  await ask(restored, token, 4)
  await restored.close()
  const last = await witnessed(core, dataDir)
  const size = last.box.ledger.size()
  await last.close()

  await restoreBackup(file, { dataDir, isForced: true })
  const shorter = await witnessed(core, dataDir)
  expect(shorter.box.ledger.size()).toBeLessThan(size)
  const { troubled } = await headsAt(core)
  expect(troubled).toMatchObject([{ brokenReason: null, lost: { size, word: 'told' } }])
  const page = await readPage(core, '/')
  expect(page).not.toContain('class="broken"')
  expect(page).toMatch(/class="explained".*restored from the backup of/)
}, 120_000)
