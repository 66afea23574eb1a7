import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Database } from '../../gateway/storage/sqlite-driver.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'

/** What whoever may write the file can do to its end, signed or not. */
function cutOff(dataDir: string, from: number): void {
  const db = new Database(join(dataDir, 'kefu.db'))
  db.prepare('DELETE FROM ledger_entry WHERE idx >= ?').run(from)
  db.prepare('DELETE FROM ledger_checkpoint WHERE size > ?').run(from)
  db.close()
}

it('an end of the record that was cut off stays a finding after the next start, until an operator says why', async () => {
  const gateway = await startGateway()
  const { dataDir } = gateway
  const token = await gateway.addDevice('k1')
  await gateway.ask(token, { id: '1', text: '停车场在哪' })
  const { size } = await gateway.box.ledger.checkpoint()
  await gateway.ask(token, { id: '2', text: '门诊几点开门' })
  await gateway.box.ledger.checkpoint()
  const lost = gateway.box.ledger.epoch()
  await gateway.close()
  cutOff(dataDir, size)

  const again = await startGateway({ dataDir })
  await again.ask(token, { id: '3', text: '停车场在哪' })
  const verify = () => kefu('ledger', 'verify', '--data', dataDir)
  const cut = await verify()
  expect(cut.code).toBe(1)
  expect(cut.out).toMatch(
    new RegExp(`end-missing ${size} \\d+ entries of epoch ${lost}, from ${size} on`),
  )
  announce(again)
  expect((await kefu('doctor', '--data', dataDir)).out).toContain(`before entry ${size}`)

  const epoch = again.box.ledger.epoch()
  const note = (which: string) =>
    kefu('ledger', 'handled', which, '--note', 'disk swapped', '--data', dataDir)
  expect((await note('all')).code).toBe(0)
  expect((await verify()).code).toBe(1)
  expect((await note(`epoch:${lost}`)).err).toContain('ledger.no-lost-end')
  expect((await note(`epoch:${epoch}`)).out).toContain(`1 noted as dealt with (epoch:${epoch})`)
  const told = await verify()
  expect(told).toMatchObject({ code: 0, out: expect.stringContaining('("disk swapped")') })
  expect(told.out).toContain(`note: end-missing ${size} `)
  expect((await kefu('doctor', '--data', dataDir)).out).not.toContain(`before entry ${size}`)
}, 30_000)
