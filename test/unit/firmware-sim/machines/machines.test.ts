import { bedside } from '@kefu-edge/firmware-sim/machines/bedside'
import { kiosk } from '@kefu-edge/firmware-sim/machines/kiosk'
import type { Effect, Input, Machine } from '@kefu-edge/firmware-sim/machines/machine'
import { speaker } from '@kefu-edge/firmware-sim/machines/speaker'
import { describe, expect, test } from 'vitest'
import { answer, speech } from '../../device-sdk/support/samples.ts'

/** Feeds inputs one after the other; gives the states passed through and all effects. */
function play<State extends { readonly at: string }>(
  machine: Machine<State>,
  inputs: readonly Input[],
) {
  let state = machine.start
  const states: string[] = []
  const effects: Effect[] = []
  for (const input of inputs) {
    const next = machine.step(state, input)
    state = next.state
    states.push(state.at)
    effects.push(...next.effects)
  }
  return { states, effects, asks: effects.flatMap((e) => (e.do === 'ask' ? [e.request] : [])) }
}

const heard = (text: string): Input => ({ kind: 'heard', question: { text } })
const answered = (more = {}): Input => ({
  kind: 'answered',
  answer: { ...answer('q'), speech: speech('sp-1'), ...more },
})

describe('a kiosk', () => {
  test('shows the answer, says it, and keeps the session for the next question', () => {
    const run = play(kiosk, [heard('挂号在哪里'), answered(), heard('几点开门')])
    expect(run.states).toEqual(['waiting', 'showing', 'waiting'])
    expect(run.effects.map((e) => e.do)).toEqual(['hush', 'ask', 'show', 'say', 'hush', 'ask'])
    expect(run.asks.map((a) => a.session)).toEqual(['new', 's-1'])
  })

  test('forgets the person when they press home or walk away', () => {
    for (const input of [
      { kind: 'pressed', button: 'home' },
      { kind: 'idle-timeout' },
    ] satisfies Input[]) {
      const run = play(kiosk, [heard('挂号'), answered(), input, heard('几点')])
      expect(run.states.at(2)).toBe('idle')
      expect(run.asks.at(-1)?.session).toBe('new')
    }
  })

  test('asks what was chosen among the suggestions, and ignores a number that is not there', () => {
    const start = [heard('挂号'), answered({ suggestions: ['挂号费多少'] })]
    expect(play(kiosk, [...start, { kind: 'chosen', number: 1 }]).asks.at(-1)?.text).toBe(
      '挂号费多少',
    )
    expect(play(kiosk, [...start, { kind: 'chosen', number: 2 }]).asks).toHaveLength(1)
  })

  test('says that the network is down, and something else when it was refused', () => {
    const said = (code: string) =>
      play(kiosk, [heard('挂号'), { kind: 'failed', code }]).effects.at(-1)
    expect(said('client.timeout')).toEqual({ do: 'say-own', phrase: 'offline' })
    expect(said('limit.rate')).toEqual({ do: 'say-own', phrase: 'refused' })
  })
})

describe('a speaker', () => {
  test('listens on when the gateway asks back, and rests when it does not', () => {
    const spoken: Input = { kind: 'spoken', speechId: 'sp-1' }
    expect(play(speaker, [heard('科室'), answered({ status: 'clarify' }), spoken]).states).toEqual([
      'waiting',
      'speaking',
      'listening',
    ])
    expect(play(speaker, [heard('科室'), answered(), spoken]).states.at(-1)).toBe('idle')
  })

  test('falls silent when a person talks over it, and asks in the same session', () => {
    const run = play(speaker, [heard('科室'), answered(), heard('不是，我问药房')])
    expect(run.effects.slice(-2).map((e) => e.do)).toEqual(['hush', 'ask'])
    expect(run.asks.at(-1)?.session).toBe('s-1')
  })

  test('takes one question at a time', () => {
    expect(play(speaker, [heard('一'), heard('二')]).asks).toHaveLength(1)
  })
})

describe('a bedside terminal', () => {
  const reminder = (id: string): Input => ({
    kind: 'announced',
    speech: speech(id, { repeat: { times: 3, everySeconds: 60, untilAcknowledged: true } }),
  })
  const press = (button: 'call-nurse' | 'acknowledge'): Input => ({ kind: 'pressed', button })

  test('keeps reminders until each is acknowledged, oldest first', () => {
    const run = play(bedside, [
      reminder('r1'),
      reminder('r2'),
      press('acknowledge'),
      press('acknowledge'),
      press('acknowledge'),
    ])
    expect(run.states).toEqual(['reminding', 'reminding', 'reminding', 'idle', 'idle'])
    expect(run.effects.flatMap((e) => (e.do === 'acknowledge' ? [e.speechId] : []))).toEqual([
      'r1',
      'r2',
    ])
  })

  test('calls the nurse in every state, without waiting for the gateway', () => {
    for (const before of [[], [heard('几点吃药')], [reminder('r1')]] satisfies Input[][]) {
      const { effects } = play(bedside, [...before, press('call-nurse')])
      expect(effects.slice(-2)).toEqual([
        { do: 'send-event', event: { kind: 'button', name: 'call-nurse' } },
        { do: 'say-own', phrase: 'nurse-called' },
      ])
    }
  })

  test('goes back to its reminder after a question', () => {
    expect(play(bedside, [reminder('r1'), heard('这是什么药'), answered()]).states).toEqual([
      'reminding',
      'waiting',
      'reminding',
    ])
  })
})
