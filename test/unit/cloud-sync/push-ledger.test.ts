import { enrol } from '@kefu-edge/cloud-sync/enrol'
import { type Link, silentLogger, systemClock } from '@kefu-edge/cloud-sync/ports'
import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import { createLedgerPusher } from '@kefu-edge/cloud-sync/push-ledger'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTestLedger } from '../../faults/cloud-ledger.ts'
import { openRig, QUICK, type Rig, range, readAsOperator, until } from './support/rig.ts'
import { LANES } from './support/sqlite-source.ts'

let rig: Rig
beforeEach(async () => {
  rig = await openRig()
})
afterEach(async () => {
  await rig.close()
})

describe('pushing the ledger', () => {
  it('brings every lane to the core over TLS, in order, once', async () => {
    rig.source.append('critical', 3)
    rig.source.append('session', 2500)
    rig.source.append('telemetry', 10)
    const pusher = rig.pusher(rig.linkTo(rig.core.url))

    expect(await pusher.pushOnce()).toBe(true)

    expect(await rig.stored('critical')).toEqual([1, 2, 3])
    expect(await rig.stored('session')).toEqual(range(1, 2500))
    expect(await rig.stored('telemetry')).toEqual(range(1, 10))
    expect(rig.source.count('session')).toEqual({
      accepted: 2500,
      delivered: 2500,
      pending: 0,
      quarantined: 0,
    })
  })

  it('goes on with entries that are appended while it runs', async () => {
    const pusher = rig.pusher(rig.linkTo(rig.core.url))
    pusher.start()
    for (let round = 0; round < 5; round += 1) {
      rig.source.append('audit', 7)
      await until('the lane is empty', () => rig.source.count('audit').pending === 0)
    }
    expect(await rig.stored('audit')).toEqual(range(1, 35))
  })

  it('keeps the session store of the core: turns by session', async () => {
    rig.source.append('session', 4, (n) => ({
      kind: 'turn',
      dev: 'kiosk-1',
      body: { session: n % 2 ? 'odd' : 'even', status: 'answered', turn: n },
    }))
    await rig.pusher(rig.linkTo(rig.core.url)).pushOnce()

    const base = `/v1/gateways/${rig.source.gatewayId}/sessions`
    const all = (await readAsOperator(rig.core, base)) as {
      sessions: { id: string; turns: number }[]
    }
    expect(all.sessions.map(({ id, turns }) => [id, turns]).sort()).toEqual([
      ['even', 2],
      ['odd', 2],
    ])
    const odd = (await readAsOperator(rig.core, `${base}/odd`)) as {
      turns: { deviceId: string; body: { turn: number } }[]
    }
    expect(odd.turns.map((turn) => turn.body.turn)).toEqual([1, 3])
  })

  it('quarantines what the core can never take and brings the rest', async () => {
    rig.source.append('audit', 2)
    rig.source.appendRaw('audit', Buffer.from([0xc1, 0xc1]))
    rig.source.append('audit', 2)
    rig.source.appendRaw(
      'audit',
      packr.encode({ v: 1, lane: 'critical', seq: 9, kind: 'x', at: 0 }),
    )
    rig.source.append('audit', 1)

    expect(await rig.pusher(rig.linkTo(rig.core.url)).pushOnce()).toBe(true)

    expect(await rig.stored('audit')).toEqual([1, 2, 4, 5, 7])
    expect(rig.source.settled('audit').quarantined).toEqual([
      { sequence: 3, reason: 'entry.not-msgpack' },
      { sequence: 6, reason: 'entry.mismatch' },
    ])
    expect(rig.source.count('audit')).toEqual({
      accepted: 7,
      delivered: 5,
      pending: 0,
      quarantined: 2,
    })
  })

  it('is connected only after an echo from the store of the core', async () => {
    const pusher = rig.pusher(rig.linkTo(rig.core.url))
    expect(pusher.status().state).toBe('connecting')
    pusher.start()
    await until('an echo came', () => pusher.status().state === 'connected')
    expect(pusher.status().roundTripMs).toBeGreaterThan(0)

    await rig.core.close()
    await until('the loss is seen', () => pusher.status().state === 'away')
    await rig.restartCore()
    await until('it is seen to be back', () => pusher.status().state === 'connected')
  })

  it('holds a backlog while the bandwidth window is closed, but not the critical lane', async () => {
    rig.source.append('telemetry', 3000)
    const pusher = rig.pusher(rig.linkTo(rig.core.url), { ...QUICK, maxBatchEntries: 100 })
    pusher.setWindow(false)
    pusher.start()
    // The first batch shows that there is a backlog.
    await until('the backlog is known', () => rig.source.count('telemetry').delivered === 100)
    rig.source.append('critical', 5)
    await until('the critical lane is empty', () => rig.source.count('critical').pending === 0)
    expect(rig.source.count('telemetry').pending).toBe(2900)

    pusher.setWindow(true)
    await until('the backlog is gone', () => rig.source.count('telemetry').pending === 0)
    expect(await rig.stored('telemetry')).toEqual(range(1, 3000))
  })

  it('brings who was erased before a backlog of turns is through, and while the window is closed', async () => {
    rig.source.append('session', 3000)
    rig.source.append('audit', 400)
    const limits = { ...QUICK, maxBatchEntries: 50, drainPerSecond: 2000 }
    const pusher = rig.pusher(rig.linkTo(rig.core.url), limits)
    pusher.start()
    await until('the audit lane is empty', () => rig.source.count('audit').pending === 0)
    expect(rig.source.count('session').pending).toBeGreaterThan(0)

    pusher.setWindow(false)
    rig.source.append('audit', 200)
    await until('the audit lane is empty', () => rig.source.count('audit').pending === 0)
    expect(rig.source.count('session').pending).toBeGreaterThan(0)
    expect(await rig.stored('audit')).toEqual(range(1, 600))
    pusher.setWindow(true)
    await until('the backlog is gone', () => rig.source.count('session').pending === 0)
    expect(await rig.stored('session')).toEqual(range(1, 3000))
  })

  it('collects what is live while a backlog waits for its window, as it does without one', async () => {
    rig.source.append('session', 300)
    const link = rig.linkTo(rig.core.url)
    let requests = 0
    const counted: Link = {
      request(one) {
        if (one.path.endsWith('/entries')) requests += 1
        return link.request(one)
      },
      close: () => link.close(),
    }
    const lingerMs = 200
    const pusher = rig.pusher(counted, { ...QUICK, lingerMs, maxBatchEntries: 100 })
    pusher.setWindow(false)
    pusher.start()
    await until('the backlog is known', () => rig.source.count('session').delivered === 100)
    const [startedAt, before] = [performance.now(), requests]
    for (let n = 1; n <= 20; n += 1) {
      rig.source.append('telemetry', 1)
      await until('time passes', () => performance.now() - startedAt > n * 25)
    }
    await until('all is there', () => rig.source.count('telemetry').pending === 0)
    const passedMs = performance.now() - startedAt
    expect(requests - before).toBeLessThanOrEqual(passedMs / lingerMs + 1)
  })

  it('enrols by itself, even with nothing to push, when the core does not know the gateway', async () => {
    const link = rig.linkTo(rig.core.url)
    let enrolments = 0
    const pusher = createLedgerPusher({
      source: rig.source,
      lanes: LANES,
      link,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      limits: QUICK,
      enrol: async () => {
        enrolments += 1
        return (await enrol(link, rig.identity, rig.core.enrolToken)).kind === 'enrolled'
      },
    })
    await rig.forget()
    pusher.start()
    await until('it is connected', () => pusher.status().state === 'connected')
    expect(enrolments).toBe(1)
    await pusher.close()
  })

  it('discloses what policy allows of a sealed entry, and nothing else', async () => {
    rig.source.append('session', 2, (n) => ({
      kind: 'turn',
      body: { session: 's-1' },
      key: 7,
      sealed: Buffer.from(`secret ${n}`),
    }))
    const shown = packr.encode({ heard: '你好' })
    const pusher = createLedgerPusher({
      source: {
        ...rig.source,
        readLane: (lane, ...limits) =>
          rig.source
            .readLane(lane, ...limits)
            .map((entry) =>
              lane === 'session' && entry.sequence === 2 ? { ...entry, disclosed: shown } : entry,
            ),
      },
      lanes: LANES,
      link: rig.linkTo(rig.core.url),
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
    })
    await pusher.pushOnce()
    await pusher.close()
    const path = `/v1/gateways/${rig.source.gatewayId}/sessions/s-1`
    const { turns } = (await readAsOperator(rig.core, path)) as { turns: { disclosed?: object }[] }
    expect(turns.map((turn) => turn.disclosed)).toEqual([undefined, { heard: '你好' }])
  })
})

