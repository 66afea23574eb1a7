import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import {
  connect,
  newSite,
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
let admin: Redis
beforeAll(async () => {
  if (!hasRedis) return
  redis = await startRedis()
  admin = new Redis(redis.url)
  // Its Redis is stopped by a test.
  admin.on('error', () => {})
})
afterAll(async () => {
  admin?.disconnect()
  await redis?.stop()
})

const kept = { qos: 1, retain: true } as const

describe.skipIf(!hasRedis)('a site whose Redis has lost writes', () => {
  it('keeps the newest messages, whatever a box that was off has of them', async () => {
    const site = newSite()
    const a = await startBox(redis, { site, packs: [] })
    const b = await startBox(redis, { site, keyFrom: a, packs: [] })
    await together(a, b)
    const [nurse, other] = [await connect(a, 'nurse'), await connect(b, 'other')]
    for (const topic of ['ward/x', 'ward/gone']) await nurse.publishAsync(topic, 'one', kept)
    await other.subscribeAsync('ward/#', { qos: 1 })
    await soon(() => expect(words(other)).toHaveLength(2))
    await b.close()
    await nurse.publishAsync('ward/x', 'two', kept)
    await nurse.publishAsync('ward/gone', '', kept)
    await admin.flushall()

    const again = await startBox(redis, { site, dataDir: b.dataDir, packs: [] })
    await together(a, again)
    const here = await connect(a, 'here')
    const watcher = await connect(again, 'watcher')
    await watcher.subscribeAsync('ward/#', { qos: 1 })
    await soon(() => expect(words(watcher, 'ward/x').at(-1)).toBe('two'))
    await soon(() => expect(words(watcher, 'ward/gone').at(-1) ?? '').toBe(''))
    await here.subscribeAsync('ward/#', { qos: 1 })
    await soon(() => expect(words(here)).toEqual(['two']))
  })

  it('puts a newer message back where Redis went back to an older one', async () => {
    const site = newSite()
    const a = await startBox(redis, { site, packs: [] })
    const nurse = await connect(a, 'nurse')
    const key = `kefu:${site}:kept`
    const inRedis = () => admin.hgetallBuffer(key)
    await nurse.publishAsync('ward/x', 'one', kept)
    await soon(async () => expect(Object.keys(await inRedis())).not.toEqual([]))
    const older = await inRedis()
    await nurse.publishAsync('ward/x', 'two', kept)
    await soon(async () => expect(await inRedis()).not.toEqual(older))

    await admin.hset(key, older)
    await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await soon(async () => expect(await inRedis()).not.toEqual(older), 8000)
    const joins = await startBox(redis, { site, keyFrom: a, packs: [] })
    await together(a, joins)
    const watcher = await connect(joins, 'watcher')
    await watcher.subscribeAsync('ward/#', { qos: 1 })
    await soon(() => expect(words(watcher)).toEqual(['two']))
  })

  it('says that Redis takes no writes, though messages pass, and when it does again', async () => {
    const [a, b] = await startSite(redis, [])
    await admin.config('SET', 'min-replicas-to-write', '1')
    try {
      await soon(async () => expect((await siteOf(a))?.refused).toContain('NOREPLICAS'), 8000)
      const page = await (await fetch(`${a.httpUrl}/metrics`)).text()
      expect(page).toContain('kefu_site_connected 1')
      expect(page).toContain('kefu_site_stores 0')
      const [nurse, from] = [await connect(b, 'nurse'), await connect(a, 'from')]
      await nurse.subscribeAsync('ward/#', { qos: 1 })
      await from.publishAsync('ward/1', 'passes', kept)
      await soon(() => expect(words(nurse)).toEqual(['passes']))
    } finally {
      await admin.config('SET', 'min-replicas-to-write', '0')
    }
    await soon(async () => expect((await siteOf(a))?.refused).toBeUndefined(), 8000)
    await soon(async () =>
      expect(await admin.hlen(`kefu:${a.box.config.site?.name}:kept`)).toBeGreaterThan(0),
    )
  })
})

describe.skipIf(!hasRedis)('a device of two boxes', () => {
  it('that is removed at one keeps what the other wants of it', async () => {
    const [a, b] = await startSite(redis, [])
    for (const box of [a, b]) await box.addDevice('bed-1', 'bedside')
    const desired = { device: 'bed-1', state: { volume: 7 } }
    await runOperation('twin.desire', desired, b.box.operations)
    const topic = 'kefu/v1/bed-1/desired'
    const [here, there] = [await connect(a, 'desk-a'), await connect(b, 'desk-b')]
    await here.subscribeAsync(topic, { qos: 1 })
    await soon(() => expect(words(here)).toHaveLength(1))
    await runOperation('device.remove', { id: 'bed-1' }, a.box.operations)
    await soon(() => expect(words(here).at(-1)).toBe(''))
    await there.publishAsync('ward/after', 'crossed behind it', { qos: 1 })
    await there.subscribeAsync(topic, { qos: 1 })
    await soon(() => expect(words(there).join()).toContain('"volume":7'))
  })

  it('that moved while Redis was away is shown online, where it went to and where it was', async () => {
    const [a, b] = await startSite(redis, [])
    const old = await connect(a, 'bed-1', 'bedside')
    const topic = 'kefu/v1/bed-1/presence'
    const here = await connect(a, 'desk-a')
    await here.subscribeAsync(topic, { qos: 1 })
    const last = () => (JSON.parse(words(here).at(-1) ?? '{}') as { online?: boolean }).online
    await soon(() => expect(last()).toBe(true))
    await redis.stop()
    for (const box of [a, b]) {
      await soon(async () => expect((await siteOf(box))?.state).toBe('away'))
    }
    await connect(b, 'bed-1', 'bedside')
    await old.endAsync()
    await soon(() => expect(last()).toBe(false))
    await redis.start()
    await together(a, b)
    await soon(() => expect(last()).toBe(true))
  })
})
