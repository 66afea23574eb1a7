import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeviceClient, DeviceClientOptions } from '@kefu-edge/device-sdk/client/api'
import { deviceClientOn } from '@kefu-edge/device-sdk/client/device-client'
import type { OpenLink } from '@kefu-edge/device-sdk/client/link'
import {
  createDeviceClient,
  fileQueueStore,
  memoryQueueStore,
  ProblemError,
} from '@kefu-edge/device-sdk/client/node'
import type { Problem, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ManualClock, settle } from '../support/manual-clock.ts'
import { answer, speech } from '../support/samples.ts'
import { type StandIn, startBroker, startSocketServer } from '../support/stand-in-gateways.ts'

const TOKEN = 'kd_test'
const TRANSPORTS = { 'MQTT 3.1.1': startBroker, WebSocket: startSocketServer }

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})
const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 5 })

const problem = (code: string, status: number, inReplyTo: string): Problem => ({
  type: `urn:kefu:problem:${code}`,
  title: code,
  status,
  detail: code,
  code,
  inReplyTo,
})

describe.each(Object.entries(TRANSPORTS))('a device over %s', (_name, startGateway) => {
  async function gateway(port = 0): Promise<StandIn> {
    const started = await startGateway(TOKEN, port)
    cleanups.push(() => started.close())
    return started
  }
  function device(url: string, more: Partial<DeviceClientOptions> = {}): DeviceClient {
    const client = createDeviceClient({
      deviceId: 'kiosk-1',
      token: TOKEN,
      url,
      reconnect: { firstDelayMs: 10, maxDelayMs: 50 },
      ...more,
    })
    cleanups.push(() => client.close())
    return client
  }

  test('gets the answer to its question', async () => {
    const box = await gateway()
    const reply = await device(box.url).ask('挂号在哪里')
    expect(reply.text).toBe('挂号在门诊楼一楼。')
    expect(box.received[0]?.body.text).toBe('挂号在哪里')
  })

  test('keeps many questions apart', async () => {
    const box = await gateway()
    box.reply = (_type, body) => answer(String(body.id), `答${String(body.text)}`)
    const client = device(box.url)
    const texts = Array.from({ length: 40 }, (_, i) => `问${i}`)
    const answers = await Promise.all(texts.map((text) => client.ask(text)))
    expect(answers.map((a) => a.text)).toEqual(texts.map((text) => `答${text}`))
  })

  test('is told why a question was refused', async () => {
    const box = await gateway()
    box.reply = (_type, body) => problem('message.invalid', 422, String(body.id))
    const refusal = device(box.url).ask('？')
    await expect(refusal).rejects.toBeInstanceOf(ProblemError)
    await expect(refusal).rejects.toMatchObject({ code: 'message.invalid' })
  })

  test('asks again with the same id after a refusal that passes', async () => {
    const box = await gateway()
    let count = 0
    box.reply = (_type, body) =>
      count++ === 0 ? problem('limit.rate', 429, String(body.id)) : answer(String(body.id))
    const client = device(box.url, { random: () => 0.001 })
    await client.ask({ text: '挂号在哪里', id: 'q-1' })
    expect(box.received.map((m) => m.body.id)).toEqual(['q-1', 'q-1'])
  })

  test('gets its answer although the link broke before it came', async () => {
    const box = await gateway()
    let count = 0
    box.reply = (_type, body) => {
      if (count++ > 0) return answer(String(body.id))
      box.cut()
      return undefined
    }
    const reply = await device(box.url).ask({ text: '挂号在哪里', id: 'q-2' })
    expect(reply.inReplyTo).toBe('q-2')
    expect(box.received.map((m) => m.body.id)).toEqual(['q-2', 'q-2'])
  })

  test('gives up when the time is over, and withdraws the question', async () => {
    const box = await gateway()
    const client = device(box.url)
    await client.ask('你好')
    box.reply = () => undefined
    await expect(client.ask({ text: '在吗', timeoutMs: 150 })).rejects.toMatchObject({
      code: 'client.timeout',
    })
    box.reply = (_type, body) => answer(String(body.id))
    box.cut()
    await client.ask('还在吗')
    expect(box.received.filter((m) => m.body.text === '在吗')).toHaveLength(1)
  })

  test('is told at once that a message is larger than a gateway reads, and goes on', async () => {
    const box = await gateway()
    const client = device(box.url)
    const values = Object.fromEntries(
      [...Array(40).keys()].map((i) => [`k${i}`, 'x'.repeat(1_900)]),
    )
    const tooLarge = { code: 'client.too-large' }
    await expect(client.sendEvent({ kind: 'sensor', values })).rejects.toMatchObject(tooLarge)
    await expect(client.ask({ form: { name: 'f', values } })).rejects.toMatchObject(tooLarge)
    await expect(client.reportState(values)).rejects.toMatchObject(tooLarge)
    expect(client.waiting.messages).toBe(0)
    await client.ask('还在吗')
    expect(box.received.map((m) => m.name)).toEqual(['ask'])
  })

  test('gives up when the caller does', async () => {
    const box = await gateway()
    box.reply = () => undefined
    const abort = new AbortController()
    const asked = device(box.url).ask({ text: '在吗', signal: abort.signal })
    await until(() => expect(box.received).toHaveLength(1))
    abort.abort()
    await expect(asked).rejects.toMatchObject({ code: 'client.aborted' })
  })

  test('tells each answer once, however many questions were left and sent again', async () => {
    const box = await gateway()
    const client = device(box.url)
    const answers: string[] = []
    client.onAnswer((a) => answers.push(a.inReplyTo))
    await client.ask('准备好了吗')
    for (let i = 0; i < 40; i++) await client.leaveAsk({ text: `问${i}` })
    await client.flush()
    const [last = ''] = answers.slice(-1)
    box.send('kiosk-1', 'answer', answer(last))
    await client.ask('还在吗')
    expect(answers).toHaveLength(42)
    expect(new Set(answers).size).toBe(42)
  })

  test('says each speech once, however often it is delivered', async () => {
    const box = await gateway()
    const heard: Speech[] = []
    const client = device(box.url)
    client.onSpeech((s) => heard.push(s))
    await client.ask('准备好了吗')
    box.send('kiosk-1', 'speech', speech('sp-1'))
    box.send('kiosk-1', 'speech', speech('sp-1'))
    box.send('kiosk-1', 'speech', speech('sp-2'))
    await until(() => expect(heard.map((s) => s.id)).toEqual(['sp-1', 'sp-2']))
  })

  test('says aloud that the gateway sent nonsense, and goes on', async () => {
    const box = await gateway()
    const problems: Problem[] = []
    const client = device(box.url)
    client.onProblem((p) => problems.push(p))
    await client.ask('准备好了吗')
    box.send('kiosk-1', 'speech', { id: 'sp-1', text: 5 })
    await until(() => expect(problems.map((p) => p.code)).toEqual(['client.unreadable']))
    expect((await client.ask('还在吗')).status).toBe('answered')
  })

  test('delivers what was made while the gateway was away once and in order, a call for help first', async () => {
    const box = await gateway()
    const port = Number(new URL(box.url).port)
    const client = device(box.url)
    await client.ask('准备好了吗')
    await box.close()
    await client.reportPlayed('sp-1', 'playing')
    await client.reportPlayed('sp-1', 'played')
    const eventId = await client.sendEvent({ kind: 'button', name: 'call-nurse' })
    expect(client.waiting.messages).toBe(3)
    const again = await gateway(port)
    await client.flush()
    expect(again.received.map((m) => m.body.state ?? m.body.id)).toEqual([
      eventId,
      'playing',
      'played',
    ])
    expect(client.waiting).toEqual({ messages: 0, bytes: 0 })
  })

  test('loses nothing it was told to keep when the power is cut', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kefu-queue-'))
    cleanups.push(() => rm(folder, { recursive: true }))
    const queue = () => fileQueueStore(join(folder, 'queue.log'))
    const before = device('mqtt://127.0.0.1:1', { queue: queue() })
    const eventId = await before.sendEvent({ kind: 'alarm', name: 'fall' })
    const askId = await before.leaveAsk({ text: '明天的检查要空腹吗' })
    before.kill()

    const box = await gateway()
    const answers: string[] = []
    const after = device(box.url, { queue: queue() })
    after.onAnswer((a) => answers.push(a.inReplyTo))
    await after.flush()
    expect(box.received.map((m) => m.body.id).sort()).toEqual([eventId, askId].sort())
    expect(answers).toEqual([askId])
  })

  test('sends an alarm though its flash is full, and says that it is', async () => {
    const box = await gateway()
    const full = memoryQueueStore()
    full.append = () => Promise.reject(new Error('ENOSPC'))
    const client = device(box.url, { queue: full })
    const problems: string[] = []
    client.onProblem(({ code }) => problems.push(code))
    await client.sendEvent({ kind: 'alarm', name: 'fall' })
    await client.flush()
    expect(box.received.map((m) => m.body.name)).toEqual(['fall'])
    expect(problems).toEqual(['client.storage'])
    await expect(client.sendEvent({ kind: 'sensor' })).rejects.toThrow('ENOSPC')
  })

  test('calls for help without its queue, and sends what lies in it once that can be read', async () => {
    const box = await gateway()
    const clock = new ManualClock(Date.now())
    const queue = memoryQueueStore()
    const lost = device('mqtt://127.0.0.1:1', { queue })
    const before = await lost.sendEvent({ kind: 'alarm', name: 'before the power cut' })
    lost.kill()
    const { load } = queue
    queue.load = () => Promise.reject(new Error('EIO'))
    const client = device(box.url, { queue, clock })
    const now = await client.sendEvent({ kind: 'button', name: 'call-nurse' })
    await until(() => expect(box.received.map((m) => m.body.id)).toEqual([now]))
    queue.load = load
    await clock.advance(30_000)
    await until(() => expect(box.received.map((m) => m.body.id)).toEqual([now, before]))
  })

  test('tells its state again with every connection', async () => {
    const box = await gateway()
    const client = device(box.url)
    await client.reportState({ volume: 3 })
    await client.reportState({ volume: 5 })
    const volumes = () =>
      box.received.filter((m) => m.name === 'reported').map((m) => JSON.stringify(m.body.state))
    await until(() => expect(volumes().at(-1)).toBe('{"volume":5}'))
    box.cut()
    await until(() => expect(volumes().filter((v) => v === '{"volume":5}')).toHaveLength(2))
  })

  test('tells its state again where the gateway could not keep it for now', async () => {
    const box = await gateway()
    const clock = new ManualClock(Date.now())
    const { inReplyTo: _, ...full } = problem('storage.write-failed', 503, '')
    box.reply = (name) => (name === 'reported' && states().length === 1 ? full : undefined)
    const states = () => box.received.filter((m) => m.name === 'reported')
    const client = device(box.url, { clock })
    const heard: string[] = []
    client.onProblem(({ code }) => heard.push(code))
    await client.reportState({ volume: 5 })
    await until(() => expect(heard).toEqual(['storage.write-failed']))
    await clock.advance(10_000)
    await until(() => expect(states().map((m) => m.body.state)).toHaveLength(2))
    await clock.advance(20_000)
    expect(states()).toHaveLength(2)
  })

  test('does not hammer a gateway that refuses its token', async () => {
    const box = await gateway()
    const states: string[] = []
    const client = device(box.url, {
      token: 'wrong',
      reconnect: { firstDelayMs: 1, maxDelayMs: 60_000 },
    })
    client.onConnection((s) => states.push(s.kind === 'offline' ? (s.problem?.code ?? '') : s.kind))
    await until(() => expect(states).toContain('auth.refused'))
    expect(client.connection).toMatchObject({ kind: 'offline', retryInMs: 60_000 })
  })
})

