import type { Link, Upstream } from '@kefu-edge/device-sdk/client/link'
import { Outbox, type Outcome } from '@kefu-edge/device-sdk/client/outbox'
import {
  memoryQueueStore,
  type QueuedMessage,
  type QueueLimits,
} from '@kefu-edge/device-sdk/client/queue-store'
import { beforeEach, describe, expect, test } from 'vitest'
import { ManualClock, settle } from '../support/manual-clock.ts'

const KEPT = { durable: true, untilAnswered: false }
const ASKED = { durable: false, untilAnswered: true }
const message = (id: string, more: Partial<QueuedMessage> = {}): QueuedMessage => ({
  key: `${more.name ?? 'event'}/${id}`,
  id,
  name: 'event',
  body: { id, kind: 'sensor' },
  bytes: 100,
  queuedAtMs: 0,
  ...more,
})

const lasting = (ms: number) => ({ queuedAtMs: clock.now(), expiresAtMs: clock.now() + ms })

let clock: ManualClock
let outcomes: string[]
let silences: number
beforeEach(() => {
  clock = new ManualClock()
  outcomes = []
  silences = 0
})

function outbox(limits: Partial<QueueLimits> = {}, store = memoryQueueStore()): Outbox {
  return new Outbox({
    store,
    limits: { maxMessages: 3, maxBytes: 1000, whenFull: 'refuse', ...limits },
    clock,
    random: () => 0.5,
    onOutcome: (m: QueuedMessage, outcome: Outcome) => outcomes.push(`${m.id} ${outcome.kind}`),
    onStoreFailure: () => undefined,
    onSilence: () => silences++,
  })
}

/** A link that records; each send waits until the test decides. */
function recordingLink() {
  const sent: string[] = []
  const keep = new Map<string, () => void>()
  const link: Link = {
    info: { transport: 'test' },
    send: (m: Upstream) =>
      new Promise((resolve) => {
        sent.push(m.id ?? '')
        keep.set(m.id ?? '', () => resolve({ kind: 'kept' }))
      }),
    close: async () => undefined,
    destroy: () => undefined,
  }
  return { link, sent, keep: (id: string) => keep.get(id)?.() }
}

