/** What the cloud core sends down beside packs and announcements: twins, commands, configuration. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ReleaseKind } from '@kefu-edge/cloud-sync/protocol/release'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cloudOf, startCore, type TestCore } from './cloud-support.ts'

const DAY_MS = 86_400_000

async function site(more: object = {}, dataDir = tempFolder()) {
  const core = await startCore()
  const gateway = await startGateway({ dataDir, config: { cloud: { ...cloudOf(core), ...more } } })
  return { core, gateway }
}

/** Publishes and waits for what became of it. */
async function release(
  { core, gateway }: { core: TestCore; gateway: TestGateway },
  kind: ReleaseKind,
  name: string,
  content: unknown,
): Promise<'active' | 'refused' | 'rolled back' | 'not here'> {
  const { serial } = await core.releases.publish({
    kind,
    name,
    label: name,
    content: Buffer.from(JSON.stringify(content)),
    expiresAtMs: Date.now() + DAY_MS,
  })
  const outcome = () => {
    gateway.cloud?.nudge()
    const report = core.releases
      .reports(20)
      .find((one) => one.kind === kind && one.name === name && one.serial === serial)
    if (report?.active) return 'active'
    if (report?.refused) return 'refused'
    if (report?.notHere) return 'not here'
    return report?.rolledBack ? 'rolled back' : undefined
  }
  await expect.poll(outcome, { timeout: 20_000 }).toBeDefined()
  return outcome() ?? 'refused'
}

const kinds = (gateway: TestGateway) =>
  gateway.box.ledger.entriesFrom(0, 1000).map((entry) => entry.kind)

describe('a released twin', () => {
  it('is what the devices of a group should be, and reaches them', async () => {
    const at = await site()
    const token = await at.gateway.addDevice('s1', 'speaker', ['ward-3'])
    const client = await at.gateway.connectMqtt('s1', token)
    const heard: unknown[] = []
    client.on('message', (_topic, payload) => heard.push(JSON.parse(payload.toString())))
    await client.subscribeAsync('kefu/v1/s1/desired', { qos: 1 })
    const twin = { group: 'ward-3', state: { volume: 7 } }
    expect(await release(at, 'twin', 'quiet-ward', twin)).toBe('active')
    await expect.poll(() => heard.at(-1)).toMatchObject({ state: { volume: 7 } })
    expect(await release(at, 'twin', 'quiet-ward', twin)).toBe('active')
    expect(kinds(at.gateway).filter((kind) => kind === 'twin.desired')).toHaveLength(1)
  }, 60_000)

  it('for a device that is not here concerns nothing here, as a command for one does', async () => {
    const at = await site()
    const twin = { device: 'nobody', state: { a: 1 } }
    expect(await release(at, 'twin', 'lost', twin)).toBe('not here')
    const command = { operation: 'device.disable', args: { id: 'nobody' } }
    expect(await release(at, 'command', 'stolen', command)).toBe('not here')
    expect(at.core.releases.reports(9)).toMatchObject([{ failures: [] }, { failures: [] }])
    expect(at.gateway.cloud?.status().releases.notInUse).toEqual([])
  }, 60_000)
})

describe('a released command', () => {
  it('is carried out and recorded', async () => {
    const at = await site()
    await at.gateway.addDevice('k1')
    const command = { operation: 'device.disable', args: { id: 'k1' } }
    expect(await release(at, 'command', 'stolen-kiosk', command)).toBe('active')
    expect(at.gateway.box.registry.list().find(({ id }) => id === 'k1')?.isDisabled).toBe(true)
    expect(kinds(at.gateway)).toContain('command.done')
  }, 60_000)

  it('is not told as done when its job failed', async () => {
    const file = join(tempFolder(), 'no-folder')
    writeFileSync(file, '')
    const core = await startCore()
    const backup = { dir: join(file, 'backups') }
    const gateway = await startGateway({ config: { cloud: cloudOf(core), backup } })
    const command = { operation: 'job.run', args: { name: 'backup' } }
    expect(await release({ core, gateway }, 'command', 'backup-now', command)).toBe('refused')
    expect(kinds(gateway)).not.toContain('command.done')
    const [report] = core.releases.reports(9)
    expect(report?.failures).toMatchObject([{ reason: expect.stringContaining('no-folder') }])
  }, 60_000)

  it.each([
    ['that erases a person', { operation: 'subject.erase', args: { id: 'a', kind: 'patient' } }],
    ['with wrong arguments', { operation: 'device.disable', args: {} }],
    ['that is none', 'hello'],
  ])(
    '%s is refused',
    async (_what, command) => {
      const at = await site()
      expect(await release(at, 'command', 'odd', command)).toBe('refused')
      expect(kinds(at.gateway)).not.toContain('command.done')
    },
    60_000,
  )
})

