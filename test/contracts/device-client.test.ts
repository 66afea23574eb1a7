import type { DeviceClient, DeviceClientOptions } from '@kefu-edge/device-sdk/client/api'
import { type Clock, systemClock } from '@kefu-edge/device-sdk/client/clock'
import { createDeviceClient, createSpeechPlayer, enroll } from '@kefu-edge/device-sdk/client/node'
import type { Presence, Problem, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { createIssuer } from '../support/certificates.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { openFaultProxy } from '../unit/cloud-sync/support/fault-proxy.ts'
import { speech } from '../unit/device-sdk/support/samples.ts'

type Where = (gateway: TestGateway) => Pick<DeviceClientOptions, 'url' | 'encoding'>
const onHttpPort = (gateway: TestGateway, path: string) =>
  gateway.httpUrl.replace('http:', 'ws:') + path
const TRANSPORTS: Record<string, Where> = {
  MQTT: (gateway) => ({ url: gateway.mqttUrl }),
  'MQTT over WebSocket': (gateway) => ({ url: onHttpPort(gateway, '/mqtt') }),
  'WebSocket with JSON': (gateway) => ({ url: onHttpPort(gateway, '/v1/ws') }),
  'WebSocket with MessagePack': (gateway) => ({
    url: onHttpPort(gateway, '/v1/ws'),
    encoding: 'msgpack',
  }),
}

const clients: DeviceClient[] = []
let gateway: TestGateway
beforeEach(async () => {
  gateway = await startGateway()
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})
const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 10 })

describe.each(Object.entries(TRANSPORTS))('the SDK on the gateway over %s', (_name, where) => {
  async function device(id = 'kiosk-1', more: Partial<DeviceClientOptions> = {}) {
    const token = await gateway.addDevice(id)
    const client = createDeviceClient({
      deviceId: id,
      token,
      ...where(gateway),
      reconnect: { firstDelayMs: 10, maxDelayMs: 100 },
      ...more,
    })
    clients.push(client)
    return client
  }

  test('asks, and goes on in the same session', async () => {
    const client = await device()
    const first = await client.ask('几点开门')
    const second = await client.ask({ text: '几点开门', session: first.session })
    expect(first.text.length).toBeGreaterThan(0)
    expect([first.turn, second.turn]).toEqual([1, 2])
  })

  test('gets the same answer for the same id', async () => {
    const client = await device()
    const first = await client.ask({ id: 'q-1', text: '几点开门' })
    const again = await client.ask({ id: 'q-1', text: '几点开门' })
    expect(again.id).toBe(first.id)
  })

  test('is told the reason, with its code and field', async () => {
    const client = await device()
    const refusal = client.ask({ text: '几点', session: 's'.repeat(64), lang: 'zh' })
    await expect(refusal).resolves.toBeDefined()
    const problems: Problem[] = []
    client.onProblem((problem) => problems.push(problem))
    const other = await device('kiosk-2')
    const mine = await client.ask({ text: '几点', subject: { id: 'p-1', kind: 'patient' } })
    const theirs = other.ask({
      text: '几点',
      session: mine.session,
      subject: { id: 'p-2', kind: 'patient' },
    })
    await expect(theirs).rejects.toMatchObject({ code: 'session.not-yours' })
  })

  test('delivers events, reports and feedback into the ledger', async () => {
    const client = await device()
    const answer = await client.ask('几点开门')
    await client.sendEvent({ kind: 'button', name: 'call-nurse' })
    await client.reportPlayed('sp-1', 'played')
    await client.sendFeedback({ answer: answer.id, rating: 'up' })
    await client.flush()
    for (const kind of ['event.button', 'speech.played', 'feedback'])
      expect(kinds().filter((one) => one === kind)).toHaveLength(1)
  })

  test('reports its state, whole: what it leaves out is gone', async () => {
    const client = await device()
    await client.ask('几点开门')
    const reported = () => gateway.box.twins.read('kiosk-1').reported.state
    await client.reportState({ volume: 4, error: 'paper jam' })
    await until(() => expect(reported()).toEqual({ volume: 4, error: 'paper jam' }))
    await client.reportState({ volume: 5 })
    await until(() => expect(reported()).toEqual({ volume: 5 }))
  })

  test('hears an announcement once and proves that it was played', async () => {
    const client = await device()
    const heard: Speech[] = []
    client.onSpeech((s) => heard.push(s))
    await client.ask('几点开门')
    const args = { devices: ['kiosk-1'], text: '请到三号诊室', priority: 'urgent' }
    await runOperation('announce', args, gateway.box.operations)
    await until(() => expect(heard.map((s) => s.text)).toEqual(['请到三号诊室']))
    await client.reportPlayed(heard[0]?.id ?? '', 'played')
    await client.flush()
    gateway.box.hooks.onDeviceChanged?.('kiosk-1', 'test')
    await client.ask('几点开门')
    expect(heard).toHaveLength(1)
    expect(kinds()).toContain('speech.played')
  })

  test('plays what it is told, though its clock is hours fast and is then set', async () => {
    let fastMs = 5 * 3_600_000
    const clock: Clock = { ...systemClock, now: () => Date.now() + fastMs }
    const client = await device('kiosk-1', { clock })
    const played: string[] = []
    const player = createSpeechPlayer({
      clock,
      gatewayTime: client.gatewayTime,
      play: async ({ text }) => void played.push(text),
      report: client.reportPlayed.bind(client),
    })
    client.onSpeech(player.say)
    const { speech: spoken } = await client.ask('几点开门')
    if (spoken) player.say(spoken)
    expect(played).toEqual([spoken?.text])
    fastMs = 0
    for (const priority of ['normal', 'urgent']) {
      const args = { devices: ['kiosk-1'], text: priority, priority }
      await runOperation('announce', args, gateway.box.operations)
    }
    await until(() => expect(played).toEqual(expect.arrayContaining(['normal', 'urgent'])))
    player.close()
  })

  test('sends an event again without a second effect', async () => {
    const client = await device()
    await client.ask('几点开门')
    const event = { id: 'e-1', kind: 'button', name: 'call-nurse' } as const
    for (let i = 0; i < 2; i++) {
      await client.sendEvent(event)
      await client.flush()
    }
    expect(kinds().filter((kind) => kind === 'event.button')).toHaveLength(1)
  })

  test('comes back by itself after the gateway cut it off', async () => {
    const client = await device()
    await client.ask('几点开门')
    gateway.broker.disconnect('kiosk-1', 'test')
    gateway.box.hooks.onDeviceChanged?.('kiosk-1', 'test')
    expect((await client.ask('几点开门')).status).toBeDefined()
  })
})