describe('the outbox', () => {
  test('refuses what does not fit, by count, by bytes and by size', async () => {
    const box = outbox({ maxBytes: 350 })
    for (const id of ['a', 'b', 'c']) await box.add(message(id), KEPT)
    await expect(box.add(message('d'), KEPT)).rejects.toMatchObject({ code: 'client.queue-full' })
    await expect(box.add(message('d', { bytes: 351 }), KEPT)).rejects.toMatchObject({
      code: 'client.too-large',
    })
    await box.withdraw('event/a')
    await expect(box.add(message('d', { bytes: 151 }), KEPT)).rejects.toMatchObject({
      code: 'client.queue-full',
    })
    await box.add(message('d', { bytes: 150 }), KEPT)
    expect(box.size).toEqual({ messages: 3, bytes: 350 })
  })

  test('drops the oldest where told to, but no alarm and no button', async () => {
    const box = outbox({ whenFull: 'drop-oldest' })
    await box.add(message('alarm', { body: { kind: 'alarm' } }), KEPT)
    await box.add(message('b'), KEPT)
    await box.add(message('c'), KEPT)
    await box.add(message('d'), KEPT)
    expect(outcomes).toEqual(['b dropped'])
    expect(box.size.messages).toBe(3)
  })

  test('takes an alarm and a button however full it is, and drops the oldest report for it', async () => {
    const box = outbox()
    for (const id of ['a', 'b', 'c']) await box.add(message(id), KEPT)
    await box.add(message('call', { body: { kind: 'button' } }), KEPT)
    await box.add(message('fall', { body: { kind: 'alarm' } }), KEPT)
    expect(outcomes).toEqual(['a dropped', 'b dropped'])
    await expect(box.add(message('d'), KEPT)).rejects.toMatchObject({ code: 'client.queue-full' })
    const { link, sent } = recordingLink()
    box.linkUp(link)
    expect(sent).toEqual(['call', 'fall', 'c'])
  })

  test('sends the same message again when no acknowledgement comes, and reports silence', async () => {
    const box = outbox()
    const { link, sent, keep } = recordingLink()
    box.linkUp(link)
    await box.add(message('a'), KEPT)
    await clock.advance(9_999)
    expect(sent).toEqual(['a'])
    await clock.advance(1)
    expect(sent).toEqual(['a', 'a'])
    expect(silences).toBe(1)
    keep('a')
    await settle()
    expect(outcomes).toEqual(['a kept'])
    await clock.advance(600_000)
    expect(sent).toHaveLength(2)
  })

  test('does not take a slow answer for silence while the gateway says other things', async () => {
    const box = outbox()
    const { link } = recordingLink()
    box.linkUp(link)
    await box.add(message('a'), KEPT)
    await clock.advance(5_000)
    box.heard()
    await clock.advance(5_000)
    expect(silences).toBe(0)
  })

  test('keeps a question until it is answered, whatever the transport acknowledges', async () => {
    const box = outbox()
    const { link, keep } = recordingLink()
    box.linkUp(link)
    await box.add(message('q', { name: 'ask' }), ASKED)
    keep('q')
    await settle()
    expect(outcomes).toEqual([])
    expect(box.settle('q')).toBe(true)
    expect(outcomes).toEqual(['q kept'])
    expect(box.settle('q')).toBe(false)
  })

  test('lets questions and calls pass a full window of reports, each with slots of its own', async () => {
    const box = outbox({ maxMessages: 100, maxBytes: 100_000 })
    const { link, sent, keep } = recordingLink()
    box.linkUp(link)
    for (let i = 0; i < 30; i++) await box.add(message(`e${i}`), KEPT)
    for (let i = 0; i < 10; i++) await box.add(message(`q${i}`, { name: 'ask' }), ASKED)
    await box.add(message('call', { body: { kind: 'button' } }), KEPT)
    expect(sent).toHaveLength(16 + 8 + 1)
    expect(sent.at(-1)).toBe('call')
    keep('e0')
    await settle()
    box.settle('q0')
    expect(sent.slice(-2)).toEqual(['e16', 'q8'])
  })

  test('never has more on its way than brokers grant, whatever has expired or is answered meanwhile', async () => {
    const box = outbox({ maxMessages: 500, maxBytes: 500_000 })
    const LEFT = { durable: true, untilAnswered: true }
    for (let i = 0; i < 150; i++) {
      const late = i % 3 === 0 ? lasting(1_000) : {}
      await box.add(message(`q${i}`, { name: 'ask', ...late }), LEFT)
      await box.add(message(`e${i}`, late), KEPT)
    }
    await clock.advance(1_000)
    const { link, sent } = recordingLink()
    box.linkUp(link)
    expect(outcomes).toHaveLength(100)
    expect(sent).toHaveLength(16 + 4)
    box.settle('q1')
    expect(sent).toHaveLength(16 + 5)
  })

  test('goes on with what is taken while other messages are refused for now, again and again', async () => {
    const box = outbox({ maxMessages: 100, maxBytes: 100_000 })
    const { link, sent, keep } = recordingLink()
    box.linkUp(link)
    const busy = { type: 'u', title: 't', detail: 'd', code: 'c', status: 503 }
    for (let i = 0; i < 16; i++) await box.add(message(`full${i}`), KEPT)
    for (let i = 0; i < 16; i++) box.settle(`full${i}`, busy)
    await box.add(message('alarm', { body: { kind: 'alarm' } }), KEPT)
    await box.add(message('played', { name: 'played' }), KEPT)
    expect(sent.slice(16)).toEqual(['alarm'])
    await clock.advance(2_000)
    expect(sent).toContain('played')
    keep('played')
    await settle()
    expect(outcomes).toContain('played kept')
  })

  test('sends everything again after the link was lost, in the order it was handed over', async () => {
    const box = outbox()
    const first = recordingLink()
    box.linkUp(first.link)
    for (const id of ['a', 'b', 'c']) await box.add(message(id), KEPT)
    first.keep('b')
    await settle()
    box.linkDown()
    const second = recordingLink()
    box.linkUp(second.link)
    expect(second.sent).toEqual(['a', 'c'])
  })

  test('does not send what nobody waits for any more', async () => {
    const box = outbox()
    await box.add(message('a', lasting(1_000)), KEPT)
    await clock.advance(1_000)
    const { link, sent } = recordingLink()
    box.linkUp(link)
    expect(sent).toEqual([])
    expect(outcomes).toEqual(['a expired'])
  })

  test('judges by the time that has passed, wherever the clock of the device is set meanwhile', async () => {
    const box = outbox()
    await box.add(message('a', lasting(5_000)), KEPT)
    clock.setBy(56 * 365 * 86_400_000)
    const { link, sent } = recordingLink()
    box.linkUp(link)
    expect(sent).toEqual(['a'])
    clock.setBy(-3_600_000)
    await clock.advance(10_000)
    expect(silences).toBe(1)
    expect(outcomes).toEqual(['a expired'])
  })

  test.each([
    ['an hour ago', -3_600_000, []],
    ['two days ago', -2 * 86_400_000, ['a expired']],
    ['before the clock of the device was set', -56 * 365 * 86_400_000, []],
    ['by a clock that was ahead', 86_400_000, []],
  ])(
    'takes what was left for a day %s in an earlier run for what it can be',
    async (_when, ms, over) => {
      const queuedAtMs = clock.now() + ms
      const store = memoryQueueStore()
      await store.append(message('a', { queuedAtMs, expiresAtMs: queuedAtMs + 86_400_000 }))
      const box = outbox({}, store)
      await box.load(() => KEPT)
      box.linkUp(recordingLink().link)
      expect(outcomes).toEqual(over)
    },
  )

  test('waits before it tries again what was refused for now, and drops what was refused for good', async () => {
    const box = outbox()
    const { link, sent, keep } = recordingLink()
    box.linkUp(link)
    await box.add(message('a'), KEPT)
    const refusal = { type: 'u', title: 't', detail: 'd', code: 'c', inReplyTo: 'a' }
    expect(box.settle('a', { ...refusal, status: 429 })).toBe(true)
    // MQTT 3.1.1 acknowledges what it refused, too.
    keep('a')
    await settle()
    expect(sent).toHaveLength(1)
    await clock.advance(2_000)
    expect(sent).toHaveLength(2)
    box.settle('a', { ...refusal, status: 422 })
    expect(outcomes).toEqual(['a refused'])
    expect(box.size.messages).toBe(0)
  })
})
