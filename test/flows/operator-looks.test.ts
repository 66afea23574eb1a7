import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeOptions } from '../../gateway/config/describe-options.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

const PHONE = '13812345678'
/** A made-up number whose check character fits. */
const RESIDENT_ID = '11010519491231002X'
const BANK_CARD = '6222021234567890128'

describe('a support bundle', () => {
  it('holds what a supporter needs, and no token, key or personal data', async () => {
    const secret = 'enrol-me-once-8472'
    const gateway = await startGateway({
      config: { log: { level: 'error' }, cloud: { url: 'http://127.0.0.1:1', enrolToken: secret } },
    })
    const token = await gateway.addDevice('k1')
    const said = `我叫张三丰，手机${PHONE}，身份证${RESIDENT_ID}，卡号${BANK_CARD}`
    await gateway.ask(token, { id: '1', text: said })
    gateway.loggers.gateway.error({ said, token, header: `Bearer ${token}` }, `refused: ${said}`)
    gateway.loggers.gateway.error(`a device sent {"claim":"ABCDE-FGHJK","token":"${token}"}`)
    announce(gateway)
    const file = join(tempFolder(), 'bundle.json')
    const made = await kefu('support-bundle', file, '--data', gateway.dataDir)
    expect(made.code).toBe(0)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const text = readFileSync(file, 'utf8')
    const adminToken = readFileSync(join(gateway.dataDir, 'admin.token'), 'utf8').trim()
    const master = readFileSync(join(gateway.dataDir, 'keys/master.key'), 'utf8').trim()
    const never = [token, adminToken, master, secret, PHONE, RESIDENT_ID, BANK_CARD, '张三丰']
    for (const one of [...never, 'ABCDE-FGHJK', 'PRIVATE KEY']) expect(text).not.toContain(one)
    const bundle = JSON.parse(text) as Record<string, unknown>
    expect(Object.keys(bundle)).toEqual([
      'madeAt',
      'versions',
      'doctor',
      'status',
      'config',
      'log',
      'metrics',
    ])
    expect(bundle.status).toMatchObject({ running: true, devices: { registered: 1 } })
    expect((bundle.log as { lines: string[] }).lines.join('\n')).toContain('refused: ')
    expect((bundle.metrics as string[]).some((line) => line.startsWith('kefu_'))).toBe(true)
  })

  it('is made without a gateway too', async () => {
    const dir = tempFolder()
    const file = join(dir, 'bundle.json')
    const made = await kefu('support-bundle', file, '--data', join(dir, 'new'), '--json')
    expect(made.code).toBe(0)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ metrics: 'no gateway runs' })
    expect((await kefu('support-bundle')).code).toBe(2)
    const nowhere = await kefu('support-bundle', join(dir, 'no/such/b.json'), '--data', dir)
    expect(nowhere).toMatchObject({ code: 1, err: expect.stringContaining('bundle.not-written') })
  })
})

describe('the metrics page', () => {
  it('holds what a site sets its alarms on: a job that fails, the age of the backup, the disk, the clock', async () => {
    const dir = join(tempFolder(), 'backups')
    writeFileSync(dir, 'the disk is not mounted')
    const gateway = await startGateway({ packs: [], config: { backup: { dir } } })
    const page = async () => (await fetch(`${gateway.httpUrl}/metrics`)).text()
    const figure = async (name: string) =>
      (await page())
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1]
    await expect.poll(() => figure('kefu_job_failing{job="backup"}')).toBe('1')
    expect(await figure('kefu_backup_age_seconds')).toBeUndefined()
    expect(Number(await figure('kefu_disk_free_bytes'))).toBeGreaterThan(0)
    expect(await figure('kefu_time_in_doubt')).toBe('0')
    expect(await figure('kefu_certificate_left_seconds')).toBeUndefined()
    expect(await page()).toContain('# TYPE kefu_mqtt_messages_received counter')
    rmSync(dir)
    await runOperation('job.run', { name: 'backup' }, gateway.box.operations)
    expect(await figure('kefu_job_failing{job="backup"}')).toBe('0')
    expect(Number(await figure('kefu_backup_age_seconds'))).toBeLessThan(60)
  })
})

describe('the configuration page', () => {
  it('shows every option with who needs it, its default and its value, secrets masked', async () => {
    const dir = tempFolder()
    const yaml = 'http: { port: 9090 }\ncloud: { url: "https://core.example", enrolToken: abc }\n'
    writeFileSync(join(dir, 'kefu-edge.yaml'), yaml)
    const { code, out } = await kefu('config', '--data', dir, '--json')
    expect(code).toBe(0)
    const { options } = JSON.parse(out) as { options: Record<string, unknown>[] }
    expect(options).toHaveLength(describeOptions().length)
    for (const { name, description, who } of options) {
      expect(description, String(name)).toMatch(/\S/)
      expect(['IT', 'nurses', 'auditors', 'device makers'], String(name)).toContain(who)
    }
    expect(options).toContainEqual(
      expect.objectContaining({ name: 'http.port', default: 8080, value: 9090, type: 'integer' }),
    )
    expect(options).toContainEqual(
      expect.objectContaining({ name: 'cloud.enrolToken', value: '[masked]' }),
    )
    expect(options).toContainEqual(
      expect.objectContaining({ name: 'permissions[].denySubscribe', type: 'array' }),
    )
    const page = await kefu('config', '--data', dir)
    expect(page.out).toMatch(/^bridges\[\]\.in\[\]\.localPrefix$/m)
    expect(page.out).toContain('http.port: 9090  (default 8080)')
    expect(page.out).not.toContain('abc')
  })
})

describe('the status', () => {
  it('is a page in Chinese and English, or JSON', async () => {
    const gateway = await startGateway()
    await gateway.addDevice('k1')
    announce(gateway)
    const page = await kefu('status', '--data', gateway.dataDir)
    expect(page.code).toBe(0)
    expect(page.out).toContain('运行中 running')
    expect(page.out).toMatch(/设备 Devices +1 已登记 registered/)
    expect(page.out).toContain('ledger-checkpoint')
    const json = await kefu('status', '--data', gateway.dataDir, '--json')
    expect(JSON.parse(json.out)).toMatchObject({
      running: true,
      ports: gateway.ports,
      isTimeInDoubt: false,
      ledger: { lanes: expect.arrayContaining([expect.objectContaining({ lane: 'audit' })]) },
    })
    await gateway.close()
    const stopped = await kefu('status', '--data', gateway.dataDir)
    expect(stopped.out).toContain('未运行 not running')
  })
})