const kinds = () => gateway.box.ledger.entriesFrom(0, 1_000).map((entry) => entry.kind)

test('speech sent while a device on MQTT was away reaches it once when it is back', async () => {
  const token = await gateway.addDevice('bed-1')
  const options = { deviceId: 'bed-1', token, url: gateway.mqttUrl }
  const first = createDeviceClient(options)
  await first.ask('几点开门')
  await first.close()
  const sent = speech('sp-1', { expiresAt: '2099-01-01T00:00:00Z' })
  await gateway.broker.publish({
    topic: topicOf('bed-1', 'speech'),
    payload: JSON.stringify(sent),
    qos: 1,
  })
  const second = createDeviceClient(options)
  clients.push(second)
  const heard: Speech[] = []
  const presences: Presence[] = []
  second.onSpeech((s) => heard.push(s))
  second.onPresence((p) => presences.push(p))
  await until(() => expect(heard).toEqual([sent]))
  await until(() => expect(presences.at(-1)?.online).toBe(true))
  await second.ask('几点开门')
  expect(heard).toHaveLength(1)
})

test('a device that was cut off while it logged in speaks MQTT 5 again afterwards', async () => {
  const token = await gateway.addDevice('bed-1')
  const network = await openFaultProxy(gateway.ports.mqtt)
  network.set('cut')
  const client = createDeviceClient({
    deviceId: 'bed-1',
    token,
    url: `mqtt://127.0.0.1:${network.port}`,
    reconnect: { firstDelayMs: 20, maxDelayMs: 100 },
  })
  clients.push(client)
  await until(() => expect(client.connection.kind).toBe('offline'))
  network.set('pass')
  await until(() => expect(client.connection).toMatchObject({ link: { transport: 'mqtt 5' } }))
  await client.close()
  await network.close()
})