it('an announcement that no device here is meant by concerns nothing here', async () => {
  const at = await site()
  const said = { text: '三楼停水', group: 'ward-9' }
  expect(await release(at, 'announcement', 'water', said)).toBe('not here')
}, 60_000)

it('an announcement whose id was used before is told as not said', async () => {
  const at = await site()
  await at.gateway.addDevice('tablet-1')
  const evacuate = (text: string) => ({ id: 'evacuate', text, devices: ['tablet-1'] })
  expect(await release(at, 'announcement', 'drill', evacuate('火警演习'))).toBe('active')
  expect(await release(at, 'announcement', 'fire', evacuate('请立即撤离'))).toBe('refused')
  const [report] = at.core.releases.reports(9)
  expect(report?.failures).toMatchObject([{ reason: expect.stringContaining('tablet-1: dup') }])
}, 60_000)

describe('released options', () => {
  const rule = { kind: 'watcher', subscribe: ['kefu/v1/+/presence'] }

  it('lie under the file of the box, and permissions are in force at once', async () => {
    const dataDir = tempFolder()
    writeFileSync(join(dataDir, 'kefu-edge.yaml'), 'limits: { sessionIdleMinutes: 5 }\n')
    const at = await site({}, dataDir)
    const token = await at.gateway.addDevice('w1', 'watcher')
    const client = await at.gateway.connectMqtt('w1', token)
    const topic = 'kefu/v1/+/presence'
    const granted = async () => (await client.subscribeAsync(topic, { qos: 1 }))[0]?.qos
    await expect(granted()).rejects.toThrow()
    const options = { permissions: [rule], limits: { sessionIdleMinutes: 60, asksPerSecond: 3 } }
    expect(await release(at, 'config', 'fleet', options)).toBe('active')
    expect(await granted()).toBe(1)
    const { limits } = loadConfig({ dataDir, env: {} })
    expect(limits).toMatchObject({ sessionIdleMinutes: 5, asksPerSecond: 3 })
  }, 60_000)

  it.each([
    ['that send the box elsewhere', { cloud: { url: 'https://elsewhere.example' } }],
    ['that are not known', { limits: { asksPerMinute: 3 } }],
    ['that are no map', [1]],
  ])(
    '%s are refused, and nothing is written',
    async (_what, options) => {
      const at = await site()
      expect(await release(at, 'config', 'fleet', options)).toBe('refused')
      expect(existsSync(join(at.gateway.dataDir, 'released.json'))).toBe(false)
    },
    60_000,
  )

  it('that cannot be put in force are taken back', async () => {
    const at = await site()
    expect(await release(at, 'config', 'fleet', { permissions: [rule] })).toBe('active')
    const file = join(at.gateway.dataDir, 'released.json')
    const before = readFileSync(file, 'utf8')
    const reloads = failOnce(at.gateway)
    const wider = { permissions: [{ ...rule, subscribe: ['#'] }] }
    expect(await release(at, 'config', 'fleet', wider)).toBe('rolled back')
    expect(readFileSync(file, 'utf8')).toBe(before)
    expect(reloads()).toBe(2)
  }, 60_000)

  it('that are published again as they are, and cannot be put in force then, stay what they were', async () => {
    const at = await site()
    const file = join(at.gateway.dataDir, 'released.json')
    expect(await release(at, 'config', 'fleet', { limits: { asksPerSecond: 3 } })).toBe('active')
    const options = { limits: { asksPerSecond: 4 } }
    expect(await release(at, 'config', 'fleet', options)).toBe('active')
    failOnce(at.gateway)
    expect(await release(at, 'config', 'fleet', options)).toBe('rolled back')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(options)
  }, 60_000)
})

/** The next reload fails, as where the file of the box was broken meanwhile; says how many there were. */
function failOnce(gateway: TestGateway): () => number {
  const { live } = gateway.box.hooks
  if (!live) throw new Error('not running')
  let reloads = 0
  gateway.box.hooks.live = {
    ...live,
    reload: () => {
      reloads += 1
      return reloads === 1 ? Promise.reject(new Error('no')) : live.reload()
    },
  }
  return () => reloads
}

it('kinds that the box does not accept stay where they are', async () => {
  const at = await site({ accept: ['twin'] })
  await at.core.releases.publish({
    kind: 'command',
    name: 'not-taken',
    label: '',
    content: Buffer.from(JSON.stringify({ operation: 'device.disable', args: { id: 'k1' } })),
    expiresAtMs: Date.now() + DAY_MS,
  })
  await at.gateway.addDevice('k1')
  expect(await release(at, 'twin', 'other', { device: 'k1', state: { a: 1 } })).toBe('active')
  expect(at.gateway.box.registry.list()[0]?.isDisabled).toBe(false)
}, 60_000)
