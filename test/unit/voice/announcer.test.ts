import { join } from 'node:path'
import type { PlayReport, PlayState, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { afterEach, describe, expect, test } from 'vitest'
import { GatewayError } from '../../../gateway/errors.ts'
import type { LedgerDraft } from '../../../gateway/ledger/port.ts'
import { openStore, type Store } from '../../../gateway/storage/store.ts'
import {
  type AnnouncerParts,
  createAnnouncer,
  MAX_IN_FLIGHT,
  MAX_OPEN_PER_DEVICE,
  REMEMBER_MS,
  RESEND_GRACE_MS,
} from '../../../gateway/voice/announcer.ts'
import { type Escalation, EXPIRY_GRACE_MS } from '../../../gateway/voice/speech-watch.ts'
import { handClock } from '../../support/clock.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const MINUTE_MS = 60_000
const open: Store[] = []
afterEach(async () => {
  for (const store of open.splice(0)) await store.close()
})

function setUp(
  more: Partial<AnnouncerParts> = {},
  path = join(tempFolder(), 'box.db'),
  clock = handClock(),
) {
  const store = openStore({ path, synchronous: 'OFF' })
  open.push(store)
  const sent: [string, string][] = []
  const drafts: LedgerDraft[] = []
  const escalations: Escalation[] = []
  const errors: unknown[] = []
  const announcer = createAnnouncer({
    store,
    clock,
    ledger: {
      append: (draft) => ({ index: drafts.push(draft) - 1, sequence: drafts.length }),
    },
    send: (deviceId, speech) => void sent.push([deviceId, speech.id]),
    escalate: (escalation) => void escalations.push(escalation),
    onError: (error) => void errors.push(error),
    ...more,
  })
  let reports = 0
  const report = (deviceId: string, speech: string, state: PlayState, id = `r${reports++}`) =>
    store
      .commit(() =>
        announcer.onReport(deviceId, {
          id,
          speech,
          state,
          at: new Date(clock.now()).toISOString(),
        } satisfies PlayReport),
      )
      .then(() => store.durable())
  const speech = (id: string, rest: Partial<Speech> = {}): Speech => ({
    id,
    text: '请取药',
    ssml: '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="zh-CN"><s>请取药</s></speak>',
    lang: 'zh-CN',
    priority: 'normal',
    bargeIn: true,
    expiresAt: new Date(clock.now() + 10 * MINUTE_MS).toISOString(),
    ...rest,
  })
  const ids = () => sent.map(([, id]) => id)
  const kinds = () => drafts.map((draft) => draft.kind)
  return {
    store,
    path,
    clock,
    announcer,
    sent,
    ids,
    drafts,
    kinds,
    escalations,
    errors,
    report,
    speech,
  }
}

const untilHeard = { times: 3, everySeconds: 20, untilAcknowledged: true }

describe('sending', () => {
  test('a connected device gets a speech once, after it is on disk', async () => {
    const box = setUp()
    box.announcer.onConnected('bed-1')
    const announcing = box.announcer.announce('bed-1', box.speech('a'))
    expect(box.sent).toEqual([])
    expect(await announcing).toEqual([{ deviceId: 'bed-1', outcome: 'queued' }])
    await box.announcer.tick()
    box.clock.advance(30_000)
    await box.announcer.tick()
    expect(box.sent).toEqual([['bed-1', 'a']])
  })

  test('nothing is sent when the write fails', async () => {
    const box = setUp({
      ledger: {
        append: () => {
          throw new GatewayError('ledger.lane-full')
        },
      },
    })
    box.announcer.onConnected('bed-1')
    await expect(box.announcer.announce('bed-1', box.speech('a'))).rejects.toMatchObject({
      code: 'ledger.lane-full',
    })
    expect(box.sent).toEqual([])
    expect(box.announcer.waiting('bed-1')).toBe(0)
  })

  test('what no device would take is refused, and never waits for one', async () => {
    const box = setUp()
    for (const wrong of [{ id: '叫号 12' }, { text: '' }, { lang: '中文' }]) {
      await expect(box.announcer.announce('bed-1', box.speech('a', wrong))).rejects.toMatchObject({
        code: 'message.invalid',
      })
    }
    expect(box.announcer.waiting('bed-1')).toBe(0)
  })

  test('a device that comes back gets what waits, in order of need', async () => {
    const box = setUp()
    for (const [id, priority] of [
      ['n1', 'normal'],
      ['b', 'background'],
      ['c', 'critical'],
      ['n2', 'normal'],
      ['u', 'urgent'],
    ] as const) {
      await box.announcer.announce('bed-1', box.speech(id, { priority }))
      box.clock.advance(1)
    }
    box.announcer.onConnected('bed-1')
    expect(box.ids()).toEqual(['c', 'u', 'n1', 'n2', 'b'])
  })

  test('a group gets one speech a member, each with its own record', async () => {
    const box = setUp()
    const ward = Array.from({ length: 250 }, (_, i) => `bed-${i}`)
    box.announcer.onConnected('bed-7')
    const outcomes = await box.announcer.announce(
      [...ward, 'bed-7'],
      box.speech('fire', { priority: 'critical' }),
    )
    expect(outcomes).toHaveLength(250)
    expect(box.sent).toEqual([['bed-7', 'fire']])
    expect(box.drafts.filter((draft) => draft.kind === 'speech.announced')).toHaveLength(250)
    expect(box.drafts[0]).toMatchObject({
      lane: 'critical',
      deviceId: 'bed-0',
      body: { speech: 'fire' },
      personal: { text: '请取药' },
    })
  })

  test('the same id for the same device is one speech, also after its end', async () => {
    const box = setUp()
    box.announcer.onConnected('bed-1')
    await box.announcer.announce('bed-1', box.speech('a'))
    await box.report('bed-1', 'a', 'played')
    expect(await box.announcer.announce('bed-1', box.speech('a'))).toEqual([
      { deviceId: 'bed-1', outcome: 'duplicate' },
    ])
    expect(box.sent).toHaveLength(1)
    box.clock.advance(REMEMBER_MS + MINUTE_MS)
    await box.announcer.tick()
    expect(await box.announcer.announce('bed-1', box.speech('a'))).toEqual([
      { deviceId: 'bed-1', outcome: 'queued' },
    ])
  })

  test('speech for later waits for its time', async () => {
    const box = setUp()
    box.announcer.onConnected('bed-1')
    const notBefore = new Date(box.clock.now() + MINUTE_MS).toISOString()
    await box.announcer.announce('bed-1', box.speech('a', { notBefore }))
    box.clock.advance(MINUTE_MS - 1)
    await box.announcer.tick()
    expect(box.ids()).toEqual([])
    box.clock.advance(1)
    await box.announcer.tick()
    expect(box.ids()).toEqual(['a'])
  })

  test('the device holds a limited number; the rest follows as it reports, urgent speech at once', async () => {
    const box = setUp()
    box.announcer.onConnected('bed-1')
    for (let i = 0; i <= MAX_IN_FLIGHT; i++)
      await box.announcer.announce('bed-1', box.speech(`n${i}`))
    expect(box.ids()).toHaveLength(MAX_IN_FLIGHT)
    await box.announcer.announce('bed-1', box.speech('u', { priority: 'urgent' }))
    expect(box.ids().at(-1)).toBe('u')
    await box.report('bed-1', 'n0', 'played')
    await box.report('bed-1', 'n1', 'played')
    expect(box.ids().at(-1)).toBe(`n${MAX_IN_FLIGHT}`)
  })

  test('a full queue refuses aloud, or lets the least needed go for what is needed more', async () => {
    const box = setUp()
    for (let i = 0; i < MAX_OPEN_PER_DEVICE; i++)
      await box.announcer.announce('bed-1', box.speech(`n${i}`))
    expect(await box.announcer.announce('bed-1', box.speech('more'))).toEqual([
      { deviceId: 'bed-1', outcome: 'queue-full' },
    ])
    expect(await box.announcer.announce('bed-1', box.speech('u', { priority: 'urgent' }))).toEqual([
      { deviceId: 'bed-1', outcome: 'queued' },
    ])
    expect(box.announcer.waiting('bed-1')).toBe(MAX_OPEN_PER_DEVICE)
    expect(box.kinds()).toContain('speech.superseded')
  })

  test('what the device has already never gives way, however little it is needed', async () => {
    const box = setUp()
    box.announcer.onConnected('bed-1')
    await box.announcer.announce('bed-1', box.speech('music', { priority: 'background' }))
    expect(box.ids()).toEqual(['music'])
    for (let i = 1; i < MAX_OPEN_PER_DEVICE; i++)
      await box.announcer.announce('bed-1', box.speech(`n${i}`))
    await box.announcer.announce('bed-1', box.speech('u', { priority: 'urgent' }))
    const superseded = box.drafts.filter(({ kind }) => kind === 'speech.superseded')
    expect(superseded.map(({ body }) => body)).toMatchObject([
      { speech: expect.stringMatching(/^n/) },
    ])
  })
})

describe('after a break', () => {
  test('speech without a report is sent again once the device had time for its kept reports', async () => {
    const box = setUp()
    box.announcer.onConnected('bed-1')
    await box.announcer.announce('bed-1', box.speech('heard'))
    await box.announcer.announce('bed-1', box.speech('lost'))
    box.announcer.onDisconnected('bed-1')
    box.announcer.onConnected('bed-1')
    await box.announcer.tick()
    await box.report('bed-1', 'heard', 'played')
    expect(box.ids()).toEqual(['heard', 'lost'])
    box.clock.advance(RESEND_GRACE_MS)
    await box.announcer.tick()
    expect(box.ids()).toEqual(['heard', 'lost', 'lost'])
  })

  test('a restart of the box loses nothing that was accepted and repeats nothing that was heard', async () => {
    const before = setUp()
    before.announcer.onConnected('bed-1')
    await before.announcer.announce('bed-1', before.speech('heard'))
    await before.announcer.announce('bed-1', before.speech('taken'))
    await before.report('bed-1', 'heard', 'played')
    await before.report('bed-1', 'taken', 'queued')
    await before.announcer.announce(
      ['bed-1', 'bed-2'],
      before.speech('both', { priority: 'urgent' }),
    )
    before.announcer.close()
    await before.store.close()
    const after = setUp({}, before.path, before.clock)
    after.announcer.onConnected('bed-1')
    after.announcer.onConnected('bed-2')
    after.clock.advance(RESEND_GRACE_MS)
    await after.announcer.tick()
    expect(after.sent).toEqual([
      ['bed-2', 'both'],
      ['bed-1', 'both'],
      ['bed-1', 'taken'],
    ])
  })
})

describe('reports', () => {
  test('each state is recorded once, in the lane of its need', async () => {
    const box = setUp()
    await box.announcer.announce('bed-1', box.speech('a'))
    for (const state of ['queued', 'playing', 'played'] as const)
      await box.report('bed-1', 'a', state)
    await box.report('bed-1', 'a', 'played', 'r2')
    expect(box.kinds()).toEqual([
      'speech.announced',
      'speech.queued',
      'speech.playing',
      'speech.played',
    ])
    expect(new Set(box.drafts.map((draft) => draft.lane))).toEqual(new Set(['session']))
  })

  test('reports of answers, which never were in the queue, are recorded too', async () => {
    const box = setUp()
    await box.report('kiosk-1', 'answer-speech', 'played')
    expect(box.drafts).toMatchObject([
      { kind: 'speech.played', deviceId: 'kiosk-1', body: { speech: 'answer-speech' } },
    ])
  })

  test('repeated speech is open until its last play', async () => {
    const box = setUp()
    const repeat = { times: 2, everySeconds: 5, untilAcknowledged: false }
    await box.announcer.announce('bed-1', box.speech('a', { repeat }))
    await box.report('bed-1', 'a', 'played')
    expect(box.announcer.waiting('bed-1')).toBe(1)
    await box.report('bed-1', 'a', 'played')
    expect(box.announcer.waiting('bed-1')).toBe(0)
  })

  test('words are off the disk once the speech has ended', async () => {
    const box = setUp()
    await box.announcer.announce('bed-1', box.speech('a'))
    await box.report('bed-1', 'a', 'played')
    const row = box.store
      .prepare<{ payload: string; state: string }>('SELECT payload, state FROM speech')
      .get()
    expect(row).toEqual({ payload: '', state: 'played' })
  })
})

describe('quiet hours', () => {
  // 02:00 UTC at the start; quiet from 01:00 to 06:00.
  const quiet: Partial<AnnouncerParts> = {
    quietHours: () => ({ fromMinute: 60, untilMinute: 360, allow: ['critical', 'urgent'] }),
    minuteOfDay: (ms) => Math.floor(ms / MINUTE_MS) % 1440,
  }

  test('what can wait waits until morning, what cannot is said', async () => {
    const box = setUp(quiet)
    box.announcer.onConnected('bed-1')
    const expiresAt = new Date(box.clock.now() + 12 * 60 * MINUTE_MS).toISOString()
    await box.announcer.announce('bed-1', box.speech('later', { expiresAt }))
    await box.announcer.announce('bed-1', box.speech('now', { priority: 'urgent', expiresAt }))
    expect(box.ids()).toEqual(['now'])
    box.clock.advance(4 * 60 * MINUTE_MS - 1)
    await box.announcer.tick()
    expect(box.ids()).toEqual(['now'])
    box.clock.advance(1)
    await box.announcer.tick()
    expect(box.ids()).toEqual(['now', 'later'])
  })

  test('what would expire in the night is refused as quiet', async () => {
    const box = setUp(quiet)
    box.announcer.onConnected('bed-1')
    const announced = await box.announcer.announce('bed-1', box.speech('a'))
    expect(announced).toEqual([{ deviceId: 'bed-1', outcome: 'quiet' }])
    expect(box.kinds()).toEqual([])
  })

  test('what waits for the morning is escalated only when nobody acknowledges it then', async () => {
    const box = setUp(quiet)
    box.announcer.onConnected('bed-1')
    const expiresAt = new Date(box.clock.now() + 12 * 60 * MINUTE_MS).toISOString()
    await box.announcer.announce('bed-1', box.speech('pills', { expiresAt, repeat: untilHeard }))
    for (const minutes of [2, 238]) {
      box.clock.advance(minutes * MINUTE_MS)
      await box.announcer.tick()
      expect(box.escalations).toEqual([])
    }
    expect(box.ids()).toEqual(['pills'])
    box.clock.advance(MINUTE_MS)
    await box.announcer.tick()
    expect(box.escalations).toMatchObject([{ deviceId: 'bed-1', reason: 'not-acknowledged' }])
  })
})

test('a reminder whose device comes back within the quiet hours is escalated at its own time, not in the morning', async () => {
  const clock = handClock()
  const minuteOfDay = (ms: number) => Math.floor(ms / MINUTE_MS) % 1440
  const fromMinute = minuteOfDay(clock.now()) + 1
  const quiet = { fromMinute, untilMinute: fromMinute + 300, allow: ['critical'] as const }
  const box = setUp({ quietHours: () => quiet, minuteOfDay }, undefined, clock)
  box.announcer.onConnected('bed-1')
  box.clock.advance(40_000)
  const expiresAt = new Date(box.clock.now() + 12 * 60 * MINUTE_MS).toISOString()
  await box.announcer.announce('bed-1', box.speech('pills', { expiresAt, repeat: untilHeard }))
  expect(box.ids()).toEqual(['pills'])
  box.announcer.onDisconnected('bed-1')
  box.clock.advance(25_000)
  box.announcer.onConnected('bed-1')
  await box.announcer.tick()
  expect([box.ids(), box.escalations]).toEqual([['pills'], []])
  box.clock.advance(35_000)
  await box.announcer.tick()
  expect(box.escalations).toMatchObject([{ deviceId: 'bed-1', reason: 'not-acknowledged' }])
})

describe('escalation', () => {
  test('what is not acknowledged after its repeats is escalated once, and may still be acknowledged', async () => {
    const box = setUp()
    box.announcer.onConnected('bed-1')
    await box.announcer.announce(
      'bed-1',
      box.speech('call', { priority: 'urgent', repeat: untilHeard }),
    )
    await box.report('bed-1', 'call', 'played')
    box.clock.advance(59_000)
    await box.announcer.tick()
    expect(box.escalations).toEqual([])
    box.clock.advance(1000)
    await box.announcer.tick()
    await box.announcer.tick()
    expect(box.escalations).toMatchObject([
      { deviceId: 'bed-1', reason: 'not-acknowledged', speech: { id: 'call', text: '请取药' } },
    ])
    expect(box.kinds().filter((kind) => kind === 'speech.escalated')).toHaveLength(1)
    await box.report('bed-1', 'call', 'acknowledged')
    expect(box.announcer.waiting('bed-1')).toBe(0)
  })

  test('an acknowledged call is not escalated', async () => {
    const box = setUp()
    await box.announcer.announce('bed-1', box.speech('call', { repeat: untilHeard }))
    await box.report('bed-1', 'call', 'acknowledged')
    box.clock.advance(30 * MINUTE_MS)
    await box.announcer.tick()
    expect(box.escalations).toEqual([])
  })

  test('urgent speech for a device that is away is escalated when it expires', async () => {
    const box = setUp()
    await box.announcer.announce('bed-1', box.speech('u', { priority: 'urgent' }))
    await box.announcer.announce('bed-1', box.speech('n'))
    box.clock.advance(10 * MINUTE_MS + EXPIRY_GRACE_MS)
    await box.announcer.tick()
    await box.announcer.tick()
    expect(box.escalations).toMatchObject([{ reason: 'expired', speech: { id: 'u' } }])
    expect(box.announcer.waiting('bed-1')).toBe(0)
  })

  test.each(['failed', 'skipped'] as const)(
    'urgent speech that the device reports as %s is escalated at the next tick',
    async (state) => {
      const box = setUp()
      box.announcer.onConnected('bed-1')
      await box.announcer.announce('bed-1', box.speech('u', { priority: 'critical' }))
      await box.report('bed-1', 'u', state)
      await box.announcer.tick()
      expect(box.escalations).toMatchObject([{ reason: state }])
      expect(box.announcer.waiting('bed-1')).toBe(0)
      expect(box.ids()).toEqual(['u'])
    },
  )

  test.each(['failed', 'skipped'] as const)(
    'a reminder that was heard and then reported as %s may be confirmed until its term, and is escalated then',
    async (state) => {
      const box = setUp()
      box.announcer.onConnected('bed-1')
      for (const id of ['left', 'confirmed']) {
        await box.announcer.announce('bed-1', box.speech(id, { repeat: untilHeard }))
        await box.report('bed-1', id, 'played')
        await box.report('bed-1', id, state)
      }
      expect(box.announcer.isUnanswered('left')).toBe(false)
      await box.report('bed-1', 'confirmed', 'acknowledged')
      await box.announcer.tick()
      expect(box.escalations).toEqual([])
      box.clock.advance(MINUTE_MS)
      await box.announcer.tick()
      expect(box.escalations).toMatchObject([{ reason: state, speech: { id: 'left' } }])
      expect(box.announcer.waiting('bed-1')).toBe(0)
    },
  )

  test.each([
    ['playing', 'acknowledged', 'played'],
    ['acknowledged', 'queued', 'playing'],
    ['played', 'acknowledged', 'skipped'],
    ['failed', 'acknowledged', 'failed'],
    ['acknowledged', 'acknowledged', 'played'],
  ] as const)(
    'a call that one of staff has acknowledged stays so: %s, %s, %s',
    async (...states) => {
      const box = setUp()
      const call = box.speech('call', { priority: 'urgent', repeat: untilHeard })
      await box.announcer.announce(['nurse-a', 'nurse-b'], call)
      for (const state of states) await box.report('nurse-a', 'call', state)
      expect(box.announcer.isAcknowledged('call')).toBe(true)
      expect(box.announcer.isUnanswered('call')).toBe(false)
    },
  )

  test('an escalation that could not be told is told again, also after a restart', async () => {
    let tries = 0
    const box = setUp({
      escalate: () => {
        tries++
        throw new Error('no way to reach the nurse')
      },
    })
    await box.announcer.announce('bed-1', box.speech('call', { repeat: untilHeard }))
    box.clock.advance(MINUTE_MS)
    await box.announcer.tick()
    await box.announcer.tick()
    expect(tries).toBe(2)
    expect(box.errors).toHaveLength(2)
    box.announcer.close()
    await box.store.close()
    const after = setUp({}, box.path, box.clock)
    await after.announcer.tick()
    expect(after.escalations).toMatchObject([{ deviceId: 'bed-1', reason: 'not-acknowledged' }])
  })
})