test('a restart of the gateway in the middle of everything loses nothing and doubles nothing', async () => {
  const token = await gateway.addDevice('bed-1')
  const { ports, dataDir } = gateway
  const client = createDeviceClient({
    deviceId: 'bed-1',
    token,
    url: gateway.mqttUrl,
    reconnect: { firstDelayMs: 20, maxDelayMs: 100 },
  })
  clients.push(client)
  const before = await client.ask({ id: 'q-1', text: '几点开门' })
  await gateway.close()
  const asked = client.ask({ text: '几点开门', session: before.session })
  for (let i = 0; i < 20; i++) await client.sendEvent({ kind: 'sensor', name: `s-${i}` })
  expect(client.waiting.messages).toBe(20)

  gateway = await startGateway({
    dataDir,
    config: { mqtt: { port: ports.mqtt }, http: { port: 0 } },
  })
  expect((await asked).turn).toBe(2)
  await client.flush()
  expect((await client.ask({ id: 'q-1', text: '几点开门' })).id).toBe(before.id)
  const entries = gateway.box.ledger.entriesFrom(0, 1_000)
  const events = entries.filter((entry) => entry.kind === 'event.sensor')
  expect(events).toHaveLength(20)
  expect(entries.filter((entry) => entry.kind === 'turn')).toHaveLength(2)
})

test('a device straight out of its box enrols with a claim code and asks', async () => {
  const claim = await runOperation('device.claim', { kind: 'kiosk' }, gateway.box.operations)
  const { claim: code } = claim as { claim: string }
  const credentials = await enroll(gateway.httpUrl, { claim: code, deviceId: 'kiosk-9' })
  expect(credentials).toMatchObject({ deviceId: 'kiosk-9', kind: 'kiosk' })
  const client = createDeviceClient({ ...credentials, url: gateway.mqttUrl })
  clients.push(client)
  expect((await client.ask('几点开门')).inReplyTo).toBeDefined()
  await expect(enroll(gateway.httpUrl, { claim: code })).rejects.toMatchObject({
    code: 'enroll.claim-refused',
  })
  // The reply is lost: the operator makes another one for the same device.
  const again = await runOperation('device.claim', { deviceId: 'kiosk-9' }, gateway.box.operations)
  const renewed = await enroll(gateway.httpUrl, again as { claim: string })
  expect(renewed).toMatchObject({ deviceId: 'kiosk-9', kind: 'kiosk' })
  expect(renewed.token).not.toBe(credentials.token)
})

test('a device enrols over TLS where it is given the authority of the site, and not without', async () => {
  const folder = tempFolder()
  const ca = await createIssuer(folder, 'site-ca')
  const { certFile, keyFile } = await ca.issue('box', 'box', ['localhost'])
  const site = await startGateway({
    packs: [],
    config: { http: { port: 0, tlsPort: 0 }, tls: { host: '127.0.0.1', certFile, keyFile } },
  })
  const claim = await runOperation('device.claim', { kind: 'kiosk' }, site.box.operations)
  const url = `https://localhost:${site.ports.httpTls}`
  await expect(enroll(url, claim as { claim: string })).rejects.toMatchObject({
    code: 'client.link-failed',
  })
  const tls = { ca: ca.cert }
  expect(await enroll(url, claim as { claim: string }, { tls })).toMatchObject({ kind: 'kiosk' })
  await expect(enroll(url, claim as { claim: string }, { tls })).rejects.toMatchObject({
    code: 'enroll.claim-refused',
  })
})

test('a wrong token is refused on every transport with the same code', async () => {
  for (const where of Object.values(TRANSPORTS)) {
    const client = createDeviceClient({ deviceId: 'nobody', token: 'kd_wrong', ...where(gateway) })
    clients.push(client)
    await until(() =>
      expect(client.connection).toMatchObject({ problem: { code: 'auth.refused' } }),
    )
  }
})

test('a device that is switched off is told so on every transport', async () => {
  const token = await gateway.addDevice('off-1')
  await runOperation('device.disable', { id: 'off-1' }, gateway.box.operations)
  for (const where of Object.values(TRANSPORTS)) {
    const client = createDeviceClient({ deviceId: 'off-1', token, ...where(gateway) })
    clients.push(client)
    await until(() =>
      expect(client.connection).toMatchObject({ problem: { code: 'auth.disabled', status: 403 } }),
    )
  }
})

test('the calls of a client may be handed on by themselves, as a player is given them', async () => {
  const token = await gateway.addDevice('bound-1')
  const client = createDeviceClient({ deviceId: 'bound-1', token, url: gateway.mqttUrl })
  clients.push(client)
  const { ask, reportPlayed, flush, close } = client
  const answer = await ask('几点开门')
  await reportPlayed(answer.speech?.id ?? 'none', 'played')
  await flush()
  const kinds = gateway.box.ledger.entriesFrom(0, 1_000).map(({ kind }) => kind)
  expect(kinds).toContain('speech.played')
  await close()
})
