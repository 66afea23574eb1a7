/** Three branches count a day, the core adds, and only the holder of the key reads the sum. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeHolderKey } from '@kefu-edge/cloud-sync/counting/holder'
import { counts as countsTool } from '@kefu-edge/cloud-sync/counting/tool'
import { keyIdOf } from '@kefu-edge/cloud-sync/protocol/counts'
import { expect, it } from 'vitest'
import { examine } from '../../gateway/cli/doctor.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { saidBy } from '../support/said.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cloudOf, readCore, startCore, type TestCore } from './cloud-support.ts'

const DAY_MS = 86_400_000
const yesterday = () => new Date(Date.now() - DAY_MS)
const TOOL = join(import.meta.dirname, '../../cloud-sync/counting/main.ts')
/** The keys of two holders; to make one takes a second. */
const keys = [makeHolderKey(2048), makeHolderKey(2048)] as const

const tool = (...args: readonly string[]) => saidBy(countsTool, args)
/** The same as a process of its own. */
async function toolProcess(...args: readonly string[]): Promise<string> {
  const flags = ['--conditions=kefu-source', '--import', 'tsx', TOOL, ...args]
  return (await promisify(execFile)(process.execPath, flags)).stdout
}

/** A box on which so many people asked yesterday, and which meets the core today. */
async function branch(core: TestCore, asks: number, keyFile: string): Promise<TestGateway> {
  const dataDir = tempFolder()
  const clock = { now: () => Date.now() - DAY_MS, monotonic: () => performance.now() }
  const before = await startGateway({ dataDir, overrides: { clock } })
  const token = await before.addDevice('k1')
  for (let n = 0; n < asks; n += 1) await before.ask(token, { id: `a${n}`, text: '停车场在哪' })
  await before.close()
  const counts = { keyFile, intents: ['parking'] }
  return startGateway({ dataDir, config: { cloud: { ...cloudOf(core), counts } } })
}

const send = (gateway: TestGateway) => gateway.box.hooks.live?.runJob('branch-counts')
const connected = (gateway: TestGateway) =>
  expect.poll(() => gateway.cloud?.pusher.status().state, { timeout: 15_000 }).toBe('connected')

it('sums of a day reach the holder of the key, and numbers of one branch nobody', async () => {
  const core = await startCore()
  const folder = tempFolder()
  const keyFile = join(folder, 'holder.key')
  const key = await keys[0]
  const { n, g } = key
  writeFileSync(keyFile, JSON.stringify(key))
  writeFileSync(`${keyFile}.pub`, JSON.stringify({ n, g }))
  writeFileSync(join(folder, 'token'), core.operatorToken)
  const there = ['--core', core.url, '--ca', core.caFile, '--token', join(folder, 'token')]

  const branches: TestGateway[] = []
  for (const asks of [1, 2, 4]) branches.push(await branch(core, asks, `${keyFile}.pub`))
  await Promise.all(branches.map(connected))
  const [first] = branches
  if (!first) throw new Error('no branch')
  expect(await send(first)).toMatchObject({
    kind: 'failed',
    error: expect.stringMatching(/counts\.unknown-key .*npm run counts -- add-key/),
  })
  expect(await toolProcess('add-key', `${keyFile}.pub`, ...there)).toContain(keyIdOf(key))

  const period = yesterday().toLocaleDateString('sv')
  for (const gateway of branches) {
    const sums = (await readCore(core, `/v1/counts/${period}`)) as { sums: unknown[] }
    expect(sums.sums).toEqual([])
    expect(await send(gateway)).toMatchObject({ kind: 'done', result: `${period} sent` })
    expect(await send(gateway)).toMatchObject({ kind: 'done', result: 'nothing new' })
  }
  const otherFile = join(folder, 'other.key')
  writeFileSync(otherFile, JSON.stringify(await keys[1]))
  expect(await tool('read', otherFile, period, ...there)).toMatchObject({
    code: 1,
    err: expect.stringContaining('There is no sum of this key for that day'),
  })
  const { out: read } = await tool('read', keyFile, period, ...there)
  expect(read).toContain(`${period}\t3\tasks\t7\n`)
  expect(read).toContain(`${period}\t3\tintent.parking\t7\n`)
  expect(read).toContain(`${period}\t3\tfeedback.up\t0\n`)
}, 120_000)

