/** What an operator meets when a core starts, and a year later. */
import { execFile, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { loadServerCertificate } from '@kefu-edge/cloud-sync/core/certificates'
import { operate } from '@kefu-edge/cloud-sync/core/cli/operate'
import { renewCertificate } from '@kefu-edge/cloud-sync/core/renewal'
import { type CloudCore, startCloudCore } from '@kefu-edge/cloud-sync/core/server'
import { openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { silentLogger, systemClock } from '@kefu-edge/cloud-sync/ports'
import { afterEach, describe, expect, it } from 'vitest'
import { Database } from '../../../../gateway/storage/sqlite-driver.ts'
import { saidBy } from '../../../support/said.ts'
import { tempFolder } from '../../../support/temp-folder.ts'

const DAY_MS = 86_400_000
const MAIN = join(import.meta.dirname, '../../../../cloud-sync/core/main.ts')

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function start(dataDir: string, port = 0, clock = systemClock): Promise<CloudCore> {
  const core = await startCloudCore({ dataDir, port, clock })
  closers.push(() => core.close())
  return core
}

describe('a core that starts', () => {
  it.each(['', 'short'])('does not take %j for a token that keeps anybody out', async (token) => {
    const folder = tempFolder()
    await (await start(folder)).close()
    writeFileSync(join(folder, 'operator.token'), `${token}\n`)
    await expect(start(folder)).rejects.toMatchObject({ code: 'core.token' })
  })

  it('acknowledges only what the disk has: its database commits with FULL', async () => {
    const FULL = 2
    const store = openCoreStore(tempFolder())
    closers.push(() => store.close())
    expect(store.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: FULL })
    expect(store.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
  })

  it('leaves a folder to the core that has it, and takes it when that has ended', async () => {
    const folder = tempFolder()
    const first = await start(folder)
    await expect(start(folder)).rejects.toMatchObject({ code: 'core.in-use', detail: folder })
    await first.close()
    expect((await start(folder)).cosignerKey).toBe(first.cosignerKey)
  })

  it('says that its port is taken, and lets go of what it has opened', async () => {
    const { port } = await start(tempFolder())
    const folder = tempFolder()
    await expect(start(folder, port)).rejects.toMatchObject({ code: 'core.port' })
    await start(folder)
  })

  it('says that it made a new key beside a database whose key is gone, and what to do', async () => {
    const dataDir = tempFolder()
    const warned: string[] = []
    const logger = { ...silentLogger, warn: (_: object, text: string) => void warned.push(text) }
    const once = async () => (await startCloudCore({ dataDir, port: 0, logger })).close()
    await once()
    await once()
    expect(warned).toEqual([])
    rmSync(join(dataDir, 'cosigner.key'))
    await once()
    expect(warned).toEqual([expect.stringContaining('Put cosigner.key back from a backup')])
    expect(warned[0]).toContain('into cloud.cosigners of each gateway')
  })

  it('goes on after a power cut between a new key and its certificate, under the same authority', async () => {
    const folder = tempFolder()
    const core = await start(folder)
    await core.close()
    copyFileSync(join(folder, 'tls/ca.key'), join(folder, 'tls/server.key'))
    const again = await start(folder)
    expect(again.caPem).toBe(core.caPem)
    expect(await certificateAt(again.port, again.caPem)).toMatch(/Kefu Edge cloud core/)
  })

  it('does not make a new authority where the old one is damaged: gateways would not know it', async () => {
    const folder = tempFolder()
    await (await start(folder)).close()
    writeFileSync(join(folder, 'tls/ca.pem'), '')
    writeFileSync(join(folder, 'tls/server.pem'), '')
    await expect(start(folder)).rejects.toMatchObject({ code: 'core.certificates' })
    expect(readFileSync(join(folder, 'tls/ca.pem'), 'utf8')).toBe('')
  })

  it('leaves the database of a newer core alone', async () => {
    const folder = tempFolder()
    await (await start(folder)).close()
    const db = new Database(join(folder, 'core.db'))
    db.exec('INSERT INTO migration (id) VALUES (999)')
    db.close()
    await expect(start(folder)).rejects.toMatchObject({ code: 'core.database' })
  })
})

describe('the command', () => {
  const argvOf = (args: string[]) => ['--conditions=kefu-source', '--import', 'tsx', MAIN, ...args]
  const run = (...args: string[]) =>
    new Promise<{ status: unknown; stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, argvOf(args), (error, stdout, stderr) =>
        resolve({ status: error ? error.code : 0, stdout, stderr }),
      )
    })

  it('names the option that it cannot use, and its next step where it cannot start', async () => {
    const file = join(tempFolder(), 'file')
    writeFileSync(file, '')
    const [help, wrong, nowhere] = await Promise.all([
      run('--help'),
      run('--retain-days', '0'),
      run('--data', join(file, 'core')),
    ])
    expect(help).toMatchObject({ status: 0, stdout: expect.stringContaining('--data DIR') })
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toMatch(/^--retain-days 0: not a whole number from 1/)
    expect(nowhere.status).toBe(1)
    expect(nowhere.stderr).toMatch(/ENOTDIR[\s\S]*See that the folder of --data can be written/)
  })

  it('says by which key it cosigns, for whoever has to confirm it', async () => {
    const child = spawn(process.execPath, argvOf(['--data', tempFolder(), '--port', '0']))
    closers.push(() => child.kill())
    let said = ''
    for await (const piece of child.stderr) {
      said += String(piece)
      if (said.includes('cosigner:')) break
    }
    expect(said).toMatch(/cosigner: verifier key kefu-edge-core\+[0-9a-f]{8}\+\S+\n/)
  })
})

