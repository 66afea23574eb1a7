import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../gateway/clock.ts'
import { FABRIC_WAIT_MS, type Fabric, STAMP_BYTES } from '../../gateway/fabric/fabric.ts'
import { openRedisFabric } from '../../gateway/fabric/redis-fabric.ts'
import { createLocalSite } from '../support/local-site.ts'
import { hasPeer } from '../support/peers.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'

interface Place {
  join(): Fabric
  setAway(isAway: boolean): Promise<void>
}

const hasRedis = hasPeer('redis-server')
let redis: TestRedis | undefined
beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())

function redisPlace(): Place {
  const server = redis
  if (!server) throw new Error('no redis-server')
  const site = `site-${Math.random().toString(36).slice(2)}`
  return {
    join: () =>
      openRedisFabric({
        url: server.url,
        site,
        clock: systemClock,
        random: Math.random,
        onError: () => {},
      }),
    setAway: async (isAway) => (isAway ? server.stop() : server.start()),
  }
}

function localPlace(): Place {
  const site = createLocalSite(systemClock)
  return { join: site.join, setAway: async (isAway) => site.setAway(isAway) }
}

const stampOf = (n: number) => {
  const stamp = Buffer.alloc(STAMP_BYTES)
  stamp.writeBigUInt64BE(BigInt(n))
  return stamp
}

const places: [string, boolean, () => Place][] = [
  ['in one process', true, localPlace],
  ['over Redis', hasRedis, redisPlace],
]

describe.each(places)('the fabric of a site %s', (_name, isHere, open) => {
  const test = isHere ? it : it.skip
  const joined: Fabric[] = []
  afterEach(async () => {
    for (const fabric of joined.splice(0)) await fabric.close()
  })

  async function join(place: Place): Promise<Fabric & { heard: string[] }> {
    const fabric = place.join()
    joined.push(fabric)
    const heard: string[] = []
    fabric.onMessage((bytes) => heard.push(bytes.toString()))
    await vi.waitFor(() => expect(fabric.status().state).toBe('connected'), 5000)
    return Object.assign(fabric, { heard })
  }

  const all = async (fabric: Fabric) => {
    const found = new Map<string, string>()
    for await (const page of fabric.readKept()) {
      for (const { field, value } of page) found.set(field, value.toString())
    }
    return Object.fromEntries(found)
  }

  test('brings each message to every other box once, in order, and none to its sender', async () => {
    const place = open()
    const [a, b, c] = [await join(place), await join(place), await join(place)]
    const sent = Array.from({ length: 500 }, (_, n) => `m${n}`)
    for (const one of sent) expect(a.send(Buffer.from(one))).toBe(true)
    b.send(Buffer.from('from b'))
    await vi.waitFor(() => expect(c.heard).toHaveLength(501))
    await vi.waitFor(() => expect(b.heard).toHaveLength(500))
    expect(b.heard).toEqual(sent)
    expect(c.heard.filter((one) => one !== 'from b')).toEqual(sent)
    expect(a.heard).toEqual(['from b'])
  })

  test('carries any bytes', async () => {
    const place = open()
    const [a, b] = [await join(place), await join(place)]
    const heard: Buffer[] = []
    b.onMessage((bytes) => heard.push(Buffer.from(bytes)))
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, n) => n % 256))
    a.send(bytes)
    a.send(Buffer.alloc(0))
    await vi.waitFor(() => expect(heard).toHaveLength(2))
    expect(heard[0]?.equals(bytes)).toBe(true)
    expect(heard[1]).toHaveLength(0)
  })

  test('reads what another box has put, until its time is over or it is removed', async () => {
    const place = open()
    const [a, b] = [await join(place), await join(place)]
    expect(await a.put([['x', Buffer.from('one')]], 60_000)).toBe(true)
    expect(await a.put([['y', Buffer.from('two')]], 30)).toBe(true)
    expect(await b.get(['x', 'none'])).toEqual([Buffer.from('one'), undefined])
    await vi.waitFor(async () => expect(await b.get(['y'])).toEqual([undefined]))
    expect(await b.remove(['x'])).toBe(true)
    expect(await a.get(['x'])).toEqual([undefined])
  })

  test('keeps the newest of each field, whoever comes last', async () => {
    const place = open()
    const [a, b] = [await join(place), await join(place)]
    await a.keep({ field: 'f', stamp: stampOf(2), value: Buffer.from('second') })
    await b.keep({ field: 'f', stamp: stampOf(1), value: Buffer.from('first') })
    await b.keep({ field: 'g', stamp: stampOf(1), value: Buffer.from('other') })
    expect(await all(a)).toEqual({ f: 'second', g: 'other' })
    await b.dropKept({ field: 'f', stamp: stampOf(1) })
    await b.dropKept({ field: 'g', stamp: stampOf(1) })
    expect(await all(a)).toEqual({ f: 'second' })
  })

  test('says that it is away, waits for nothing, and comes back by itself', async () => {
    const place = open()
    const [a, b] = [await join(place), await join(place)]
    const states: string[] = []
    a.onChange(({ state }) => states.push(state))
    await place.setAway(true)
    await vi.waitFor(() => expect(a.status().state).toBe('away'))
    const startedMs = performance.now()
    expect(a.send(Buffer.from('lost'))).toBe(false)
    expect(await a.put([['x', Buffer.from('one')]], 1000)).toBe(false)
    expect(await a.get(['x'])).toBeUndefined()
    expect(performance.now() - startedMs).toBeLessThan(FABRIC_WAIT_MS)
    await place.setAway(false)
    for (const one of [a, b]) {
      await vi.waitFor(() => expect(one.status().state).toBe('connected'), 8000)
    }
    expect(states).toEqual(['away', 'connected'])
    expect(a.send(Buffer.from('back'))).toBe(true)
    await vi.waitFor(() => expect(b.heard).toEqual(['back']))
  })
})

