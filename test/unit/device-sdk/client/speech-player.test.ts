import { createSpeechPlayer } from '@kefu-edge/device-sdk/client/speech-player'
import { expect, test } from 'vitest'
import { ManualClock, settle } from '../support/manual-clock.ts'
import { speech } from '../support/samples.ts'

/** A loudspeaker that takes a second for each speech. */
function player(clock: ManualClock, gatewayTime = () => clock.now()) {
  const heard: string[] = []
  const reports: string[] = []
  const made = createSpeechPlayer({
    clock,
    gatewayTime,
    play: (s, signal) =>
      new Promise((resolve, reject) => {
        if (s.id === 'broken') reject(new Error('no such voice'))
        heard.push(`${s.id} starts`)
        const cancel = clock.after(1_000, () => {
          heard.push(`${s.id} ends`)
          resolve()
        })
        signal.addEventListener('abort', () => {
          cancel()
          heard.push(`${s.id} stops`)
        })
      }),
    report: async (id, state) => {
      reports.push(`${id} ${state}`)
    },
  })
  return { made, heard, reports }
}

test('speech is played one after the other and reported as heard', async () => {
  const clock = new ManualClock()
  const { made, heard, reports } = player(clock)
  made.say(speech('1'))
  made.say(speech('2'))
  await clock.advance(2_000)
  expect(heard).toEqual(['1 starts', '1 ends', '2 starts', '2 ends'])
  expect(reports.filter((r) => r.endsWith('played'))).toEqual(['1 played', '2 played'])
})

test('an alarm stops the loudspeaker at once', async () => {
  const clock = new ManualClock()
  const { made, heard } = player(clock)
  made.say(speech('1'))
  await clock.advance(500)
  made.say(speech('alarm', { priority: 'critical' }))
  await clock.advance(2_000)
  expect(heard).toEqual(['1 starts', '1 stops', 'alarm starts', 'alarm ends', '1 starts', '1 ends'])
})

test('a reminder comes again on time until someone confirms it', async () => {
  const clock = new ManualClock()
  const { made, heard, reports } = player(clock)
  made.say(speech('pill', { repeat: { times: 5, everySeconds: 60, untilAcknowledged: true } }))
  await clock.advance(61_000)
  expect(heard.filter((h) => h === 'pill starts')).toHaveLength(2)
  made.acknowledge('pill')
  await clock.advance(600_000)
  expect(heard.filter((h) => h === 'pill starts')).toHaveLength(2)
  expect(reports.at(-1)).toBe('pill acknowledged')
})

test('a reminder comes again on time although the clock of the gateway was set back meanwhile', async () => {
  const clock = new ManualClock()
  let aheadMs = 8 * 3_600_000
  const { made, heard } = player(clock, () => clock.now() + aheadMs)
  const repeat = { times: 5, everySeconds: 60, untilAcknowledged: true }
  made.say(speech('pill', { priority: 'urgent', repeat, expiresAt: '2026-05-01T17:00:00Z' }))
  await clock.advance(10_000)
  aheadMs = 0
  await clock.advance(52_000)
  expect(heard.filter((h) => h === 'pill starts')).toHaveLength(2)
  made.close()
})

test('speech that cannot be played is reported as failed, and the next is played', async () => {
  const clock = new ManualClock()
  const { made, heard, reports } = player(clock)
  made.say(speech('broken'))
  made.say(speech('2'))
  await settle()
  await clock.advance(1_000)
  expect(reports).toContain('broken failed')
  expect(heard.at(-1)).toBe('2 ends')
})

test('a loudspeaker that throws at once has failed that speech alone, and the next one is played', async () => {
  const clock = new ManualClock()
  const reports: string[] = []
  const made = createSpeechPlayer({
    clock,
    play: ({ id }) => {
      if (id === 'broken') throw new Error('no loudspeaker')
      return Promise.resolve()
    },
    report: async (id, state) => void reports.push(`${id} ${state}`),
  })
  made.say(speech('broken'))
  made.say(speech('next'))
  await settle()
  expect(reports).toContain('broken failed')
  expect(reports).toContain('next played')
})