test('a state that the gateway refused for now is told again', async () => {
  const clock = new ManualClock()
  const told: unknown[] = []
  const busyOnce: OpenLink = async () => ({
    info: { transport: 'test' },
    send: async ({ body }) => {
      told.push(body.state)
      return told.length > 1 ? { kind: 'kept' } : { kind: 'refused', passing: true, reason: 'busy' }
    },
    close: async () => undefined,
    destroy: () => undefined,
  })
  const client = deviceClientOn(busyOnce, { deviceId: 'k', token: 't', clock })
  cleanups.push(() => client.close())
  await client.reportState({ volume: 5 })
  await settle()
  await clock.advance(60_000)
  expect(told).toEqual([{ volume: 5 }, { volume: 5 }])
})

test('an address of another kind is refused with the addresses that work', () => {
  const make = () => createDeviceClient({ deviceId: 'k', token: 't', url: 'http://127.0.0.1:8080' })
  expect(make).toThrow(/client.bad-url.*mqtt:\/\//)
})

test('a question that does not fit the contract is refused before it is sent, naming the field', async () => {
  const client = createDeviceClient({ deviceId: 'k', token: 't', url: 'mqtt://127.0.0.1:1' })
  cleanups.push(() => client.close())
  await expect(client.ask('长'.repeat(1001))).rejects.toThrow(/client.invalid.*\/text/)
})
