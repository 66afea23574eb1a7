/** A data folder that goes back, or runs twice: what is recorded from then on reaches the core all the same. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Database } from '../../gateway/storage/sqlite-driver.ts'
import { cloudOf, readCore, startCore, type TestCore } from '../flows/cloud-support.ts'
import { announce, kefu } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** A box on this folder, with a device that may ask. */
async function open(core: TestCore, dataDir: string) {
  const config = { cloud: cloudOf(core) }
  const gateway = await startGateway({ config, dataDir })
  const token = await gateway.addDevice('k1')
  return Object.assign(gateway, {
    async askAll(...ids: string[]) {
      for (const id of ids) await gateway.ask(token, { id, text: '停车场在哪' })
    },
  })
}

async function allThere(gateway: TestGateway): Promise<void> {
  const pending = () => gateway.box.ledger.balance().reduce((sum, lane) => sum + lane.pending, 0)
  await expect.poll(pending, { timeout: 10_000 }).toBe(0)
  for (const lane of gateway.box.ledger.balance()) {
    expect(lane).toMatchObject({ delivered: lane.accepted, quarantined: 0, expired: 0 })
  }
}

/** Turns that the core has, by the epoch under which they came. */
async function turnsAt(core: TestCore, { box }: TestGateway): Promise<number[]> {
  const path = `/v1/gateways/${box.ledger.gatewayId}/entries?lane=session`
  const { entries } = (await readCore(core, path)) as { entries: { epoch: string }[] }
  const epochs = [...new Set(entries.map(({ epoch }) => epoch))]
  return epochs.map((epoch) => entries.filter((one) => one.epoch === epoch).length)
}

const copy = (from: string, to: string) => {
  rmSync(to, { recursive: true, force: true })
  cpSync(from, to, { recursive: true })
}

it('a box whose disk image is put back: what it records from then on is at the core beside what it had', async () => {
  const core = await startCore()
  const [folder, image] = [tempFolder(), join(tempFolder(), 'image')]
  const before = await open(core, folder)
  await before.askAll('a1', 'a2')
  await allThere(before)
  await before.close()
  copy(folder, image)
  const lost = await open(core, folder)
  await lost.askAll('b1', 'b2', 'b3', 'b4')
  await allThere(lost)
  await lost.close()
  copy(image, folder)

  const back = await open(core, folder)
  await back.askAll('c1', 'c2', 'c3')
  await allThere(back)
  expect(await turnsAt(core, back)).toEqual([6, 3])
  announce(back)
  expect((await kefu('doctor', '--data', folder)).out).toContain('The data folder was put back')
  expect((await kefu('status', '--data', folder)).out).toContain('put back or copied')
  const verify = () => kefu('ledger', 'verify', '--data', folder)
  const found = await verify()
  expect(found.code).toBe(1)
  const [, epoch = ''] = /epoch:([\w-]+)/.exec(found.out) ?? []
  const note = ['--note', 'the disk was put back from last night’s image', '--data', folder]
  expect((await kefu('ledger', 'handled', `epoch:${epoch}`, ...note)).code).toBe(0)
  expect((await verify()).code).toBe(0)
}, 60_000)

it('two boxes that run from one image: the turns of both are at the core', async () => {
  const core = await startCore()
  const [folder, twin] = [tempFolder(), join(tempFolder(), 'twin')]
  const only = await open(core, folder)
  await only.askAll('a1')
  await allThere(only)
  await only.close()
  copy(folder, twin)

  const boxes = [await open(core, folder), await open(core, twin)]
  for (const round of ['b', 'c']) {
    for (const box of boxes) {
      await box.askAll(`${round}1`, `${round}2`)
      await allThere(box)
    }
  }
  const turns = await turnsAt(core, only)
  expect(turns.reduce((sum, count) => sum + count)).toBe(1 + 2 * 4)
}, 60_000)

it('a core that has removed what it could compare: its mark alone shows that the folder was put back', async () => {
  const [dataDir, port] = [tempFolder(), await freePort()]
  const core = await startCore(dataDir, port)
  const [folder, image] = [tempFolder(), join(tempFolder(), 'image')]
  const before = await open(core, folder)
  await before.askAll('a1')
  await allThere(before)
  await before.close()
  copy(folder, image)
  const lost = await open(core, folder)
  await lost.askAll('b1', 'b2', 'b3', 'b4', 'b5', 'b6')
  await allThere(lost)
  await lost.close()
  await core.stop()
  const db = new Database(join(dataDir, 'core.db'))
  db.exec('DELETE FROM entry')
  db.close()
  copy(image, folder)

  const back = await open(await startCore(dataDir, port), folder)
  await back.askAll('c1', 'c2')
  await allThere(back)
  expect(await turnsAt(core, back)).toEqual([2])
}, 60_000)