it('an intent that no pack has is named at the start and by the doctor, instead of counting 0 in silence', async () => {
  const dataDir = tempFolder()
  const before = await startGateway({ dataDir })
  await before.close()
  const { n, g } = await keys[0]
  const keyFile = join(dataDir, 'counting.pub')
  writeFileSync(keyFile, JSON.stringify({ n, g }))
  const counts = { keyFile, intents: ['parking', 'parkign'] }
  const config = { cloud: { ...cloudOf(await startCore()), counts } }
  const gateway = await startGateway({ dataDir, config: { ...config, log: { level: 'warn' } } })
  const lines = gateway.box.hooks.live?.recentLog() ?? []
  expect(lines.filter((line) => line.includes('cloud.counts.intents'))).toEqual([
    expect.stringContaining('"intents":["parkign"]'),
  ])
  await gateway.close()

  const findingOf = async (intents: readonly string[]) => {
    const cloud = { ...config.cloud, counts: { keyFile, intents } }
    const findings = await examine(loadConfig({ dataDir, env: {}, overrides: { cloud } }))
    return findings.find(({ check }) => check === 'counts')
  }
  expect(await findingOf(['parking', 'parkign'])).toMatchObject({
    level: 'warn',
    what: { en: expect.stringMatching(/No active pack has parkign /) },
  })
  expect(await findingOf(['parking'])).toBeUndefined()
}, 30_000)

it('whoever gives the tool what it cannot use is told what to give it', async () => {
  const core = await startCore()
  const folder = tempFolder()
  const key = await keys[0]
  const { mu } = await keys[1]
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const there = ['--core', core.url, '--ca', core.caFile]
  const token = ['--token', file('token', core.operatorToken)]
  const keyFile = file('holder.key', JSON.stringify(key))
  const spoiled = file('spoiled.key', JSON.stringify({ ...key, mu }))
  const nowhere = join(folder, 'nowhere')
  const said = async (...args: readonly string[]) => (await tool(...args)).err

  expect(await said('make-key', keyFile)).toContain(`${keyFile}: EEXIST\n  make-key writes FILE`)
  expect(await said('read', nowhere, '2026-11-22', ...there, ...token)).toContain('ENOENT\n  make')
  expect(await said('read', spoiled, '2026-11-22', ...there, ...token)).toContain('of another key')
  expect(await said('read', keyFile, 'friday', ...there, ...token)).toContain('such as 2026-11-22')
  expect(await said('read', keyFile, '2026-11-22', ...there, ...token)).toContain('three branches')
  const wrong = ['--token', file('wrong', 'x')]
  expect(await said('read', keyFile, '2026-11-22', ...there, ...wrong)).toContain('operator.token')
  const another = ['--core', core.url, '--ca', (await startCore()).caFile]
  expect(await said('read', keyFile, '2026-11-22', ...another, ...token)).toContain('cloud.caFile')
  const gone = ['--core', 'https://127.0.0.1:1', '--ca', core.caFile]
  expect(await said('read', keyFile, '2026-11-22', ...gone, ...token)).toContain('Check cloud.url')
}, 120_000)

it('a private key is not taken on a gateway, nor a file that is no key', async () => {
  const core = await startCore()
  const holder = JSON.stringify(await keys[0])
  for (const text of [holder, '{}', 'not JSON']) {
    const keyFile = join(tempFolder(), 'some.key')
    writeFileSync(keyFile, text)
    await expect(
      startGateway({ config: { cloud: { ...cloudOf(core), counts: { keyFile } } } }),
    ).rejects.toMatchObject({ code: 'config.invalid' })
  }
}, 60_000)
