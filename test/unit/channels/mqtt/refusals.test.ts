import { describe, expect, test } from 'vitest'
import { RecentEnds } from '../../../../gateway/channels/mqtt/connection/recent-ends.ts'
import { Refusals } from '../../../../gateway/channels/mqtt/connection/refusals.ts'
import { Deadlines } from '../../../../gateway/channels/mqtt/deadlines.ts'
import { RawClient, startBroker } from './broker-support.ts'

function create() {
  let nowMs = 0
  const lines: [fields: object, message: string][] = []
  const note = (fields: object, message: string) => void lines.push([fields, message])
  const counters = { refusedConnects: 0 }
  const recentEnds = new RecentEnds()
  const deadlines = new Deadlines(() => nowMs)
  const logger = { debug: note, info: note, warn: note, error: note }
  const refusals = new Refusals({ counters, logger, recentEnds, deadlines, nowMs: () => nowMs })
  return {
    lines,
    counters,
    shown: () => recentEnds.list().length,
    refuse: (clientId: string) =>
      refusals.note({ clientId, remoteAddress: '10.0.0.9', reasonCode: 0x87, reason: 'wrong' }),
    advance: (ms: number) => {
      nowMs += ms
      deadlines.runDue()
    },
    close: () => deadlines.close(),
  }
}

describe('refused connections', () => {
  test('of a flood are all counted, told once each window, and summed', () => {
    const { refuse, lines, counters, shown, advance, close } = create()
    for (let n = 0; n < 10_000; n++) refuse('k1')
    expect([lines.length, shown()]).toEqual([1, 1])
    advance(10_000)
    expect(lines).toHaveLength(2)
    expect(lines[1]?.[0]).toMatchObject({ refused: 9999, last: { remoteAddress: '10.0.0.9' } })
    expect(counters.refusedConnects).toBe(10_000)
    refuse('k1')
    advance(10_000)
    expect([lines.length, shown()]).toEqual([3, 2])
    close()
  })

  test('of many clients are told one by one up to a number', () => {
    const { refuse, lines, shown, advance, close } = create()
    for (let n = 0; n < 200; n++) refuse(`k${n}`)
    expect([lines.length, shown()]).toEqual([50, 50])
    advance(10_000)
    expect(lines[50]?.[0]).toMatchObject({ refused: 150 })
    close()
  })
})

test('strangers who speak no MQTT, or only look, do not push the others out of the list of ends', async () => {
  const { broker, port, close } = await startBroker()
  try {
    for (let n = 0; n < 20; n++) {
      const stranger = await RawClient.open(port)
      if (n % 2 === 0) stranger.send('c000')
      else stranger.destroy()
      await stranger.closed()
    }
    await expect.poll(() => broker.counters.refusedConnects).toBe(10)
    expect(broker.recentEnds()).toMatchObject([
      { wasRefused: true, reason: 'the first packet was not CONNECT' },
    ])
  } finally {
    await close()
  }
})
