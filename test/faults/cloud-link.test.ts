import { randomBytes } from 'node:crypto'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { deliver } from '@kefu-edge/cloud-sync/deliver'
import { encodeBatch } from '@kefu-edge/cloud-sync/push-batch'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FaultProxy, openFaultProxy } from '../unit/cloud-sync/support/fault-proxy.ts'
import {
  openRig,
  QUICK,
  type Rig,
  range,
  readAsOperator,
  until,
} from '../unit/cloud-sync/support/rig.ts'

let rig: Rig
let proxy: FaultProxy
beforeEach(async () => {
  rig = await openRig({ isInsecureHttp: true })
  proxy = await openFaultProxy(rig.core.port)
})
afterEach(async () => {
  await proxy.close()
  await rig.close()
})

const through = () => rig.linkTo(`http://127.0.0.1:${proxy.port}`)

interface Stream {
  lane: string
  duplicates: number
  missing: number
}
async function streamOf(lane: string): Promise<Stream> {
  const fleet = (await readAsOperator(rig.core, '/v1/gateways')) as {
    gateways: { streams: Stream[] }[]
  }
  const stream = fleet.gateways[0]?.streams.find((one) => one.lane === lane)
  if (!stream) throw new Error(`no stream ${lane}`)
  return stream
}

/** accepted = delivered + pending + quarantined at every look. */
function expectBalance(): void {
  for (const lane of ['critical', 'session', 'audit', 'telemetry']) {
    const { accepted, delivered, pending, quarantined } = rig.source.count(lane)
    expect(delivered + pending + quarantined).toBe(accepted)
  }
}

