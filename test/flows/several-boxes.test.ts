import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../gateway/clock.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { FABRIC_WAIT_MS } from '../../gateway/fabric/fabric.ts'
import {
  type Client,
  connect,
  newSite,
  roaming,
  siteOf,
  soon,
  startBox,
  startSite,
  together,
  words,
} from '../support/boxes.ts'
import { hasPeer } from '../support/peers.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'

const hasRedis = hasPeer('redis-server')
let redis: TestRedis
beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())

describe.skipIf(!hasRedis)('two boxes of one site', () => {
  it('bring a message to the subscribers of both, once and in order, as it was sent', async () => {
    const [a, b] = await startSite(redis, [])
    const nurse = await connect(b, 'nurse')
    const there = await connect(a, 'there')
    await Promise.all([
      nurse.subscribeAsync('ward/#', { qos: 2, rap: true }),
      there.subscribeAsync('ward/#', { qos: 1 }),
    ])
    const from = await connect(a, 'from')
    const sent = Array.from({ length: 200 }, (_, n) => `m${n}`)
    for (const one of sent) await from.publishAsync('ward/1', one, { qos: 1 })
    await soon(() => expect(words(nurse)).toHaveLength(200))
    expect(words(nurse)).toEqual(sent)
    const properties = {
      contentType: 'text/plain',
      responseTopic: 'ward/reply',
      correlationData: Buffer.from([1, 2, 3]),
      userProperties: { bed: ['7', '8'] },
    }
    await from.publishAsync('ward/2', '血压', { qos: 2, retain: true, properties })
    await soon(() => expect(nurse.got).toHaveLength(201))
    expect(nurse.got.at(-1)).toMatchObject({ topic: 'ward/2', qos: 2, retain: true, properties })
    expect(words(there)).toEqual([...sent, '血压'])
    const late = await connect(b, 'late')
    await late.subscribeAsync('ward/2')
    await soon(() => expect(words(late)).toEqual(['血压']))
    expect(await siteOf(a)).toMatchObject({ missed: 0, notOpened: 0 })
  })

  it('leave a quarter of the room for what is retained to their own devices', async () => {
    const site = newSite()
    const a = await startBox(redis, { site, packs: [] })
    const b = await startBox(redis, { site, keyFrom: a, packs: [], maxRetained: 40 })
    await together(a, b)
    const nurse = await connect(b, 'nurse')
    await nurse.subscribeAsync('ward/#', { qos: 1 })
    const from = await connect(a, 'from')
    const sent = Array.from({ length: 60 }, (_, n) => `m${n}`)
    for (const one of sent) {
      await from.publishAsync(`ward/${one}`, one, { qos: 1, retain: true })
    }
    await soon(() => expect(words(nurse)).toEqual(sent))
    // Presence of its own devices counts as well, whenever it came.
    const fromSite = b.broker.retainedTopics('ward/#').length
    expect([fromSite <= 30, fromSite > 25]).toEqual([true, true])
    expect(a.broker.retainedTopics('ward/#')).toHaveLength(60)
    // Refused, it rejects.
    await nurse.publishAsync('ward/own', 'here', { qos: 1, retain: true })
  })

  it('let a person go on at a speaker of the other box, and tell Redis nothing of it', async () => {
    const [a, b] = await startSite(redis)
    const subject = { id: 'p-4711', kind: 'patient' }
    const kiosk = await a.addDevice('kiosk-1')
    const first = await a.ask(kiosk, { id: '1', text: '科室在哪里', subject })
    expect(first.body).toMatchObject({ status: 'need-input' })
    const speaker = await b.addDevice('speaker-1', 'speaker')
    const second = await b.ask(speaker, { id: '2', text: '骨科', subject })
    expect(second.body).toMatchObject({ status: 'answered', turn: 2, session: first.body.session })
    const back = await a.ask(kiosk, { id: '3', text: '门诊几点开门', session: first.body.session })
    expect(back.body).toMatchObject({ turn: 3, session: first.body.session })
    expect(a.box.ledger.size()).toBeGreaterThan(0)

    const reader = new Redis(redis.url)
    const keys = await reader.keys(`kefu:${a.box.config.site?.name}:*`)
    const values = await Promise.all(
      keys.filter((key) => !/:(kept|beat:\w+)$/.test(key)).map((key) => reader.get(key)),
    )
    reader.disconnect()
    // Of the session, of the person, and of each device that its session is a person's.
    expect(values.length).toBe(4)
    const all = [...keys, ...values].join('\n')
    for (const secret of ['p-4711', '骨科', String(first.body.session)]) {
      expect(all).not.toContain(secret)
    }
    await runOperation('subject.erase', { ...subject, reason: 'test' }, a.box.operations)
    await soon(async () => {
      const afresh = await b.ask(speaker, {
        id: String(Math.random()),
        text: '停车场在哪',
        subject,
      })
      expect(afresh.body.session).not.toBe(first.body.session)
    })
  })

  it('let a device that names nobody have said again what the other box said', async () => {
    const [a, b] = await startSite(redis)
    const said = await a.ask(await a.addDevice('bed-1'), { id: '1', text: '门诊几点开门' })
    expect(said.body).toMatchObject({ status: 'answered' })
    const there = await b.addDevice('bed-1')
    await soon(async () => {
      const again = await b.ask(there, { id: String(Math.random()), text: '再说一遍' })
      expect(again.body).toMatchObject({ session: said.body.session, text: said.body.text })
    })
  })

  it('take a device over, with what waited for it, and answer it where it is', async () => {
    const [a, b] = await startSite(redis)
    const nurse = await connect(a, 'nurse')
    const filters = ['kefu/v1/bed-1/answer', 'kefu/v1/bed-1/speech']
    const old = await connect(a, 'bed-1', 'bedside', roaming)
    await old.subscribeAsync(filters, { qos: 1 })
    const ended = new Promise((resolve) =>
      old.once('disconnect', (packet) => resolve(packet.reasonCode)),
    )

    const now = await connect(b, 'bed-1', 'bedside', roaming)
    expect(await ended).toBe(0x8e)
    // Before it has subscribed over there, this is for the session that it left behind.
    await nurse.publishAsync('kefu/v1/bed-1/speech', 'waited', { qos: 1 })
    await now.subscribeAsync(filters, { qos: 1 })
    await nurse.publishAsync('kefu/v1/bed-1/speech', 'live', { qos: 1 })
    await soon(() => expect(words(now).sort()).toEqual(['live', 'waited']), 5000)
    await soon(
      () => expect(a.broker.connections().some(({ clientId }) => clientId === 'bed-1')).toBe(false),
      5000,
    )
    await now.publishAsync('kefu/v1/bed-1/ask', JSON.stringify({ id: 'q', text: '停车场在哪' }), {
      qos: 1,
    })
    await soon(() => expect(words(now, 'kefu/v1/bed-1/answer')).toHaveLength(1))
    expect(words(now)).toHaveLength(3)

    // And when it was away for a while before it came to the other box.
    await now.endAsync()
    for (const n of [1, 2, 3]) {
      await nurse.publishAsync('kefu/v1/bed-1/speech', `away ${n}`, { qos: 1 })
    }
    const again = await connect(a, 'bed-1', 'bedside', roaming)
    await again.subscribeAsync(filters, { qos: 1 })
    await soon(() => expect(words(again)).toEqual(['away 1', 'away 2', 'away 3']), 5000)
  })

  it('show one presence of a device, wherever it is watched from', async () => {
    const [a, b] = await startSite(redis, [])
    const [here, there] = [await connect(a, 'desk-a'), await connect(b, 'desk-b')]
    for (const one of [here, there]) await one.subscribeAsync('kefu/v1/bed-1/presence', { qos: 1 })
    const online = (client: Client) =>
      client.got.map(({ payload }) => (JSON.parse(String(payload)) as { online: boolean }).online)
    await connect(a, 'bed-1', 'bedside')
    await soon(() => expect([online(here), online(there)]).toEqual([[true], [true]]))
    const moved = await connect(b, 'bed-1', 'bedside')
    await soon(() => expect(online(there).length).toBeGreaterThan(1))
    await soon(() => expect(a.broker.aedes.connectedClients).toBe(1))
    await soon(() => expect(here.got.length).toBeGreaterThan(2))
    expect([online(here).at(-1), online(there).includes(false)]).toEqual([true, false])
    await moved.endAsync()
    await soon(() => expect([online(here).at(-1), online(there).at(-1)]).toEqual([false, false]))
  })

  it('say at one box what was announced at the other, and know there that it was heard', async () => {
    const [a, b] = await startSite(redis, [])
    await a.addDevice('bed-1', 'bedside')
    const bed = await connect(b, 'bed-1', 'bedside')
    await bed.subscribeAsync('kefu/v1/bed-1/speech', { qos: 1 })
    const announced = { id: 'call-1', devices: ['bed-1'], text: '请到三号诊室', priority: 'urgent' }
    await a.box.hooks.live?.announce?.(announced as never)
    await soon(() => expect(words(bed).join()).toContain('请到三号诊室'), 6000)
    const { id: speech } = JSON.parse(words(bed)[0] ?? '{}') as { id: string }
    const report = { id: 'r1', speech, state: 'acknowledged', at: new Date().toISOString() }
    await bed.publishAsync('kefu/v1/bed-1/played', JSON.stringify(report), { qos: 1 })
    const kinds = () =>
      Array.from({ length: a.box.ledger.size() }, (_, at) => a.box.ledger.entryAt(at)?.kind)
    await soon(() => expect(kinds()).toContain('speech.acknowledged'))
  })
})

