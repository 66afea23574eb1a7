/** An entry at which the core breaks: it is set apart, the others pass, and the operator sees which and why. */
import { openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { silentLogger } from '@kefu-edge/cloud-sync/ports'
import { expect, it } from 'vitest'
import { announce, kefu } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cloudOf, startCore } from './cloud-support.ts'

/** What the command prints about the data folder. */
const ledger = (dataDir: string, ...args: readonly string[]) =>
  kefu('ledger', ...args, '--data', dataDir)

it('an entry that breaks the core waits apart, named with its reason, and the lane goes on', async () => {
  const coreDir = tempFolder()
  const failed: object[] = []
  const error = (fields: object) => failed.push(fields)
  const core = await startCore(coreDir, 0, { ...silentLogger, error })
  const gateway = await startGateway({ config: { cloud: cloudOf(core) } })
  const token = await gateway.addDevice('k1')
  const session = () => gateway.box.ledger.balance().find(({ lane }) => lane === 'session')
  await gateway.ask(token, { id: 'before', text: '停车场在哪' })
  await expect.poll(() => session()?.pending, { timeout: 15_000 }).toBe(0)
  expect((await ledger(gateway.dataDir, 'quarantined')).err).toContain('has taken every entry')

  const poisoned = gateway.box.ledger.size()
  const beside = openCoreStore(coreDir)
  beside
    .prepare(
      `CREATE TRIGGER poison BEFORE INSERT ON entry WHEN NEW.leaf_index = ${poisoned}
       BEGIN SELECT RAISE(ABORT, 'poison'); END`,
    )
    .run()
  beside.close()
  for (const id of ['poison', 'after-1', 'after-2']) {
    await gateway.ask(token, { id, text: '停车场在哪' })
  }
  await expect
    .poll(session, { timeout: 30_000 })
    .toMatchObject({ accepted: 4, delivered: 3, pending: 0, quarantined: 1 })

  const { quarantined } = JSON.parse(
    (await ledger(gateway.dataDir, 'quarantined', '--json')).out,
  ) as { quarantined: unknown[] }
  expect(quarantined).toMatchObject([
    { lane: 'session', sequence: 2, index: poisoned, kind: 'turn', reason: 'core.failed' },
  ])
  const seen = await ledger(gateway.dataDir, 'quarantined')
  expect(seen.out).toContain(`session:2 core.failed`)
  expect(seen.err).toContain('kefu-edge ledger prove INDEX')
  expect(failed[0]).toMatchObject({
    request: `POST /v1/gateways/${gateway.box.ledger.gatewayId}/entries`,
  })
  await gateway.box.ledger.checkpoint()
  expect((await ledger(gateway.dataDir, 'prove', `${poisoned}`)).code).toBe(0)

  const { dataDir } = gateway
  announce(gateway)
  const warned = async () => {
    const { out } = await kefu('doctor', '--data', dataDir)
    return out.includes('the cloud would not take 1 entries')
  }
  expect(await warned()).toBe(true)
  const handled = (...what: readonly string[]) =>
    kefu('ledger', 'handled', ...what, '--data', dataDir)
  expect((await handled('all')).code).toBe(2)
  const wrong = await handled('session:2', 'session:3', '--note', 'x')
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('session:3') })
  expect(await warned()).toBe(true)

  const books = session()
  const told = 'core mended, 患者李建国 13812345678 was told'
  expect((await handled('session:2', '--note', told)).code).toBe(0)
  expect(await warned()).toBe(false)
  expect((await ledger(dataDir, 'quarantined')).out).toContain(', handled at 20')
  expect(session()).toEqual(books)
  const noted = () =>
    gateway.box.ledger
      .entriesFrom(0, gateway.box.ledger.size())
      .filter(({ kind }) => kind === 'quarantine.handled')
      .map(({ body }) => body)
  // It stays for good and goes to the core.
  const masked = 'core mended, 患者李** 138****5678 was told'
  const note = { entries: ['session:2'], note: masked }
  expect(noted()).toEqual([note])
  expect((await handled('all', '--note', 'once more')).code).toBe(0)
  expect(noted()).toEqual([note])
  expect((await ledger(dataDir, 'verify')).out).toContain('WHOLE: ledger of')
}, 60_000)