describe('a link that breaks', () => {
  it('loses acknowledgements: everything is at the core once', async () => {
    rig.source.append('session', 500)
    const pusher = rig.pusher(through(), { ...QUICK, maxBatchEntries: 50 })
    proxy.set('lose-answers')
    pusher.start()
    await until('answers were lost', () => proxy.answersLost() >= 3)
    expect(rig.source.count('session').delivered).toBe(0)
    expectBalance()

    proxy.set('pass')
    await until('the lane is empty', () => rig.source.count('session').pending === 0)
    expect(await rig.stored('session')).toEqual(range(1, 500))
    expect((await streamOf('session')).duplicates).toBeGreaterThan(0)
    expectBalance()
  })

  it('cuts requests in the middle: nothing of half a batch is kept', async () => {
    rig.source.append('audit', 300)
    const pusher = rig.pusher(through(), { ...QUICK, maxBatchEntries: 100 })
    proxy.set('cut')
    pusher.start()
    await until('requests were cut', () => proxy.recorded.length >= 4)
    expect(await rig.stored('audit')).toEqual([])

    proxy.set('pass')
    await until('the lane is empty', () => rig.source.count('audit').pending === 0)
    expect(await rig.stored('audit')).toEqual(range(1, 300))
    expect((await streamOf('audit')).duplicates).toBe(0)
  })

  it('swallows everything: a black hole is given up, seen, and left as soon as it ends', async () => {
    const pusher = rig.pusher(through(), { ...QUICK, stallTimeoutMs: 150, echoEveryMs: 150 })
    pusher.start()
    await until('it is connected', () => pusher.status().state === 'connected')

    proxy.set('black-hole')
    rig.source.append('critical', 20)
    await until('the loss is seen', () => pusher.status().lastError?.code === 'link.timeout')
    expect(pusher.status().state).toBe('away')
    expect(rig.source.count('critical').pending).toBe(20)

    proxy.set('pass')
    await until('the lane is empty', () => rig.source.count('critical').pending === 0)
    expect(await rig.stored('critical')).toEqual(range(1, 20))
    await until('it is seen', () => pusher.status().state === 'connected')
  })

  it('goes on at once when told that the network is back, whatever the backoff', async () => {
    const pusher = rig.pusher(through(), { ...QUICK, backoff: { baseMs: 600_000, capMs: 600_000 } })
    proxy.set('cut')
    rig.source.append('audit', 5)
    pusher.start()
    await until('an attempt failed', () => pusher.status().state === 'away')
    proxy.set('pass')
    await until('the lane is empty', () => {
      pusher.nudge()
      return rig.source.count('audit').pending === 0
    })
    expect(await rig.stored('audit')).toEqual(range(1, 5))
  })

  it('is slow: batches shrink until they pass, and critical entries pass the backlog', async () => {
    // 340 kB at 200 kB/s: one batch of it all would take longer than a stall may last.
    rig.source.append('telemetry', 2000, () => ({ sealed: randomBytes(120) }))
    proxy.throttle(200_000)
    const pusher = rig.pusher(through(), { ...QUICK, stallTimeoutMs: 300, echoEveryMs: 1000 })
    pusher.start()
    await until('the drain began', () => rig.source.count('telemetry').delivered > 0)
    rig.source.append('critical', 1)
    await until('the call is up', () => rig.source.count('critical').pending === 0)
    expect(rig.source.count('telemetry').pending).toBeGreaterThan(0)
    await until('the backlog is gone', () => rig.source.count('telemetry').pending === 0)
    expect(await rig.stored('telemetry')).toEqual(range(1, 2000))
  })

  it('delivers twice and out of order: the core keeps each entry once', async () => {
    rig.source.append('session', 400)
    const pusher = rig.pusher(through(), { ...QUICK, maxBatchEntries: 40 })
    await pusher.pushOnce()
    expect(await rig.stored('session')).toEqual(range(1, 400))

    // A router that kept copies sends them all again, newest first.
    for (const connection of [...proxy.recorded].reverse()) {
      const answer = await proxy.replay(connection)
      expect(answer).toContain('HTTP/1.1 200')
    }
    expect(await rig.stored('session')).toEqual(range(1, 400))
    expect((await streamOf('session')).duplicates).toBe(400)
    expect((await streamOf('session')).missing).toBe(0)
  })

  it('meets a core that was set back: it goes on, and what is missing there is said', async () => {
    const pusher = rig.pusher(rig.linkTo(rig.core.url))
    rig.source.append('audit', 10)
    await pusher.pushOnce()
    const backup = join(rig.folder, 'backup')
    await rig.restartCore(() => cpSync(join(rig.folder, 'core'), backup, { recursive: true }))
    rig.source.append('audit', 10)
    await pusher.pushOnce()
    await rig.restartCore(() => {
      rmSync(join(rig.folder, 'core'), { recursive: true })
      cpSync(backup, join(rig.folder, 'core'), { recursive: true })
    })

    rig.source.append('audit', 10)
    await until('the lane is empty', () => pusher.pushOnce())
    expect(await rig.stored('audit')).toEqual([...range(1, 10), ...range(21, 30)])
    expect((await streamOf('audit')).missing).toBe(10)
  })

  it('brings a later batch first: the core refuses to skip what lies between', async () => {
    const [, second] = [rig.source.append('audit', 10), rig.source.append('audit', 10)]
    expect(second).toBe(20)
    const late = rig.source.readLane('audit', 10, 100, 1e6)
    const batch = {
      lane: 'audit',
      epoch: rig.source.epoch(),
      count: late.length,
      entries: late,
      firstSequence: 11,
      lastSequence: 20,
      bytes: 0,
      isBacklog: false,
    }
    const delivery = await deliver(
      rig.linkTo(rig.core.url),
      rig.source.gatewayId,
      batch,
      await encodeBatch(batch, 10, 'nonce'),
      'nonce',
      { stallTimeoutMs: 1000, signal: new AbortController().signal },
    )
    expect(delivery).toEqual({ kind: 'ahead', acknowledged: 0 })
    expect(await rig.stored('audit')).toEqual([])
  })
})
