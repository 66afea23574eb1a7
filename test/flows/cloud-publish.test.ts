/** An operator publishes to the boxes from the command line of the core, and sees how they take it. */
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { operate } from '@kefu-edge/cloud-sync/core/cli/operate'
import { afterEach, expect, it } from 'vitest'
import { type CoreProcess, startCoreProcess } from '../bench/core-process.ts'
import { announce, kefu } from '../support/command.ts'
import { DESK_PACK, startGateway } from '../support/gateway.ts'
import { saidBy } from '../support/said.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { readCore, startCore } from './cloud-support.ts'

let core: CoreProcess | undefined
afterEach(async () => {
  await core?.stop()
  core = undefined
})

async function startedCore() {
  const data = tempFolder()
  const started = await startCoreProcess(data)
  core = started
  const said = (...args: readonly string[]) =>
    saidBy(operate, ['--core', started.url, '--data', data, ...args])
  /** What a command says that is done. */
  const cloud = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await said(...args)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    return out
  }
  const { url, caFile, enrolToken } = started
  return { cloud, said, options: { cloud: { url, caFile, enrolToken } } }
}

it('a pack reaches the boxes as the rollout grows, a command is done, and a bad file is told of', async () => {
  const { cloud, options } = await startedCore()
  const gateway = await startGateway({ config: options })
  await gateway.addDevice('k1')
  const folder = tempFolder()
  const pack = join(folder, 'desk')
  cpSync(DESK_PACK, pack, { recursive: true })
  const manifest = readFileSync(join(pack, 'pack.yaml'), 'utf8')
  writeFileSync(join(pack, 'pack.yaml'), manifest.replace('1.0.0', '1.0.1'))
  writeFileSync(join(folder, 'fleet.json'), '{"cloud":{"url":"https://elsewhere.example"}}')
  const listed = async (what: string) => {
    gateway.cloud?.nudge()
    return cloud('releases', what)
  }

  expect(await cloud('publish', 'pack', pack, '--percent', '0')).toContain(
    'pack/desk/1 (1.0.1) is offered to 0 % of the gateways until 20',
  )
  expect(await listed('pack/desk')).toMatch(
    /^pack\/desk\/1 {2}1\.0\.1 {2}0 % .*in use 0, refused 0/,
  )
  expect(await cloud('rollout', 'pack/desk', '100')).toContain('pack/desk/1 is offered to 100 %')
  await expect.poll(() => listed('pack'), { timeout: 30_000, interval: 500 }).toContain('in use 1')
  expect(gateway.box.library.list().find(({ isActive }) => isActive)?.version).toBe('1.0.1')

  const ours = ['--gateways', gateway.box.ledger.gatewayId]
  await cloud('publish', 'command', 'device.disable', 'id=k1', '--expires', '12h', ...ours)
  await cloud('publish', 'config', join(folder, 'fleet.json'))
  await expect
    .poll(() => listed('config/fleet'), { timeout: 30_000, interval: 500 })
    .toMatch(/refused 1, rolled back 0\n {2}\S+ refused .*"cloud" is set at the box only/s)
  await expect.poll(() => listed('command'), { timeout: 30_000 }).toContain('in use 1')
  expect(gateway.box.registry.list().find(({ id }) => id === 'k1')?.isDisabled).toBe(true)
}, 90_000)

it('a rollout that is halted is offered to nobody, says why, and goes on when it is widened', async () => {
  const { cloud } = await startedCore()
  const file = join(tempFolder(), 'fleet.json')
  writeFileSync(file, '{"limits":{"asksPerSecond":3}}')
  const { percent } = JSON.parse(
    await cloud('publish', 'config', file, '--percent', '10', '--json'),
  )
  expect(percent).toBe(10)
  await cloud('halt', 'config/fleet', '--reason', 'wrong limit')
  expect(await cloud('releases')).toContain('10 % until')
  expect(await cloud('releases')).toContain('\n  halted: wrong limit\n')
  await cloud('rollout', 'config/fleet/1', '50')
  const { releases } = JSON.parse(await cloud('releases', '--json'))
  expect(releases).toMatchObject([{ name: 'fleet', percent: 50, haltedReason: null }])
}, 60_000)

it('commands of one second are each one of its own', async () => {
  const { cloud } = await startedCore()
  const ids = ['k1', 'k2', 'k3', 'k4']
  await Promise.all(ids.map((id) => cloud('publish', 'command', 'device.disable', `id=${id}`)))
  const { releases } = JSON.parse(await cloud('releases', 'command', '--json'))
  expect(new Set(releases.map(({ name }: { name: string }) => name)).size).toBe(ids.length)
}, 60_000)

