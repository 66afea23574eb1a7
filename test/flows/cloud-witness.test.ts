/** A core that has witnessed another past of the record: who looks at the box, its metrics or the fleet sees it. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { silentLogger } from '@kefu-edge/cloud-sync/ports'
import { expect, it } from 'vitest'
import { announce, kefu } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cloudOf, readPage, startCore } from './cloud-support.ts'

it('that the core saw another past stands in status, doctor, metrics and on the fleet page', async () => {
  const coreDir = tempFolder()
  const core = await startCore(coreDir)
  const config = { cloud: cloudOf(core) }
  const before = await startGateway({ config })
  const witnessed = () => before.cloud?.status().witness.entries ?? 0
  await expect.poll(witnessed, { timeout: 15_000 }).toBeGreaterThan(0)
  announce(before)
  const well = await kefu('doctor', '--data', before.dataDir)
  expect(well.out).toContain('the core has cosigned up to entry')
  await before.close()

  const beside = openCoreStore(coreDir)
  beside.prepare('UPDATE log_head SET root = zeroblob(32)').run()
  beside.close()
  const gateway = await startGateway({ dataDir: before.dataDir, config })
  const seen = () => gateway.cloud?.status().witness.inconsistency
  await expect.poll(seen, { timeout: 15_000 }).toContain('does not extend size')
  announce(gateway)
  const doctor = await kefu('doctor', '--data', gateway.dataDir)
  expect(doctor.code).toBe(1)
  expect(doctor.out).toContain('The core saw another past of this record: size')
  const status = await kefu('status', '--data', gateway.dataDir)
  expect(status.out).toContain('the core saw another past of this record')
  const metrics = await fetch(`http://127.0.0.1:${gateway.ports.http}/metrics`)
  expect(await metrics.text()).toContain('kefu_ledger_inconsistent 1')
  expect(await readPage(core, '/')).toMatch(/class="broken".*does not extend size/)
})

it('a core that lost its cosigner key and made another witnesses nothing, and the doctor says so', async () => {
  const coreDir = tempFolder()
  const core = await startCore(coreDir)
  const config = { cloud: cloudOf(core) }
  const before = await startGateway({ config })
  const outcomeOf = (gateway: typeof before) => () => gateway.cloud?.status().witness.outcome
  await expect.poll(outcomeOf(before), { timeout: 15_000 }).toBe('cosigned')
  await before.close()
  await core.stop()
  rmSync(join(coreDir, 'cosigner.key'))
  const told: unknown[] = []
  const logger = { ...silentLogger, warn: (fields: object) => void told.push(fields) }
  const other = await startCore(coreDir, core.port, logger)

  const gateway = await startGateway({ dataDir: before.dataDir, config })
  await expect.poll(outcomeOf(gateway), { timeout: 15_000 }).toBe('unknown-cosigner')
  expect(gateway.cloud?.status().witness.entries).toBe(0)
  announce(gateway)
  const doctor = await kefu('doctor', '--data', gateway.dataDir)
  expect(doctor.code).toBe(1)
  expect(doctor.out).toContain('is not of a key that is pinned here')
  expect(doctor.out).toContain('put cosigner.key of its data folder back')
  await gateway.close()

  const { cosignerKey } = other
  expect(cosignerKey).not.toBe(core.cosignerKey)
  expect(told).toEqual([expect.objectContaining({ newKey: cosignerKey })])
  const [, shown = ''] =
    /<code>(kefu-edge-core[^<]*)<\/code>/.exec(await readPage(other, '/')) ?? []
  expect(shown).toBe(cosignerKey)
  const cloud = { ...config.cloud, cosigners: [shown] }
  const trusting = await startGateway({ dataDir: before.dataDir, config: { cloud } })
  await expect.poll(outcomeOf(trusting), { timeout: 15_000 }).toBe('cosigned')
})

it('a box whose first enrolment was answered into the void pins the keys of its core all the same', async () => {
  const core = await startCore()
  const config = { cloud: cloudOf(core) }
  const before = await startGateway({ config })
  const pin = join(before.dataDir, 'keys/core.json')
  await expect.poll(() => existsSync(pin), { timeout: 15_000 }).toBe(true)
  await before.close()
  rmSync(pin)
  rmSync(join(before.dataDir, 'keys/cosigners.vkey'))

  const gateway = await startGateway({ dataDir: before.dataDir, config })
  const outcome = () => gateway.cloud?.status().witness.outcome
  await expect.poll(outcome, { timeout: 15_000 }).toBe('cosigned')
  expect(existsSync(pin)).toBe(true)
})
