/** A box whose clock was wrong: what the operator sees, and how he brings it back. */
import { systemClock } from '@kefu-edge/cloud-sync/ports'
import { expect, it } from 'vitest'
import { examine } from '../../gateway/cli/doctor.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cloudOf, startCore } from './cloud-support.ts'

const DAY_MS = 86_400_000

/** A folder of a box that ran with its clock set so many days ahead. */
async function ranAhead(days: number): Promise<string> {
  const dataDir = tempFolder()
  const clock = { ...systemClock, now: () => Date.now() + days * DAY_MS }
  const gateway = await startGateway({ dataDir, overrides: { clock } })
  await gateway.box.time.persist()
  await gateway.close()
  return dataDir
}

const clockFinding = async (dataDir: string, nowMs: number) =>
  (await examine(loadConfig({ dataDir, env: {} }), { now: () => nowMs })).find(
    ({ check }) => check === 'clock',
  )

it('a box that ran half a year ahead once believes its clock and the core again when the operator says so', async () => {
  const dataDir = await ranAhead(180)
  const core = await startCore()
  const gateway = await startGateway({ dataDir, config: { cloud: cloudOf(core) } })
  const state = () => gateway.cloud?.pusher.status().state
  await expect.poll(state, { timeout: 15_000 }).toBe('connected')
  expect(gateway.box.time.doubt()).toBeDefined()
  announce(gateway)
  await gateway.addDevice('s1', 'speaker', ['ward-3'])
  await core.releases.publish({
    kind: 'twin',
    name: 'quiet-ward',
    label: '1',
    content: Buffer.from(JSON.stringify({ group: 'ward-3', state: { volume: 7 } })),
    expiresAtMs: Date.now() + 30 * DAY_MS,
  })
  const report = () => {
    gateway.cloud?.nudge()
    return core.releases.reports(1)[0]
  }
  const waiting = async () => {
    gateway.cloud?.nudge()
    return (await kefu('doctor', '--data', dataDir)).out
  }
  await expect.poll(waiting, { timeout: 15_000 }).toContain('waits until the time is known')
  const seen = await kefu('doctor', '--data', dataDir)
  expect(seen.out).toContain('it was ahead once: kefu-edge clock accept')

  const said = await kefu('clock', 'accept', '--data', dataDir)
  expect(said.code).toBe(0)
  expect(gateway.box.time.doubt()).toBeUndefined()
  expect(Math.abs(gateway.box.time.now() - Date.now())).toBeLessThan(DAY_MS)
  const { entriesFrom, size } = gateway.box.ledger
  expect(entriesFrom(0, size()).map(({ kind }) => kind)).toContain('clock.accepted')
  expect(await gateway.box.hooks.live?.runJob('retention')).toMatchObject({
    result: expect.not.stringContaining('in doubt'),
  })
  // A release whose term ends before the time of the clock that was ahead.
  await expect.poll(report, { timeout: 15_000 }).toMatchObject({ active: 1, refused: 0 })
  await gateway.close()

  // The floor that was taken back stays so after a restart.
  const again = await startGateway({ dataDir })
  expect(again.box.time.doubt()).toBeUndefined()
  expect((await kefu('clock', 'now', '--data', dataDir)).code).toBe(2)
}, 60_000)

it('a clock before the program is not accepted', async () => {
  const clock = { ...systemClock, now: () => 1000 }
  const gateway = await startGateway({ overrides: { clock } })
  announce(gateway)
  const said = await kefu('clock', 'accept', '--data', gateway.dataDir)
  expect(said.code).toBe(1)
  expect(said.err).toContain('Set it first (timedatectl or NTP). It says 1970-01-01')
})

it('the doctor names a clock that is years ahead as the box doubts it', async () => {
  const dataDir = await ranAhead(0)
  const finding = await clockFinding(dataDir, Date.now() + 3000 * DAY_MS)
  expect(finding).toMatchObject({ level: 'bad', verdict: 'ahead' })
  expect(finding?.next?.en).toContain('kefu-edge clock accept')
  expect(await clockFinding(dataDir, Date.now())).toMatchObject({ level: 'ok' })
})

it('a clock that is weeks ahead of what the box counted is named, with what to do, until it is accepted', async () => {
  const dataDir = await ranAhead(-20)
  expect(await clockFinding(dataDir, Date.now())).toMatchObject({ verdict: 'unproven' })
  const gateway = await startGateway({ dataDir, config: { log: { level: 'warn' } } })
  announce(gateway)
  const log = () => gateway.box.hooks.live?.recentLog().join(' ')
  await expect.poll(log, { timeout: 10_000 }).toContain('the clock jumped ahead')
  const doctor = await kefu('doctor', '--data', dataDir)
  expect(doctor.out).toMatch(/20 days ahead.*kefu-edge clock accept/s)
  expect((await kefu('status', '--data', dataDir)).out).toContain('kefu-edge clock accept')
  await kefu('clock', 'accept', '--data', dataDir)
  expect((await kefu('doctor', '--data', dataDir)).out).not.toContain('clock accept')
  await gateway.close()
}, 30_000)
