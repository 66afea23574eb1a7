import {
  ANNOUNCER_MAX_SPEECH,
  Announcer,
  type AnnouncerAction,
} from '@kefu-edge/device-sdk/client/announcer'
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { speech } from '../support/samples.ts'

const T0 = Date.parse('2026-05-01T08:00:00Z')
const short = (actions: AnnouncerAction[]) =>
  actions.map((a) =>
    a.do === 'report'
      ? `${a.speech.id} ${a.state}${a.reason === undefined ? '' : ` (${a.reason})`}`
      : `${a.do} ${a.speech.id}`,
  )

describe('the announcer of a device', () => {
  test('plays what comes first, then the next', () => {
    const a = new Announcer()
    expect(short(a.offer(speech('1'), T0))).toEqual(['1 queued', 'play 1', '1 playing'])
    expect(short(a.offer(speech('2'), T0))).toEqual(['2 queued'])
    expect(short(a.finished('1', T0 + 1))).toEqual(['1 played', 'play 2', '2 playing'])
  })

  test('plays one id once, even while it waits', () => {
    const a = new Announcer()
    a.offer(speech('1'), T0)
    expect(a.offer(speech('1'), T0)).toEqual([])
  })

  test('lets a critical call interrupt, and plays what was interrupted again', () => {
    const a = new Announcer()
    a.offer(speech('1'), T0)
    expect(short(a.offer(speech('fire', { priority: 'critical' }), T0))).toEqual([
      'fire queued',
      'stop 1',
      'play fire',
      'fire playing',
    ])
    expect(short(a.finished('fire', T0))).toEqual(['fire played', 'play 1', '1 playing'])
  })

  test('lets normal speech wait for background music to end, but go before other background', () => {
    const a = new Announcer()
    a.offer(speech('b1', { priority: 'background' }), T0)
    a.offer(speech('b2', { priority: 'background' }), T0)
    expect(short(a.offer(speech('n'), T0))).toEqual(['n queued'])
    expect(short(a.finished('b1', T0))).toContain('play n')
  })

  test('falls silent for a person who speaks, except for what must not be talked over', () => {
    const a = new Announcer()
    a.offer(speech('1'), T0)
    expect(short(a.listen(T0))).toEqual(['stop 1', '1 skipped (barge-in)'])
    expect(short(a.offer(speech('2'), T0))).toEqual(['2 queued'])
    expect(short(a.offer(speech('fire', { priority: 'critical' }), T0))).toContain('play fire')
    expect(short(a.finished('fire', T0))).toEqual(['fire played'])
    expect(short(a.listened(T0))).toEqual(['play 2', '2 playing'])
    const b = new Announcer()
    b.offer(speech('1', { bargeIn: false }), T0)
    expect(b.listen(T0)).toEqual([])
  })

  test('never plays what has expired', () => {
    const a = new Announcer()
    const late = Date.parse('2026-05-01T09:00:00Z')
    expect(short(a.offer(speech('1'), late))).toEqual(['1 skipped (expired)'])
    a.offer(speech('2'), T0)
    a.offer(speech('3'), T0)
    expect(short(a.finished('2', late))).toEqual(['2 played', '3 skipped (expired)'])
  })

  test('by a clock that may be wrong takes no call for expired nor too early, for ten minutes', () => {
    const fast = Date.parse('2026-05-01T09:11:00Z')
    const a = new Announcer()
    const call = { priority: 'urgent', notBefore: '2026-05-01T08:00:00Z' } as const
    expect(short(a.offer(speech('1', call), fast))).toContain('play 1')
    expect(short(a.offer(speech('2', call), fast))).toEqual(['2 queued'])
    expect(short(a.finished('1', fast + 600_000))).toEqual(['1 played', '2 skipped (expired)'])
    expect(short(a.offer(speech('3', call), Date.parse('1970-01-01T00:00:09Z')))).toContain(
      'play 3',
    )
  })

  test('does not play an emergency of last night this morning', () => {
    const a = new Announcer()
    const morning = Date.parse('2026-05-01T17:00:00Z')
    const fire = speech('fire', { priority: 'critical' })
    expect(short(a.offer(fire, morning, true))).toEqual(['fire queued'])
    expect(a.nextWakeMs()).toBe(morning + 3_000)
    expect(short(a.tick(morning + 3_000))).toEqual(['fire skipped (expired)'])
    expect(short(a.offer(speech('news'), morning, true))).toEqual(['news skipped (expired)'])
  })

  test('plays an emergency that seemed over once the gateway tells that its clock was set back', () => {
    const a = new Announcer()
    const ahead = 8 * 3_600_000
    const fire = speech('fire', { priority: 'critical' })
    expect(short(a.offer(fire, T0 + ahead, true))).toEqual(['fire queued'])
    a.clockSet(-ahead)
    expect(short(a.tick(T0 + 1_000))).toEqual(['play fire', 'fire playing'])
    expect(short(a.finished('fire', T0 + 5_000))).toEqual(['fire played'])
  })

  test('an emergency that ends by count keeps its ten minutes, whatever the clock is set to meanwhile', () => {
    const a = new Announcer()
    const yearsAhead = T0 + 365 * 86_400_000
    a.offer(speech('1', { priority: 'critical', expiresAt: '2029-05-01T09:00:00Z' }), yearsAhead)
    expect(short(a.offer(speech('fire', { priority: 'critical' }), yearsAhead))).toEqual([
      'fire queued',
    ])
    a.clockSet(-365 * 86_400_000)
    expect(a.tick(T0 + 599_000)).toEqual([])
    expect(short(a.tick(T0 + 600_000))).toEqual(['fire skipped (expired)'])
  })

  test('holds back speech for later until its time', () => {
    const a = new Announcer()
    expect(short(a.offer(speech('1', { notBefore: '2026-05-01T08:10:00Z' }), T0))).toEqual([
      '1 queued',
    ])
    expect(a.nextWakeMs()).toBe(T0 + 600_000)
    expect(a.tick(T0 + 599_999)).toEqual([])
    expect(short(a.tick(T0 + 600_000))).toEqual(['play 1', '1 playing'])
  })

  test('repeats a reminder until it is acknowledged', () => {
    const a = new Announcer()
    const repeat = { times: 3, everySeconds: 60, untilAcknowledged: true }
    a.offer(speech('pill', { repeat }), T0)
    a.finished('pill', T0 + 5_000)
    expect(a.nextWakeMs()).toBe(T0 + 65_000)
    expect(short(a.tick(T0 + 65_000))).toEqual(['play pill', 'pill playing'])
    expect(short(a.acknowledge('pill', T0 + 66_000))).toEqual(['stop pill', 'pill acknowledged'])
    expect(a.nextWakeMs()).toBeUndefined()
    expect(a.waiting).toEqual([])
  })

  test('can still be acknowledged after the last repeat', () => {
    const a = new Announcer()
    a.offer(speech('pill', { repeat: { times: 1, everySeconds: 60, untilAcknowledged: true } }), T0)
    a.finished('pill', T0)
    expect(short(a.acknowledge('pill', T0 + 60_000))).toEqual(['pill acknowledged'])
  })

  test('stops a reminder for a person who speaks, and repeats it until it is acknowledged', () => {
    const a = new Announcer()
    const repeat = { times: 2, everySeconds: 60, untilAcknowledged: true }
    a.offer(speech('pill', { repeat }), T0)
    a.finished('pill', T0)
    a.tick(T0 + 60_000)
    expect(short(a.listen(T0 + 61_000))).toEqual(['stop pill', 'pill queued (barge-in)'])
    expect(a.listened(T0 + 62_000)).toEqual([])
    expect(short(a.tick(T0 + 121_000))).toEqual(['play pill', 'pill playing'])
    expect(short(a.finished('pill', T0 + 125_000))).toEqual(['pill played'])
    expect(short(a.acknowledge('pill', T0 + 126_000))).toEqual(['pill acknowledged'])
    expect(a.acknowledge('pill', T0 + 127_000)).toEqual([])
  })

  test('takes an acknowledgement of what it no longer plays, and none of what it never had', () => {
    const a = new Announcer()
    for (const id of ['played', 'talked over', 'broken', 'late']) {
      a.offer(speech(id, id === 'late' ? { notBefore: '2026-05-01T08:50:00Z' } : {}), T0)
    }
    a.finished('played', T0)
    a.listen(T0)
    a.listened(T0)
    a.failed('broken', 'no loudspeaker', T0)
    expect(short(a.tick(Date.parse('2026-05-01T09:00:00Z')))).toEqual(['late skipped (expired)'])
    for (const id of ['played', 'talked over', 'broken', 'late'])
      expect(short(a.acknowledge(id, T0))).toEqual([`${id} acknowledged`])
    expect(a.acknowledge('another', T0)).toEqual([])
  })

  test('goes on after a speech that cannot be played', () => {
    const a = new Announcer()
    a.offer(speech('1'), T0)
    a.offer(speech('2'), T0)
    expect(short(a.failed('1', 'no loudspeaker', T0))).toEqual([
      '1 failed (no loudspeaker)',
      'play 2',
      '2 playing',
    ])
  })

  test('skips the least urgent when too many wait', () => {
    const a = new Announcer()
    for (let i = 0; i < ANNOUNCER_MAX_SPEECH; i++) a.offer(speech(`${i}`), T0)
    expect(short(a.offer(speech('b', { priority: 'background' }), T0))).toEqual([
      'b skipped (too many announcements wait)',
    ])
    expect(short(a.offer(speech('u', { priority: 'urgent' }), T0))).toContain('play u')
  })

  test('whatever happens, one speech plays at a time and each is reported to an end', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('offer' as const),
        priority: fc.constantFrom<Speech['priority']>('critical', 'urgent', 'normal', 'background'),
        bargeIn: fc.boolean(),
      }),
      fc.record({ do: fc.constantFrom('finish', 'fail', 'listen', 'listened', 'ack', 'wait') }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const a = new Announcer()
        let nowMs = T0
        let playing: string | undefined
        const ended = new Set<string>()
        const offered: string[] = []
        const perform = (actions: AnnouncerAction[]) => {
          for (const action of actions) {
            const { id } = action.speech
            if (action.do === 'stop') {
              expect(playing).toBe(id)
              playing = undefined
            } else if (action.do === 'play') {
              expect(playing).toBeUndefined()
              expect(ended.has(id)).toBe(false)
              playing = id
            } else if (['played', 'skipped', 'failed', 'acknowledged'].includes(action.state)) {
              expect(ended.has(id)).toBe(false)
              ended.add(id)
            }
          }
        }
        const end = (act: (id: string) => AnnouncerAction[]) => {
          const id = playing
          if (id === undefined) return
          playing = undefined
          perform(act(id))
        }
        for (const s of steps) {
          if (s.do === 'offer' && 'priority' in s) {
            const id = `s${offered.length}`
            offered.push(id)
            perform(a.offer(speech(id, { priority: s.priority, bargeIn: s.bargeIn }), nowMs))
          }
          if (s.do === 'finish') end((id) => a.finished(id, nowMs))
          if (s.do === 'fail') end((id) => a.failed(id, 'x', nowMs))
          if (s.do === 'listen') perform(a.listen(nowMs))
          if (s.do === 'listened') perform(a.listened(nowMs))
          if (s.do === 'ack' && playing !== undefined) perform(a.acknowledge(playing, nowMs))
          if (s.do === 'wait') nowMs += 1_000
          perform(a.tick(nowMs))
        }
        perform(a.listened(nowMs))
        while (playing !== undefined) end((id) => a.finished(id, nowMs))
        expect([...ended].sort()).toEqual([...offered].sort())
      }),
    )
  })
})
