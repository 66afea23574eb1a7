import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

const patient = { id: 'p-1', kind: 'patient' } as const
const ERASE = ['subject', 'erase', patient.id, '--kind', 'patient', '--reason', 'asked', '--yes']

describe('a command on a box', () => {
  it('takes the folder behind an equals sign too, so that an erasure erases there', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    await gateway.ask(token, { id: '1', text: '停车场在哪', subject: patient })
    announce(gateway)
    expect((await kefu(...ERASE, `--data=${gateway.dataDir}`)).code).toBe(0)
    expect(await runOperation('subject.export', patient, gateway.box.operations)).toEqual([])
  })

  it('that asks after a person makes no box where none is, and does not say that nothing was kept', async () => {
    const dir = join(tempFolder(), 'mistyped')
    const said = await kefu(...ERASE, '--data', dir)
    expect(said.code).toBe(1)
    expect(said.err).toContain('storage.no-box')
    expect((await kefu('ledger', 'status', `--data=${dir}`)).err).toContain('storage.no-box')
    expect(existsSync(dir)).toBe(false)
  })

  it('is refused in a folder without a box, rather than backing up one that was just made', async () => {
    const dir = join(tempFolder(), 'mistyped')
    const file = join(tempFolder(), 'empty.kefu-backup')
    for (const words of [['backup', file], ['status'], ['ask', '停车场在哪'], ['pack', 'list']]) {
      const said = await kefu(...words, '--data', dir)
      expect({ code: said.code, err: said.err }).toEqual({
        code: 1,
        err: expect.stringContaining('storage.no-box'),
      })
    }
    expect(existsSync(dir) || existsSync(file)).toBe(false)
    const added = await kefu('device', 'add', 'n1', '--kind', 'nurse', '--data', dir)
    expect(added.err).toContain(`no box in ${dir}: a new one was made`)
  })

  it('reads the configuration that the gateway of the folder was started with', async () => {
    const gateway = await startGateway()
    const configFile = join(tempFolder(), 'ward.yaml')
    writeFileSync(configFile, 'log: { level: error }\n')
    announce(gateway, '127.0.0.1', configFile)
    const { out } = await kefu('config', '--json', '--data', gateway.dataDir)
    const { options } = JSON.parse(out) as { options: { name: string; value: unknown }[] }
    expect(options.find(({ name }) => name === 'log.level')?.value).toBe('error')
  })

  it('without a path behind --data is a mistake, not another folder', async () => {
    const said = await kefu('subject', 'export', 'p-1', '--kind', 'patient', '--data')
    expect(said.code).toBe(2)
    expect(said.err).toContain("'--data <value>' argument missing")
  })

  it('reaches a gateway that listens on one address of the site', async () => {
    const gateway = await startGateway({ config: { http: { host: '127.0.0.2', port: 0 } } })
    announce(gateway, '127.0.0.2')
    const said = await kefu('status', '--json', '--data', gateway.dataDir)
    expect(JSON.parse(said.out)).toMatchObject({ running: true, ports: gateway.ports })
  })
})

describe('passwords within addresses', () => {
  it('stand neither in the list of options nor in a support bundle', async () => {
    const dir = tempFolder()
    const yaml = [
      "site: { redis: 'redis://:Hosp1tal-Pw@10.0.0.5:6379' }",
      "bridges: [{ name: main, url: 'mqtt://edge:Br1dge-Pw@10.0.0.6', out: [{ filter: 'site/#' }] }]",
    ]
    writeFileSync(join(dir, 'kefu-edge.yaml'), yaml.join('\n'))
    const shown = await kefu('config', '--data', dir)
    expect(shown.code).toBe(0)
    expect(shown.out).toContain('redis://:[masked]@10.0.0.5:6379')
    const file = join(tempFolder(), 'bundle.json')
    expect((await kefu('support-bundle', file, '--data', dir)).code).toBe(0)
    for (const secret of ['Hosp1tal-Pw', 'Br1dge-Pw']) {
      expect(shown.out + readFileSync(file, 'utf8')).not.toContain(secret)
    }
  })
})

it('a backup holds nothing of a core that was started in the same folder', async () => {
  const gateway = await startGateway()
  mkdirSync(join(gateway.dataDir, 'cloud'))
  writeFileSync(join(gateway.dataDir, 'cloud/operator.token'), 'secret-of-the-core')
  announce(gateway)
  const file = join(tempFolder(), 'whole.kefu-backup')
  expect((await kefu('backup', file, '--data', gateway.dataDir)).code).toBe(0)
  const bytes = readFileSync(file)
  expect(bytes.includes('keys/master.key')).toBe(true)
  expect(bytes.includes('secret-of-the-core')).toBe(false)
})
