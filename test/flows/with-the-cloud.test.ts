import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { announce, kefu } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { DESK_PACK, startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cloudOf, readCore, startCore, type TestCore } from './cloud-support.ts'

const DAY_MS = 86_400_000
/** What the core holds of a lane, read as an operator would. */
async function entriesAt(core: TestCore, gateway: TestGateway, lane: string) {
  const path = `/v1/gateways/${gateway.box.ledger.gatewayId}/entries?lane=${lane}`
  return ((await readCore(core, path)) as { entries: { sequence: number }[] }).entries
}

const pending = (gateway: TestGateway) =>
  gateway.box.ledger.balance().reduce((sum, lane) => sum + lane.pending, 0)
const settled = (gateway: TestGateway) =>
  expect.poll(() => pending(gateway), { timeout: 15_000 }).toBe(0)

function packFiles(change: (path: string, text: string) => string = (_, text) => text): Uint8Array {
  const files: Record<string, string> = {}
  for (const path of readdirSync(DESK_PACK, { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('.yaml'))
      files[path] = change(path, readFileSync(join(DESK_PACK, path), 'utf8'))
  }
  return Buffer.from(JSON.stringify(files))
}

describe('with the cloud core', () => {
  it('every turn is there once, in order, though the core was away for a while', async () => {
    const port = await freePort()
    const dataDir = tempFolder()
    const core = await startCore(dataDir, port)
    const gateway = await startGateway({ config: { cloud: cloudOf(core) } })
    const token = await gateway.addDevice('k1')
    const ask = (id: string) => gateway.ask(token, { id, text: '停车场在哪' })
    await ask('before')
    await settled(gateway)
    await core.stop()
    const away = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(`away-${i}`)))
    expect(away.every((reply) => reply.status === 200)).toBe(true)
    expect(pending(gateway)).toBeGreaterThanOrEqual(20)
    const back = await startCore(dataDir, port)
    gateway.cloud?.nudge()
    await ask('after')
    await settled(gateway)
    const sequences = (await entriesAt(back, gateway, 'session')).map((entry) => entry.sequence)
    expect(sequences).toEqual(Array.from({ length: 22 }, (_, i) => i + 1))
    for (const lane of gateway.box.ledger.balance()) {
      expect(lane.accepted).toBe(lane.delivered + lane.pending + lane.expired + lane.quarantined)
    }
  })

  it('is connected only after an echo from its store', async () => {
    const core = await startCore()
    const gateway = await startGateway({ config: { cloud: cloudOf(core) } })
    await expect
      .poll(() => gateway.cloud?.pusher.status().state, { timeout: 10_000 })
      .toBe('connected')
    expect(await (await fetch(`${gateway.httpUrl}/metrics`)).text()).toMatch(
      /kefu_cloud_connected 1/,
    )
  })

  it('what the box does not know is asked there, without what identifies a person', async () => {
    const dataDir = tempFolder()
    writeFileSync(
      join(dataDir, 'answers.json'),
      JSON.stringify({
        name: 'core',
        version: '1',
        source: 'test',
        entries: [{ id: 'fly', lang: 'zh', questions: ['火星上能不能种土豆呢'], text: '还不能。' }],
      }),
    )
    const core = await startCore(dataDir)
    const gateway = await startGateway({ config: { cloud: cloudOf(core) } })
    await expect
      .poll(() => gateway.cloud?.pusher.status().state, { timeout: 10_000 })
      .toBe('connected')
    const { body } = await gateway.ask(await gateway.addDevice('k1'), {
      id: '1',
      text: '火星上能不能种土豆呢',
    })
    expect(body).toMatchObject({
      status: 'answered',
      text: '还不能。',
      intent: { name: 'fly', source: 'cloud' },
      pack: { name: 'core', version: '1', entry: 'fly' },
    })
  })

  it('a released pack is installed, and one that fails its own questions is not', async () => {
    const core = await startCore()
    const gateway = await startGateway({ config: { cloud: cloudOf(core) } })
    const release = (label: string, content: Uint8Array) =>
      core.releases.publish({
        kind: 'pack',
        name: 'desk',
        label,
        content,
        expiresAtMs: Date.now() + DAY_MS,
      })
    await release(
      '1.1.0',
      packFiles((_, text) =>
        text.replace('version: 1.0.0', 'version: 1.1.0').replace('17:30', '18:30'),
      ),
    )
    const active = () => gateway.box.library.list().find((pack) => pack.isActive)?.version
    const activeSoon = () => {
      gateway.cloud?.nudge()
      return active()
    }
    await expect.poll(activeSoon, { timeout: 20_000 }).toBe('1.1.0')
    const token = await gateway.addDevice('k1')
    expect((await gateway.ask(token, { id: '1', text: '门诊几点开门' })).body.text).toContain(
      '18:30',
    )

    await release(
      '1.2.0',
      packFiles((path, text) =>
        path.startsWith('tests/')
          ? text.replaceAll('intent: parking', 'intent: call.nurse')
          : text.replace('1.0.0', '1.2.0').replace('TestScore: 0.5', 'TestScore: 1'),
      ),
    )
    const refusedSoon = () => {
      gateway.cloud?.nudge()
      return core.releases.reports(10).find((one) => one.label === '1.2.0')?.refused
    }
    await expect.poll(refusedSoon, { timeout: 20_000 }).toBe(1)
    expect(active()).toBe('1.1.0')
    // Who stands at the box sees it without the log.
    announce(gateway)
    expect((await kefu('status', '--data', gateway.dataDir)).out).toMatch(
      /pack desk 2 · .*refused · .*test questions/,
    )
    expect((await kefu('doctor', '--data', gateway.dataDir)).out).toContain(
      'Release pack desk 2 of the core is not in use: ',
    )
  }, 60_000)

  it('an announcement reaches each member of a group once', async () => {
    const core = await startCore()
    const gateway = await startGateway({ config: { cloud: cloudOf(core) } })
    const client = await gateway.connectMqtt(
      's1',
      await gateway.addDevice('s1', 'speaker', ['ward-3']),
    )
    const heard: string[] = []
    client.on('message', (_topic, payload) =>
      heard.push((JSON.parse(payload.toString()) as { text: string }).text),
    )
    await client.subscribeAsync('kefu/v1/s1/speech', { qos: 1 })
    await core.releases.publish({
      kind: 'announcement',
      name: 'visiting-ends',
      label: 'visiting ends',
      content: Buffer.from(JSON.stringify({ text: '探视时间到了', group: 'ward-3' })),
      expiresAtMs: Date.now() + DAY_MS,
    })
    const heardSoon = () => {
      gateway.cloud?.nudge()
      return heard
    }
    await expect.poll(heardSoon, { timeout: 20_000 }).toEqual(['探视时间到了'])
  }, 60_000)
})
