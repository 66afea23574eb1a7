import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { operate } from '../../gateway/cli/operate.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { greeting } from '../../gateway/greeting.ts'
import { untilNoCommandHolds } from '../../gateway/main.ts'
import { packagePath } from '../../gateway/paths.ts'
import { openDataFolder } from '../../gateway/storage/data-folder.ts'
import { announce, kefu, listen } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

const list = (dataDir: string, startingMs: number) =>
  operate(loadConfig({ dataDir, env: {} }), 'device.list', {}, { startingMs })

describe('a command typed while the gateway still starts', () => {
  it('waits until it listens', async () => {
    const gateway = await startGateway({ packs: [] })
    const listed = list(gateway.dataDir, 20_000)
    const first = await Promise.race([listed, new Promise((resolve) => setImmediate(resolve))])
    expect(first).toBeUndefined()
    announce(gateway)
    expect(await listed).toEqual([])
  })

  it('is not misled by what a gateway that was killed left behind', async () => {
    const gateway = await startGateway({ packs: [] })
    const dead = { http: await freePort(), mqtt: 1 }
    gateway.box.folder.writeRunFile({ pid: 1, ports: dead, startedAt: '2026-11-22T08:00:00Z' })
    const listed = list(gateway.dataDir, 20_000)
    setTimeout(() => announce(gateway), 300)
    expect(await listed).toEqual([])
  })

  it('says who has the folder when nobody ever listens', async () => {
    const dataDir = tempFolder()
    const folder = openDataFolder(dataDir)
    await expect(list(dataDir, 300)).rejects.toMatchObject({ code: 'storage.in-use' })
    const listed = list(dataDir, 20_000)
    folder.release()
    expect(await listed).toEqual([])
  })
})

describe('a start while somebody has the data folder', () => {
  it('waits for a command to end: what keeps the gateway running gives up after a few that failed', async () => {
    const dataDir = tempFolder()
    const folder = openDataFolder(dataDir)
    const { said, io } = listen()
    let isFree = false
    const waited = untilNoCommandHolds(dataDir, io).then(() => {
      expect(isFree).toBe(true)
    })
    await expect.poll(() => said.err).toHaveLength(1)
    isFree = true
    folder.release()
    await waited
  })

  it('waits for no other gateway', async () => {
    const dataDir = tempFolder()
    const folder = openDataFolder(dataDir)
    const ports = { http: 1, mqtt: 1 }
    folder.writeRunFile({ pid: process.ppid, ports, startedAt: '2026-11-28T08:00:00Z' })
    const { said, io } = listen()
    await untilNoCommandHolds(dataDir, io)
    expect(said.err).toEqual([])
    folder.release()
  })
})

/** `kefu-edge start` in a process of its own; ended with the test. */
function start(dataDir: string) {
  const main = pathToFileURL(packagePath('cli/main.ts')).href
  const code = `const { main } = await import('${main}')
    process.exitCode = await main(['start', '--data', ${JSON.stringify(dataDir)}])`
  const tools = ['--conditions=kefu-source', '--import', 'tsx', '--input-type=module']
  const env = { ...process.env, KEFU_HTTP_PORT: '0', KEFU_MQTT_PORT: '0', KEFU_LOG_LEVEL: 'info' }
  const child = spawn(process.execPath, [...tools, '-e', code], { env })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  return { child, ended: once(child, 'exit'), said: () => said }
}

describe('a start that is asked to reload', () => {
  it('before it listens goes on, and reloads once it does', async () => {
    const { dataDir, close } = await startGateway()
    await close()
    const folder = openDataFolder(dataDir)
    const { child, ended, said } = start(dataDir)
    await expect.poll(said, { timeout: 30_000 }).toContain('A command is at work')
    child.kill('SIGHUP')
    await expect.poll(() => child.signalCode ?? 'lives').toBe('lives')
    folder.release()
    await expect.poll(said, { timeout: 30_000 }).toContain('"reloaded"')
    await expect.poll(said, { timeout: 30_000 }).toContain('Kefu Edge is running')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  }, 90_000)
})

describe('the greeting', () => {
  it('names every port by an address that can be typed', () => {
    const config = loadConfig({
      dataDir: '.kefu',
      env: {},
      overrides: {
        mqtt: { host: '::1' },
        http: { host: '::' },
        tls: { host: '10.0.0.7', certFile: 'box.crt', keyFile: 'box.key' },
      },
    })
    const ports = { mqtt: 1, http: 2, mqttTls: 3, httpTls: 4 }
    const lines = greeting(config, ports, []).join('\n')
    for (const place of [
      'mqtt://[::1]:1',
      'http://[::]:2/v1/ask',
      'ws://[::]:2/v1/ws',
      'mqtts://10.0.0.7:3',
      'https://10.0.0.7:4/v1/ask',
      'wss://10.0.0.7:4/v1/ws',
    ]) {
      expect(lines).toContain(` ${place}`)
    }
    expect(greeting(config, { mqtt: 1, http: 2 }, []).join()).not.toMatch(/mqtts|https|wss/)
  })
})

describe('a box that no cloud is configured for', () => {
  it('takes calls for a nurse beyond the number that might wait for a cloud', async () => {
    const limits = { ledgerMaxPending: 1000, ledgerMaxPendingCritical: 100 }
    const gateway = await startGateway({ config: { limits } })
    const bed = await gateway.connectMqtt('bed-7', await gateway.addDevice('bed-7'), {
      protocolVersion: 5,
    })
    for (let n = 0; n < 130; n++) {
      const call = { id: `call-${n}`, kind: 'button', name: 'call' }
      // Rejects where the box refuses it.
      await bed.publishAsync('kefu/v1/bed-7/event', JSON.stringify(call), { qos: 1 })
    }
    const { lanes } = gateway.box.operations.status().ledger
    expect(lanes.find(({ lane }) => lane === 'critical')).toMatchObject({ accepted: 130 })
    const said = await kefu('doctor', '--data', gateway.dataDir)
    expect(said.out).toContain('no cloud is configured')
  })
})
