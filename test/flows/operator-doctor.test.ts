import { chmodSync, closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { loadServerCertificate } from '@kefu-edge/cloud-sync/core/certificates'
import { afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { examine } from '../../gateway/cli/doctor.ts'
import type { Finding } from '../../gateway/cli/finding.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'
import type { Config } from '../../gateway/config/schema.ts'
import { packagePath } from '../../gateway/paths.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

const DAY_MS = 86_400_000
const servers: { close(): unknown }[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

const configOf = (dataDir: string, overrides: Record<string, unknown> = {}): Config =>
  loadConfig({
    dataDir,
    env: {},
    overrides: { http: { port: 0 }, mqtt: { port: 0 }, ...overrides },
  })

const found = (findings: readonly Finding[], level: Finding['level']): string[] =>
  findings.filter((one) => one.level === level).map((one) => `${one.check} ${one.verdict}`)

/** A folder in which a gateway has run and was stopped in order. */
async function usedFolder(): Promise<string> {
  const gateway = await startGateway()
  await gateway.ask(await gateway.addDevice('k1'), { id: '1', text: '门诊几点开门' })
  await gateway.close()
  return gateway.dataDir
}

describe('the doctor', () => {
  it('finds nothing bad with a gateway that runs, and asks it', async () => {
    const gateway = await startGateway()
    await gateway.addDevice('k1')
    announce(gateway)
    const said = await kefu('doctor', '--data', gateway.dataDir, '--json')
    const report = JSON.parse(said.out) as { isWell: boolean; findings: Finding[] }
    expect(found(report.findings, 'bad')).toEqual([])
    expect(said.code).toBe(0)
    expect(report.isWell).toBe(true)
    expect(found(report.findings, 'ok')).toEqual(
      expect.arrayContaining(['gateway ok', 'database ok', 'keys ok', 'jobs ok', 'ledger alone']),
    )
    const page = await kefu('doctor', '--data', gateway.dataDir)
    expect(page.out).toContain('数据库 Database')
    expect(page.out).toContain('→ Set backup.dir in kefu-edge.yaml')
  })

  it('finds nothing bad before the first start and after the last', async () => {
    expect(found(await examine(configOf(join(tempFolder(), 'new'))), 'bad')).toEqual([])
    const dir = await usedFolder()
    const findings = await examine(configOf(dir))
    expect(found(findings, 'bad')).toEqual([])
    expect(found(findings, 'ok')).toContain('checkpoint ok')
  })

  it('warns of a cloud core on another machine that is met without TLS', async () => {
    const dir = join(tempFolder(), 'new')
    const warned = async (url: string) =>
      found(await examine(configOf(dir, { cloud: { url } })), 'warn')
    expect(await warned('http://core.invalid:9443')).toContain('cloud plain')
    expect(await warned('https://core.invalid:9443')).not.toContain('cloud plain')
    expect(await warned('http://127.0.0.1:1')).not.toContain('cloud plain')
    expect(await warned('http://[::1]:1')).not.toContain('cloud plain')
  })

  it('finds what others may read, and says how to mend it', async () => {
    const dir = await usedFolder()
    chmodSync(join(dir, 'keys/master.key'), 0o644)
    chmodSync(dir, 0o755)
    const said = await kefu('doctor', '--data', dir, '--json')
    const { findings } = JSON.parse(said.out) as { findings: Finding[] }
    expect(said.code).toBe(1)
    expect(found(findings, 'bad')).toContain('keys readable')
    expect(found(findings, 'warn')).toContain('folder open-to-others')
    const keys = findings.find((one) => one.check === 'keys')
    expect(keys?.next?.en).toContain(`chmod 600 ${join(dir, 'keys/master.key')}`)
  })

  it('finds a damaged database', async () => {
    const dir = await usedFolder()
    const file = openSync(join(dir, 'kefu.db'), 'r+')
    for (let page = 2; page < 40; page++)
      writeSync(file, Buffer.alloc(64, 0xff), 0, 64, page * 4096)
    closeSync(file)
    const findings = await examine(configOf(dir))
    expect(found(findings, 'bad').some((one) => one.startsWith('database '))).toBe(true)
  })

  it('finds a clock that cannot be', async () => {
    const dir = await usedFolder()
    const in1970 = await examine(configOf(dir), { now: () => 1000 })
    expect(found(in1970, 'bad')).toContain('clock before-program')
  })

  it('finds a port that another program has, and one that is open to everybody', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    servers.push(server)
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const http = { port, host: '127.0.0.1' }
    const mqtt = { port: 0, host: '0.0.0.0', allowAnonymous: true }
    const findings = await examine(configOf(join(tempFolder(), 'new'), { http, mqtt }))
    expect(found(findings, 'bad')).toEqual(['ports taken', 'ports anonymous'])
    expect(found(findings, 'warn')).toContain('ports open')
    expect(findings.find((one) => one.verdict === 'taken')?.what.en).toContain(String(port))
  })

  it('finds a certificate that has ended or soon will', async () => {
    const dir = tempFolder()
    const nowMs = Date.now()
    const made = await loadServerCertificate(dir, ['localhost'], nowMs)
    const certFile = join(dir, 'site.pem')
    const keyFile = join(dir, 'site.key')
    writeFileSync(certFile, made.certPem)
    writeFileSync(keyFile, made.keyPem, { mode: 0o600 })
    const config = configOf(join(dir, 'new'), { tls: { certFile, keyFile } })
    const at = async (days: number) => {
      const findings = await examine(config, { now: () => nowMs + days * DAY_MS })
      return findings.find((one) => one.check === 'tls')?.verdict
    }
    expect(await at(0)).toBe('ok')
    expect(await at(36_500)).toBe('expired')
    chmodSync(keyFile, 0o644)
    expect(await at(0)).toBe('key-readable')
    const wrong = configOf(join(dir, 'new'), { tls: { certFile: join(dir, 'no'), keyFile } })
    expect(found(await examine(wrong), 'bad')).toContain('tls unreadable')
  })

  it('finds the authority of devices or core that has ended, by which nobody is let in', async () => {
    const dir = tempFolder()
    const nowMs = Date.now()
    const caFile = join(dir, 'ca.pem')
    writeFileSync(caFile, (await loadServerCertificate(dir, ['localhost'], nowMs)).certPem)
    const config = configOf(join(dir, 'new'), { cloud: { caFile } })
    const at = async (days: number) =>
      (await examine(config, { now: () => nowMs + days * DAY_MS }))
        .filter((one) => one.check === 'tls')
        .map((one) => one.verdict)
    expect(await at(0)).toEqual(['off'])
    expect(await at(36_500)).toEqual(['off', 'authority-expired'])

    // The new one beside the old one: a warning, since devices may have been renewed.
    const later = await loadServerCertificate(tempFolder(), ['localhost'], nowMs + 36_000 * DAY_MS)
    writeFileSync(caFile, later.certPem, { flag: 'a' })
    const findings = await examine(config, { now: () => nowMs + 36_100 * DAY_MS })
    expect(found(findings, 'warn')).toContain('tls authority-expired')
  })

  it('finds entries that have expired, devices that stay away and a cloud that cannot be reached', async () => {
    const gateway = await startGateway()
    const client = await gateway.connectMqtt('k1', await gateway.addDevice('k1'))
    await client.endAsync()
    await gateway.close()
    const url = 'http://127.0.0.1:1'
    const config = configOf(gateway.dataDir, { cloud: { url } })
    const nextMonth = await examine(config, { now: () => Date.now() + 30 * DAY_MS })
    expect(found(nextMonth, 'warn')).toEqual(
      expect.arrayContaining(['packs expired', 'devices away', 'cloud away']),
    )
  })

  it('says that a hospital still speaks the made-up facts that came with the pack', async () => {
    const { readValidPack } = await import('../../gateway/knowledge/read-pack.ts')
    const { checkPacks } = await import('../../gateway/cli/checks-record.ts')
    const pack = readValidPack(packagePath('packs/hospital'))
    const own = Object.fromEntries(Object.keys(pack.facts).map((name) => [name, 'our own']))
    const verdicts = (facts: typeof pack.facts) =>
      checkPacks([{ ...pack, facts }], Date.now()).map((one) => one.verdict)
    expect(verdicts(pack.facts)).toContain('examples')
    expect(verdicts(own)).not.toContain('examples')
  })

  it('says that a newer version of a pack came with the program than the box has installed', async () => {
    const { readValidPack } = await import('../../gateway/knowledge/read-pack.ts')
    const { checkPacks } = await import('../../gateway/cli/checks-record.ts')
    const pack = readValidPack(packagePath('packs/bank'))
    const { manifest } = pack
    const said = (version: string) =>
      checkPacks([{ ...pack, manifest: { ...manifest, version } }], Date.now())
        .map((one) => one.verdict)
        .includes('newer-came')
    expect(['1.1.0', '0.10.0', manifest.version, '10.0.0'].map(said)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  it('has words in Chinese and English, and a next step, for all that it can find', () => {
    const words = parse(readFileSync(packagePath('cli/data/doctor.yaml'), 'utf8')) as Record<
      string,
      Record<string, { zh?: string; en?: string }>
    >
    const sources = ['doctor.ts', 'checks-machine.ts', 'checks-record.ts']
      .map((file) => readFileSync(packagePath(`cli/${file}`), 'utf8'))
      .join('\n')
    const calls = [...sources.matchAll(/\b(say|warn|bad)\('([a-z]+)', '([a-z0-9-]+)'/g)]
    expect(calls.length).toBeGreaterThan(25)
    for (const [, , check = '', verdict = ''] of calls) {
      expect(words[check]?.title, check).toBeDefined()
      for (const key of [verdict, `${verdict}-next`]) {
        expect(words[check]?.[key], `${check} ${key}`).toMatchObject({
          zh: expect.any(String),
          en: expect.any(String),
        })
      }
    }
    for (const [, check = ''] of sources.matchAll(/\bok\('([a-z]+)'/g)) {
      expect(words[check]?.ok, check).toBeDefined()
    }
  })
})
