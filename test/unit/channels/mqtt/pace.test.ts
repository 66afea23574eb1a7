import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { PacketType } from '../../../../gateway/channels/mqtt/codec/packets.ts'
import { FairTurns } from '../../../../gateway/channels/mqtt/connection/fair-turns.ts'
import { AT_ONCE, NEXT_TURN, Pace } from '../../../../gateway/channels/mqtt/connection/pace.ts'
import { PausableChunks } from '../../../../gateway/channels/mqtt/connection/pausable-chunks.ts'
import { DEFAULT_LIMITS } from '../../../../gateway/channels/mqtt/limits.ts'

const LIMITS = {
  maxMessagesPerSecond: 1000,
  maxBytesPerSecond: 0,
  rateBurstSeconds: 0.05,
  rateRestMs: 10,
  floodShare: 0.1,
  maxPacketsPerTurn: 8,
}
const { publish, puback, pingreq } = PacketType

/** How many packets are handled in one stretch: until it has to rest, or the others come first. */
function stretch(pace: Pace, now: () => number, type: number = publish): [number, number] {
  for (let packets = 1; ; packets++) {
    const wait = pace.spend(type, 100, now)
    if (wait !== AT_ONCE) return [packets, wait]
  }
}

describe('the pace of one client', () => {
  test('hands out a burst in shares of a turn, whatever one read brought', async () => {
    const turns = new FairTurns()
    const pace = new Pace(LIMITS, turns, 0)
    for (let turn = 0; turn < 6; turn++) {
      expect(stretch(pace, () => 0)).toEqual([8, NEXT_TURN])
      await nextTurn()
    }
  })

  test('over its rate, what a rest has earned is handed out in one turn', () => {
    let nowMs = 0
    const pace = new Pace({ ...LIMITS, maxPacketsPerTurn: 1000 }, new FairTurns(), 0)
    expect(stretch(pace, () => nowMs)).toEqual([51, 10])
    let sum = 0
    for (let rests = 0; rests < 20; rests++) {
      nowMs += 10
      const [packets, waitMs] = stretch(pace, () => nowMs)
      expect(waitMs).toBe(10)
      sum += packets
    }
    // 1,000 a second: twenty rests of ten milliseconds earn 200, and one packet each is owed at their ends.
    expect(sum).toBeGreaterThanOrEqual(195)
    expect(sum).toBeLessThanOrEqual(205)
  })

  test('a second after it kept to its rate a client has its whole share of a turn again', async () => {
    let nowMs = 0
    const pace = new Pace({ ...LIMITS, maxPacketsPerTurn: 24 }, new FairTurns(), 0)
    while (stretch(pace, () => nowMs)[1] === NEXT_TURN) await nextTurn()
    nowMs = 900
    await nextTurn()
    expect(stretch(pace, () => nowMs)).toEqual([16, NEXT_TURN])
    nowMs = 1100
    await nextTurn()
    expect(stretch(pace, () => nowMs)).toEqual([24, NEXT_TURN])
  })

  /** What still waits after so many minutes of a client that sends `perSecond` and begins with a backlog. */
  function waitingAfter(
    minutes: number,
    perSecond: number,
    backlog: number,
    openForMs = 0,
  ): number {
    let nowMs = 0
    const turns = {
      get now() {
        return nowMs
      },
    } as FairTurns
    const pace = new Pace({ ...LIMITS, maxPacketsPerTurn: 1000 }, turns, -openForMs)
    let waiting = backlog
    for (let restsUntilMs = 0; nowMs < minutes * 60_000; nowMs++) {
      waiting += perSecond / 1000
      if (nowMs < restsUntilMs) continue
      for (let waitMs = AT_ONCE; waitMs === AT_ONCE && waiting >= 1; waiting--) {
        waitMs = pace.spend(publish, 100, () => nowMs)
        restsUntilMs = nowMs + Math.max(waitMs, 0)
      }
    }
    return Math.floor(waiting)
  }

  test('a device that sends a quarter of its rate catches up after an outage, on a new connection too', () => {
    expect(waitingAfter(12, 250, 30 * 250)).toBe(0)
  })

  test('a device that kept within its rate has the whole of it for a tenth of that time', () => {
    expect(waitingAfter(1, 500, 45 * 500, 600_000)).toBe(0)
  })

  test('a flood of an hour has had a quarter of its rate at most, however often it was tried', () => {
    const handled = 2000 * 3600 - waitingAfter(60, 2000, 0)
    expect(handled / 3600).toBeLessThan(250)
  })

  test('a client that stays over its rate keeps a tenth of it, and a second of the first ten the whole', () => {
    let nowMs = 0
    const pace = new Pace({ ...LIMITS, maxPacketsPerTurn: 1000 }, new FairTurns(), 0)
    const perSecond = new Map<number, number>()
    while (nowMs < 12_000) {
      const [packets, waitMs] = stretch(pace, () => nowMs)
      const second = Math.floor(nowMs / 1000)
      perSecond.set(second, (perSecond.get(second) ?? 0) + packets)
      nowMs += waitMs
    }
    for (const second of [0, 10]) expect(perSecond.get(second)).toBeGreaterThan(900)
    for (const second of [2, 5, 8]) {
      expect(perSecond.get(second)).toBeGreaterThanOrEqual(90)
      expect(perSecond.get(second)).toBeLessThanOrEqual(110)
    }
  })

  test.each([
    ['packets of 300 KB', 300_000, {}],
    ['packets of 1 MB', 1_000_000, {}],
    ['ten messages a second', 100, { maxMessagesPerSecond: 10 }],
    ['a share of a hundredth', 100, { floodShare: 0.01 }],
  ])('a flood whose rests are a second and longer is held as any other: %s', (_, bytes, some) => {
    const { maxMessagesPerSecond, maxBytesPerSecond, rateBurstSeconds, floodShare } = DEFAULT_LIMITS
    const byDefault = { maxMessagesPerSecond, maxBytesPerSecond, rateBurstSeconds, floodShare }
    const limits = { ...LIMITS, ...byDefault, ...some }
    let nowMs = 0
    const pace = new Pace({ ...limits, maxPacketsPerTurn: 1_000_000 }, new FairTurns(), 0)
    let packets = 0
    const minutesMs = 5 * 60_000
    while (nowMs < minutesMs) {
      packets++
      nowMs += Math.max(
        0,
        pace.spend(publish, bytes, () => nowMs),
      )
    }
    const perSecond = Math.min(limits.maxMessagesPerSecond, limits.maxBytesPerSecond / bytes)
    const kept = packets / (minutesMs / 1000) / perSecond
    // The share, one second of ten at the whole rate, and what the burst and the first second had.
    expect(kept).toBeLessThan(0.1 + limits.floodShare + 0.02)
    expect(kept).toBeGreaterThan(limits.floodShare)
  })

  test('a flood that has kept within its share for a second has its rate back', async () => {
    let nowMs = 0
    const pace = new Pace({ ...LIMITS, maxPacketsPerTurn: 1000 }, new FairTurns(), 0)
    while (nowMs < 3000) nowMs += stretch(pace, () => nowMs)[1]
    nowMs += 1100
    await nextTurn()
    stretch(pace, () => nowMs)
    nowMs += 50
    // 50 ms of 1,000 a second, where a tenth were 5; one packet was owed.
    expect(stretch(pace, () => nowMs)).toEqual([50, 10])
  })

  test('a debt that takes longer than a rest is paid in full', () => {
    const pace = new Pace({ ...LIMITS, maxBytesPerSecond: 1000 }, new FairTurns(), 0)
    expect(pace.spend(publish, 1050, () => 0)).toBe(1000)
  })

  test('pings count, acknowledgements of what was sent to the client do not', () => {
    const limits = { ...LIMITS, maxPacketsPerTurn: 1000 }
    expect(stretch(new Pace(limits, new FairTurns(), 0), () => 0, pingreq)).toEqual([51, 10])
    const receiver = new Pace(limits, new FairTurns(), 0)
    expect(stretch(receiver, () => 0, puback)).toEqual([1000, NEXT_TURN])
  })
})