it('keeps the balance of the gateway’s own ledger when entries are quarantined', async () => {
  const { store, ledger } = openTestLedger(rig.folder)
  await store.commit(() => {
    for (let n = 0; n < 30; n += 1) {
      ledger.append({ lane: 'audit', kind: 'test', atMs: n, body: { n } })
    }
  })
  const all = ledger.readLane('audit', 0, 100, 1e6)
  const broken = new Set([all[3]?.sequence, all[29]?.sequence])
  const pusher = createLedgerPusher({
    source: {
      gatewayId: rig.source.gatewayId,
      epoch: () => ledger.epoch(),
      // The bytes rot on their way: the core cannot read them.
      readLane: (lane, after, entries, bytes) =>
        ledger
          .readLane(laneOf(lane), after, entries, bytes)
          .map((entry) =>
            broken.has(entry.sequence) ? { ...entry, bytes: Buffer.from([0xc1]) } : entry,
          ),
      acknowledge: (lane, upTo) => ledger.acknowledge(laneOf(lane), upTo),
      quarantine: (lane, sequence, reason) => ledger.quarantine(laneOf(lane), sequence, reason),
      accepted: (lane) => ledger.accepted(laneOf(lane)),
      fork: (lane, epoch, from) => ledger.fork(laneOf(lane), epoch, from),
    },
    lanes: LANES,
    link: rig.linkTo(rig.core.url),
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    limits: { maxBatchEntries: 7 },
  })
  expect(await pusher.pushOnce()).toBe(true)
  await pusher.close()
  const balance = ledger.balance().find((one) => one.lane === 'audit')
  const accepted = all.length
  expect(balance).toMatchObject({ accepted, delivered: accepted - 2, pending: 0, quarantined: 2 })
  await store.close()
})

function laneOf(name: string): (typeof LANES)[number] {
  const lane = LANES.find((one) => one === name)
  if (!lane) throw new Error(`no lane ${name}`)
  return lane
}
