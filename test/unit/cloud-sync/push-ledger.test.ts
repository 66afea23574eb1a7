import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRig, QUICK, type Rig, range, readAsOperator, until } from './support/rig.ts'

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
})