describe.skipIf(!hasRedis)('Redis that is there and does not answer', () => {
  it('holds nobody up, and strange bytes on its channel harm nobody', async () => {
    const server = redis
    if (!server) throw new Error('no redis-server')
    const errors: unknown[] = []
    const fabric = openRedisFabric({
      url: server.url,
      site: 'frozen',
      clock: systemClock,
      random: Math.random,
      onError: (error) => errors.push(error),
    })
    try {
      await vi.waitFor(() => expect(fabric.status().state).toBe('connected'), 5000)
      const { Redis } = await import('ioredis')
      const stranger = new Redis(server.url)
      await stranger.publish('kefu:frozen:fabric', Buffer.from([0xc1, 0xff, 0x00]))
      stranger.disconnect()
      await vi.waitFor(() => expect(errors).toHaveLength(1))
      server.freeze()
      const startedMs = performance.now()
      expect(await fabric.get(['x'])).toBeUndefined()
      expect(performance.now() - startedMs).toBeLessThan(FABRIC_WAIT_MS * 3)
    } finally {
      server.thaw()
      await fabric.close()
    }
  })

  it('is used again after it ended with questions open', async () => {
    const server = redis
    if (!server) throw new Error('no redis-server')
    const fabric = openRedisFabric({
      url: server.url,
      site: 'ended',
      clock: systemClock,
      random: Math.random,
      onError: () => {},
    })
    const isConnected = () => expect(fabric.status().state).toBe('connected')
    try {
      await vi.waitFor(isConnected, 5000)
      server.freeze()
      const asked = fabric.get(['x'])
      expect(fabric.send(Buffer.from('unheard'))).toBe(true)
      expect(await asked).toBeUndefined()
      await server.stop()
      await vi.waitFor(() => expect(fabric.status().state).toBe('away'))
      await server.start()
      await vi.waitFor(isConnected, 10_000)
      expect(await fabric.put([['x', Buffer.from('one')]], 1000)).toBe(true)
    } finally {
      await fabric.close()
    }
  })
})