describe.skipIf(!hasRedis)('a box whose Redis is away', () => {
  it('goes on alone from its start, joins when it comes, and makes up for what is kept', async () => {
    await redis.stop()
    const site = newSite()
    const a = await startBox(redis, { site })
    const b = await startBox(redis, { site, keyFrom: a, packs: [] })
    expect(await siteOf(a)).toMatchObject({ state: 'away', boxes: [] })
    const token = await a.addDevice('k1')
    const subject = { id: 'p1', kind: 'patient' }
    await a.ask(token, { id: '0', text: '停车场在哪', subject })
    const startedMs = performance.now()
    const reply = await a.ask(token, { id: '1', text: '科室在哪里', subject })
    expect(reply.body).toMatchObject({ status: 'need-input', turn: 2 })
    expect(performance.now() - startedMs).toBeLessThan(FABRIC_WAIT_MS * 10)
    const health = await fetch(`${a.httpUrl}/healthz`)
    expect(health.status).toBe(200)
    expect(await health.text()).toMatch(/site fabric: away since/)

    const nurse = await connect(a, 'nurse')
    await nurse.publishAsync('ward/kept', 'while away', { qos: 1, retain: true })
    const watcher = await connect(b, 'watcher')
    await watcher.subscribeAsync('ward/#', { qos: 1 })
    await nurse.publishAsync('ward/held', 'held back', { qos: 1 })
    await nurse.publishAsync('ward/fast', 'QoS 0 is not', { qos: 0 })
    // Held for longer than it lives: not given, and counted.
    const properties = { messageExpiryInterval: 1 }
    await nurse.publishAsync('ward/short', 'one second', { qos: 1, properties })
    await redis.start()
    await together(a, b)
    await soon(() => expect(words(watcher).sort()).toEqual(['held back', 'while away']), 9000)
    const page = await (await fetch(`${a.httpUrl}/metrics`)).text()
    expect(page).toContain('kefu_site_messages_dropped 1\n')
  })

  it('settles what both did while apart: the later change and the later connection stay', async () => {
    const [a, b] = await startSite(redis, [])
    const nurse = await connect(a, 'nurse')
    const other = await connect(b, 'other')
    await nurse.publishAsync('ward/gone', 'soon', { qos: 1, retain: true })
    await other.subscribeAsync('ward/gone', { qos: 1 })
    await soon(() => expect(words(other)).toEqual(['soon']))
    await redis.stop()
    for (const box of [a, b]) {
      await soon(async () => expect((await siteOf(box))?.state).toBe('away'))
    }
    const old = await connect(a, 'bed-1', 'bedside')
    const ended = new Promise((resolve) => old.once('disconnect', (one) => resolve(one.reasonCode)))
    await other.publishAsync('ward/x', 'earlier', { qos: 1, retain: true })
    const publishedMs = Date.now()
    // Changes of two boxes in one millisecond have no order.
    await vi.waitUntil(() => Date.now() > publishedMs, { interval: 1 })
    await nurse.publishAsync('ward/x', 'later', { qos: 1, retain: true })
    await nurse.publishAsync('ward/gone', '', { qos: 1, retain: true })
    const now = await connect(b, 'bed-1', 'bedside')
    await redis.start()
    await together(a, b)
    expect(await ended).toBe(0x8e)
    expect(now.connected).toBe(true)
    await other.subscribeAsync('ward/x', { qos: 1 })
    await soon(() => expect(words(other, 'ward/x').at(-1)).toBe('later'), 5000)
    await nurse.subscribeAsync('ward/#', { qos: 1 })
    await soon(() => expect(words(nurse)).toEqual(['later']))
    await soon(() => expect(words(other, 'ward/gone')).toEqual(['soon', '']))
  })

  it('reads after a restart what it missed, and answers within its limit when Redis hangs', async () => {
    const site = newSite()
    const a = await startBox(redis, { site })
    const b = await startBox(redis, { site, keyFrom: a, packs: [] })
    await together(a, b)
    const nurse = await connect(a, 'nurse')
    await nurse.publishAsync('ward/x', 'one', { qos: 1, retain: true })
    await b.close()
    await nurse.publishAsync('ward/x', 'two', { qos: 1, retain: true })
    const again = await startBox(redis, { site, dataDir: b.dataDir, packs: [] })
    const watcher = await connect(again, 'watcher')
    await watcher.subscribeAsync('ward/x', { qos: 1 })
    await soon(() => expect(words(watcher).at(-1)).toBe('two'), 5000)

    const token = await a.addDevice('k1')
    const ask = { text: '停车场在哪', subject: { id: 'p1', kind: 'patient' } }
    await a.ask(token, { id: '0', ...ask })
    redis.freeze()
    try {
      const startedMs = performance.now()
      const reply = await a.ask(token, { id: '1', ...ask })
      expect(reply.body).toMatchObject({ status: 'answered', turn: 2 })
      // The wait, and what a busy machine adds to it.
      expect(performance.now() - startedMs).toBeLessThan(FABRIC_WAIT_MS * 8)
    } finally {
      redis.thaw()
    }
  })

  it('keep a message for its topic no longer than its term, whenever a box joins', async () => {
    let passedMs = 0
    const clock = {
      now: () => Date.now() + passedMs,
      monotonic: () => performance.now() + passedMs,
    }
    const site = newSite()
    const a = await startBox(redis, { site, packs: [], clock })
    await soon(async () => expect((await siteOf(a))?.state).toBe('connected'), 8000)
    const nurse = await connect(a, 'nurse')
    const lasting = (messageExpiryInterval: number) => ({
      qos: 1 as const,
      retain: true,
      properties: { messageExpiryInterval },
    })
    await nurse.publishAsync('ward/long', 'visiting hours', lasting(100))
    await nurse.publishAsync('ward/short', 'doctor on his way', lasting(30))
    passedMs = 60_000
    const b = await startBox(redis, { site, keyFrom: a, packs: [], clock })
    await together(a, b)
    const late = await connect(b, 'late')
    await late.subscribeAsync('ward/#', { qos: 1 })
    await soon(() => expect(words(late)).toEqual(['visiting hours']))
    expect(late.got[0]?.properties?.messageExpiryInterval).toBeLessThanOrEqual(40)
    expect(words(late, 'ward/short')).toEqual([])
  })

  it('send what was too much for a slow link once it has room again', async () => {
    const [a, b] = await startSite(redis, [])
    const nurse = await connect(b, 'nurse')
    await nurse.subscribeAsync('ward/#', { qos: 1 })
    const from = await connect(a, 'from')
    const texts = Array.from({ length: 20 }, (_, n) => `${n} `.padEnd(1_000_000, 'x'))
    redis.freeze()
    try {
      await Promise.all(texts.map((one) => from.publishAsync('ward/scan', one, { qos: 1 })))
    } finally {
      redis.thaw()
    }
    const number = (text: string) => text.slice(0, text.indexOf(' '))
    await soon(() => expect(words(nurse)).toHaveLength(texts.length), 8000)
    expect(words(nurse).map(number)).toEqual(texts.map(number))
  })

  it('hear a box again whose clock ran ahead, once its operator has set it right', async () => {
    const site = newSite()
    const a = await startBox(redis, { site, packs: [] })
    const clock = { ...systemClock, now: () => Date.now() + 100 * 86_400_000 }
    const b = await startBox(redis, { site, keyFrom: a, packs: [], clock })
    await together(a, b)
    const watcher = await connect(a, 'watcher')
    await watcher.subscribeAsync('ward/#', { qos: 1 })
    await b.close()
    const doubting = await startBox(redis, { site, dataDir: b.dataDir, packs: [] })
    await runOperation('clock.accept', {}, doubting.box.operations)
    await doubting.close()
    const again = await startBox(redis, { site, dataDir: b.dataDir, packs: [] })
    await together(again)
    const nurse = await connect(again, 'nurse')
    await nurse.publishAsync('ward/x', 'here again', { qos: 1 })
    await soon(() => expect(words(watcher)).toEqual(['here again']), 5000)
    expect((await siteOf(a))?.stale).toBe(0)
  })

  it('reads no message of a box with another key', async () => {
    const site = newSite()
    const a = await startBox(redis, { site, packs: [] })
    const b = await startBox(redis, { site, packs: [] })
    await soon(async () => expect((await siteOf(b))?.notOpened).toBeGreaterThan(0), 8000)
    expect((await siteOf(a))?.boxes).toEqual([])
  })
})
