import { execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cleanUp, isInstalled, kefu, type RunningGateway, startGateway } from './command-process.ts'

const DESK_PACK = join(import.meta.dirname, '../support/packs/desk')
const HAS_MOSQUITTO = isInstalled('mosquitto_pub') && isInstalled('mosquitto_sub')
/** `.ci/run` sets it, so that a missing client is a failure there and not a gap. */
const MUST_RUN_ALL = process.env.CI_REQUIRE_PEERS === '1'

interface Reply {
  readonly status: number
  readonly body: Record<string, unknown>
}

describe('a newcomer with a fresh machine', () => {
  let folder: string
  let data: string
  let gateway: RunningGateway
  let token: string
  const answered = new Map<string, unknown>()

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kefu-e2e-'))
    data = join(folder, 'data')
  })
  afterAll(() => cleanUp(folder))

  async function ask(id: string, text: string): Promise<Reply> {
    const reply = await fetch(`http://127.0.0.1:${gateway.ports.http}/v1/ask`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id, text }),
    })
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown> }
  }

  it('is told how a command is used, with exit code 2, when he uses it wrong', async () => {
    expect(await kefu(data, 'fly')).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no command "fly"'),
    })
    expect((await kefu(data, 'device', 'add', 'k1')).code).toBe(2)
    expect((await kefu(data, 'status', '--no-such-option')).code).toBe(2)
    expect((await kefu(data, '--help')).code).toBe(0)
    expect(await kefu(data, 'help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('device add'),
    })
  })

  it('starts the gateway and is told where it listens and what to do next', async () => {
    gateway = await startGateway(data)
    const run = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as Record<string, unknown>
    const { pid, ports } = gateway
    const startedAt = expect.any(String)
    expect(run).toEqual({ pid, ports, httpHost: '127.0.0.1', startedAt })
    await expect.poll(gateway.output).toContain('npx kefu-edge device add kiosk-1')
    const health = await fetch(`http://127.0.0.1:${gateway.ports.http}/readyz`)
    expect(health.status).toBe(200)
  })

  it('adds a device while the gateway runs, and asks over HTTP and on the command line', async () => {
    const added = await kefu(data, 'device', 'add', 'kiosk-1', '--kind', 'kiosk')
    expect(added.code).toBe(0)
    token = (JSON.parse(added.out) as { token: string }).token
    const { status, body } = await ask('first', '门诊几点开门')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      inReplyTo: 'first',
      status: 'answered',
      pack: { name: 'hospital' },
    })
    answered.set('first', body)
    const said = await kefu(data, 'ask', '门诊几点开门')
    expect(said).toMatchObject({ code: 0, out: `${String(body.text)}\n` })
  })

  it.skipIf(!HAS_MOSQUITTO && !MUST_RUN_ALL)(
    'asks with mosquitto_pub and listens with mosquitto_sub',
    async () => {
      const login = [
        '-h',
        '127.0.0.1',
        '-p',
        String(gateway.ports.mqtt),
        '-u',
        'kiosk-1',
        '-P',
        token,
      ]
      const topic = 'kefu/v1/kiosk-1'
      const sub = spawn('stdbuf', [
        ...['-oL', 'mosquitto_sub', '-d', ...login, '-i', 'kiosk-1', '-q', '1'],
        ...['-t', `${topic}/answer`, '-C', '1', '-W', '15', '-F', 'got %p'],
      ])
      let heard = ''
      sub.stdout.setEncoding('utf8').on('data', (text: string) => {
        heard += text
      })
      await expect.poll(() => heard, { timeout: 10_000 }).toMatch(/Subscribed/)
      const question = JSON.stringify({ id: 'mqtt-1', text: '停车怎么收费' })
      const pub = ['-i', 'kiosk-1:ask', '-q', '1', '-t', `${topic}/ask`, '-m', question]
      await promisify(execFile)('mosquitto_pub', [...login, ...pub])
      await expect.poll(() => heard, { timeout: 10_000 }).toMatch(/got \{/)
      const [, text = ''] = /got (\{.*\})/.exec(heard) ?? []
      expect(JSON.parse(text)).toMatchObject({ inReplyTo: 'mqtt-1', speech: { lang: 'zh-CN' } })
    },
  )

  it('edits a pack: refused with file and line while wrong, then installed, rolled back and listed', async () => {
    const wrong = join(folder, 'wrong')
    cpSync(DESK_PACK, wrong, { recursive: true })
    writeFileSync(join(wrong, 'intents/desk.yaml'), 'intents: [ { intent: 7 } ]\n')
    const refused = await kefu(data, 'pack', 'validate', wrong)
    expect(refused.code).toBe(1)
    expect(refused.out).toContain('intents/desk.yaml')
    expect((await kefu(data, 'pack', 'validate', DESK_PACK)).code).toBe(0)
    // With the large pack away the installs below are a matter of a second.
    expect((await kefu(data, 'pack', 'remove', 'hospital')).code).toBe(0)
    expect((await kefu(data, 'pack', 'install', DESK_PACK)).code).toBe(0)
    const next = join(folder, 'next')
    cpSync(DESK_PACK, next, { recursive: true })
    const manifest = readFileSync(join(next, 'pack.yaml'), 'utf8')
    writeFileSync(join(next, 'pack.yaml'), manifest.replace(/version: .*/, 'version: 9.9.9'))
    const installed = await kefu(data, 'pack', 'install', next)
    expect(installed).toMatchObject({ code: 0, out: expect.stringContaining('9.9.9') })
    expect(await activeDesk(data)).toBe('9.9.9')
    expect((await kefu(data, 'pack', 'rollback', 'desk')).code).toBe(0)
    expect(await activeDesk(data)).not.toBe('9.9.9')
  })

  it('kills it in the middle of asks and loses no answer that was given', async () => {
    const asking = Array.from({ length: 8 }, async (_, lane) => {
      for (let n = 0; ; n++) {
        const id = `load-${lane}-${n}`
        const reply = await ask(id, '停车场在哪').catch(() => undefined)
        if (reply === undefined) return
        expect(reply.status).toBe(200)
        answered.set(id, reply.body)
      }
    })
    await expect.poll(() => answered.size, { timeout: 10_000 }).toBeGreaterThan(200)
    expect(await gateway.end('SIGKILL')).toBe('SIGKILL')
    await Promise.all(asking)
    expect(existsSync(join(data, 'run.json'))).toBe(true)
    gateway = await startGateway(data)
    for (const [id, body] of answered) expect((await ask(id, '别的问题')).body).toEqual(body)
  })

  it('proves the record, looks at the box and makes a backup while it runs', async () => {
    expect(await kefu(data, 'ledger', 'verify')).toMatchObject({
      code: 0,
      out: expect.stringContaining('WHOLE'),
    })
    const doctor = await kefu(data, 'doctor', '--json')
    expect(doctor.code).toBe(0)
    const status = await kefu(data, 'status', '--json')
    expect(JSON.parse(status.out)).toMatchObject({ running: true, devices: { registered: 1 } })
    const file = join(folder, 'box.kefu-backup')
    expect((await kefu(data, 'backup', file)).code).toBe(0)
    const restored = join(folder, 'restored')
    expect((await kefu(restored, 'restore', file)).code).toBe(0)
    expect((await kefu(restored, 'ledger', 'verify')).code).toBe(0)
    const bundle = join(folder, 'bundle.json')
    expect((await kefu(data, 'support-bundle', bundle)).code).toBe(0)
    expect(readFileSync(bundle, 'utf8')).not.toContain(token)
  })

  it('is refused a second gateway on the same folder', async () => {
    const second = await kefu(data, 'start', '--json')
    expect(second.code).toBe(1)
    expect(second.err).toContain('storage.in-use')
    expect((await ask('after the second', '停车场在哪')).status).toBe(422)
    expect((await ask('after-the-second', '停车场在哪')).status).toBe(200)
  })

  it('stops it in order', async () => {
    expect(await gateway.end('SIGTERM')).toBe(0)
    expect(existsSync(join(data, 'run.json'))).toBe(false)
    expect((await kefu(data, 'ledger', 'verify')).code).toBe(0)
  })
})

async function activeDesk(data: string): Promise<string | undefined> {
  const packs = JSON.parse((await kefu(data, 'pack', 'list')).out) as {
    name: string
    version: string
    isActive: boolean
  }[]
  return packs.find((pack) => pack.name === 'desk' && pack.isActive)?.version
}