it('a pack is halted by its name however many announcements came after it, and the list tells of all', async () => {
  const elsewhere = await startCore()
  const publish = (kind: 'pack' | 'announcement', name: string) => {
    const draft = { kind, name, label: '1', content: Buffer.from('{}') }
    return elsewhere.releases.publish({ ...draft, expiresAtMs: Date.now() + 60_000 })
  }
  await publish('pack', 'hospital')
  await Promise.all(Array.from({ length: 500 }, (_, n) => publish('announcement', `call-${n}`)))
  const said = (...args: readonly string[]) =>
    saidBy(operate, ['--core', elsewhere.url, '--data', elsewhere.dataDir, ...args])

  expect(await said('halt', 'pack/hospital')).toMatchObject({
    err: '',
    out: expect.stringContaining('pack/hospital/1 is halted'),
  })
  expect((await said('releases', 'pack')).out).toMatch(/^pack\/hospital\/1 .*\n {2}halted:.*\n$/)
  expect(JSON.parse((await said('releases', '--json')).out).releases).toHaveLength(501)
  const first = await readCore(elsewhere, '/v1/releases?kind=announcement&limit=2')
  expect(first).toMatchObject({
    releases: [{ name: 'call-499' }, { name: 'call-498' }],
    total: 500,
    next: 'announcement/call-498/1',
  })
  const last = await readCore(elsewhere, '/v1/releases?limit=2&after=announcement/call-0/1')
  expect(last).toMatchObject({ releases: [{ name: 'hospital' }], total: 501, next: null })
  for (const query of ['limit=0', 'after=pack/hospital/2']) {
    const refused = await readCore(elsewhere, `/v1/releases?${query}`)
    expect(refused).toMatchObject({
      code: expect.stringMatching(/^re(quest\.invalid|lease\.unknown)$/),
    })
  }
}, 60_000)

it('a box that was stolen is blocked, and comes in again when the operator lets it', async () => {
  const { cloud, said, options } = await startedCore()
  const gateway = await startGateway({ config: options })
  const { gatewayId } = gateway.box.ledger
  const heard = () => {
    gateway.cloud?.nudge()
    return gateway.cloud?.status()
  }
  const state = () => heard()?.state
  await expect.poll(state, { timeout: 15_000 }).toBe('connected')
  expect(await cloud('block', gatewayId)).toContain('remove enrol.token')
  await gateway.addDevice('k1')
  await expect.poll(() => heard()?.lastError, { timeout: 20_000 }).toContain('gateway.blocked')
  expect(state()).toBe('away')
  announce(gateway)
  writeFileSync(join(gateway.dataDir, 'kefu-edge.yaml'), JSON.stringify(options))
  const { code, out } = await kefu('doctor', '--data', gateway.dataDir)
  expect(code).toBe(1)
  expect(out).toContain(`has shut this gateway (${gatewayId}) out`)
  expect(out).toContain(`npm run cloud -- unblock ${gatewayId}`)
  await cloud('unblock', gatewayId)
  await expect.poll(state, { timeout: 30_000 }).toBe('connected')
  expect(await said('block', 'gw-9')).toMatchObject({
    code: 1,
    err: expect.stringContaining('gw-9'),
  })
  expect(await said('block')).toMatchObject({ code: 2 })
}, 90_000)

it('whoever publishes what cannot be used is told why, and nothing is published', async () => {
  const { cloud, said } = await startedCore()
  const folder = tempFolder()
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const nowhere = join(folder, 'nowhere')
  const refusals: [number, string, readonly string[]][] = [
    [2, '"publihs" is not a command', ['publihs']],
    [2, 'publish packs: no such kind', ['publish', 'packs', DESK_PACK]],
    [2, 'a number from 0 to 100', ['publish', 'pack', DESK_PACK, '--percent', '1000']],
    [2, '--expires soon: 12h, 30d or', ['publish', 'pack', DESK_PACK, '--expires', 'soon']],
    [2, 'which? KIND/NAME[/SERIAL]', ['halt', 'desk']],
    [1, `${join(nowhere, 'pack.yaml')}: ENOENT`, ['publish', 'pack', nowhere]],
    [1, 'not JSON', ['publish', 'config', file('fleet.json', 'limits: {}')]],
    [1, '"k1" is not NAME=VALUE', ['publish', 'command', 'device.disable', 'k1']],
    [1, 'expiresAtMs is 2020', ['publish', 'pack', DESK_PACK, '--expires', '2020-01-01']],
    [2, '--gateways: which?', ['publish', 'command', 'reload', '--gateways', '']],
    [
      1,
      'ever enrolled here: gw-8, gw-9',
      ['publish', 'command', 'reload', '--gateways', 'gw-8,gw-9'],
    ],
    [1, 'There is no such release: pack/desk', ['halt', 'pack/desk']],
    [1, 'There is no such release: pack/desk/7', ['rollout', 'pack/desk/7', '5']],
    [1, 'operator.token', ['releases', '--token', nowhere]],
    [1, 'operator.token', ['releases', '--token', file('token', 'wrong')]],
  ]
  const heard = await Promise.all(refusals.map(([, , args]) => said(...args)))
  heard.forEach(({ code, err }, at) => {
    const [wanted, words] = refusals[at] ?? []
    expect(err).toContain(words)
    expect({ code, err }).toMatchObject({ code: wanted })
  })
  expect(await cloud('releases')).toBe('There are no such releases.\n')
}, 60_000)

it('the program of the core tells its commands when it is asked for help', () => {
  const main = join(import.meta.dirname, '../../cloud-sync/core/main.ts')
  const flags = ['--conditions=kefu-source', '--import', 'tsx', main, 'publish', '--help']
  const { status, stdout } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  expect(stdout).toContain('--percent N')
  expect(status).toBe(0)
}, 30_000)