it('a core that runs for a year has a new certificate before the old one is over', async () => {
  const folder = tempFolder()
  let nowMs = Date.now()
  const load = () => loadServerCertificate(folder, ['127.0.0.1'], nowMs)
  const first = await load()
  const server = https.createServer({ cert: first.certPem, key: first.keyPem })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const errors: string[] = []
  const logger = { ...silentLogger, error: (_: unknown, said: string) => errors.push(said) }
  const renewal = renewCertificate(server, first, load, logger, { now: () => nowMs })
  closers.push(
    () => server.close(),
    () => renewal.close(),
  )
  const { port } = server.address() as AddressInfo
  const before = await certificateAt(port, first.caPem)
  nowMs += 100 * DAY_MS
  await renewal.look()
  expect(await certificateAt(port, first.caPem)).toBe(before)
  nowMs += 250 * DAY_MS
  await renewal.look()
  expect(await certificateAt(port, first.caPem)).not.toBe(before)
  expect(errors).toEqual([])
  nowMs += 3650 * DAY_MS
  await renewal.look()
  expect(errors).toMatchObject([expect.stringContaining('authority of the core')])
})

it('a core whose first start had the clock ahead is met once that is right, and until then the tools say it is the time', async () => {
  const folder = tempFolder()
  const ahead = { ...systemClock, now: () => Date.now() + 30 * DAY_MS }
  const list = ({ url }: CloudCore) =>
    saidBy(operate, ['releases', '--core', url, '--data', folder])
  const first = await start(folder, 0, ahead)
  const early = await list(first)
  expect(early.err).toContain('does not count at this time')
  expect(early.err).toContain('Compare the clocks')
  await first.close()

  const right = await start(folder)
  expect(await list(right)).toMatchObject({ code: 0, err: '' })
  expect(right.caPem).toBe(first.caPem)
})

/** Subject and fingerprint of what this authority has signed and the core shows, whatever its term. */
function certificateAt(port: number, caPem: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port, rejectUnauthorized: false }
    const socket = tls.connect(to, () => {
      const shown = socket.getPeerX509Certificate()
      socket.destroy()
      if (shown?.verify(new X509Certificate(caPem).publicKey)) {
        resolve(`${shown.subject} ${shown.fingerprint256}`)
      } else reject(new Error('of another authority'))
    })
    socket.on('error', reject)
  })
}
