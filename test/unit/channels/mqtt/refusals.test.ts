import { describe, expect, test } from 'vitest'
import { Deadlines } from '../../../../gateway/channels/mqtt/deadlines.ts'
import { Refusals } from '../../../../gateway/channels/mqtt/refusals.ts'

function create() {
  let nowMs = 0
  const lines: [fields: object, message: string][] = []
  const note = (fields: object, message: string) => void lines.push([fields, message])
  const counters = { refusedConnects: 0 }
  const deadlines = new Deadlines(() => nowMs)
  const logger = { debug: note, info: note, warn: note, error: note }
  const refusals = new Refusals({ counters, logger, deadlines, nowMs: () => nowMs })
  return {
    lines,
    counters,
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
    const { refuse, lines, counters, advance, close } = create()
    expect(refuse('k1')).toBe(true)
    for (let n = 0; n < 9999; n++) expect(refuse('k1')).toBe(false)
    expect(lines).toHaveLength(1)
    advance(10_000)
    expect(lines).toHaveLength(2)
    expect(lines[1]?.[0]).toMatchObject({ refused: 9999, last: { remoteAddress: '10.0.0.9' } })
    expect(counters.refusedConnects).toBe(10_000)
    expect(refuse('k1')).toBe(true)
    advance(10_000)
    expect(lines).toHaveLength(3)
    close()
  })

  test('of many clients are told one by one up to a number', () => {
    const { refuse, lines, advance, close } = create()
    for (let n = 0; n < 200; n++) refuse(`k${n}`)
    expect(lines).toHaveLength(50)
    advance(10_000)
    expect(lines[50]?.[0]).toMatchObject({ refused: 150 })
    close()
  })
})