test('work for the next turn runs once, after what this turn still had to do', async () => {
  const turns = new FairTurns()
  const ran: string[] = []
  const first = turns.now
  turns.later(() => ran.push(`work in turn ${turns.now - first}`))
  await nextTurn()
  await nextTurn()
  expect(ran).toEqual(['work in turn 1'])
})

describe('chunks of a transport that cannot stop its peer', () => {
  const taking = (): { chunks: PausableChunks; taken: string[] } => {
    const taken: string[] = []
    const chunks = new PausableChunks()
    chunks.onData = (chunk) => {
      taken.push(chunk.toString())
      if (chunk.toString().endsWith('!')) chunks.pause()
    }
    return { chunks, taken }
  }

  test('come in order, up to the next one that is too much', () => {
    const { chunks, taken } = taking()
    for (const text of ['1', '2!', '3', '4!', '5']) chunks.receive(Buffer.from(text))
    expect(taken).toEqual(['1', '2!'])
    chunks.resume()
    expect(taken).toEqual(['1', '2!', '3', '4!'])
    chunks.receive(Buffer.from('6'))
    chunks.resume()
    expect(taken).toEqual(['1', '2!', '3', '4!', '5', '6'])
    expect(chunks.heldBytes).toBe(0)
  })

  test('stay in order when the taker itself asks for more', () => {
    const taken: string[] = []
    const chunks = new PausableChunks()
    chunks.onData = (chunk) => {
      chunks.pause()
      chunks.resume()
      taken.push(chunk.toString())
    }
    chunks.pause()
    for (const text of ['1', '2', '3']) chunks.receive(Buffer.from(text))
    chunks.resume()
    expect(taken).toEqual(['1', '2', '3'])
  })

  test('cost more than their bytes, so that single bytes reach a bound too', () => {
    const { chunks } = taking()
    chunks.pause()
    for (let n = 0; n < 100; n++) chunks.receive(Buffer.from('x'))
    expect(chunks.heldBytes).toBeGreaterThan(10_000)
  })
})
