import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../gateway/clock.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { FRESH_MS } from '../../gateway/dialogue/follow-up.ts'
import type { Explanation } from '../../gateway/language/port.ts'
import { COUNTER_PACK, startGateway } from '../support/gateway.ts'

/** A person at a kiosk; each word follows the last, unless it is said in another session. */
async function personAtKiosk() {
  let aheadMs = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
  const gateway = await startGateway({ packs: [COUNTER_PACK], overrides: { clock } })
  const token = await gateway.addDevice('kiosk-1')
  let asks = 0
  const say = async (text: string, session?: string) => {
    const ask = { id: `${asks++}`, text, ...(session ? { session } : {}) }
    const { body } = await gateway.ask(token, ask)
    return body as { status: string; text: string; session: string; slots?: object }
  }
  const wait = (ms: number) => {
    aheadMs += ms
  }
  return { gateway, say, wait }
}

describe('what is said in few words', () => {
  it.each([
    ['骨科在几楼', '电话多少', '骨科的电话是0500-1005。'],
    ['骨科在几楼', '它的电话是多少', '骨科的电话是0500-1005。'],
    ['CT报告多久出来', '那核磁呢', '核磁共振报告24小时出来。'],
    ['骨科电话多少', '心内科呢', '心内科的电话是0500-1003。'],
    ['where is cardiology', 'and orthopaedics?', 'orthopaedics is on floor 5.'],
    [
      'where is cardiology',
      'What is their phone number?',
      'The number of cardiology is 0500-1003.',
    ],
    ['骨科在几楼', '我问的是电话', '骨科的电话是0500-1005。'],
    ['骨科在几楼', '不是，问的是电话号码', '骨科的电话是0500-1005。'],
    ['骨科电话多少', '我问的是在几楼', '骨科在5楼。'],
    ['骨科电话多少', '我问的是心内科', '心内科的电话是0500-1003。'],
    [
      'where is cardiology',
      'no, I asked what is the phone number',
      'The number of cardiology is 0500-1003.',
    ],
  ])('is about what was answered: "%s", "%s"', async (first, then, answer) => {
    const { say } = await personAtKiosk()
    await say(first)
    expect(await say(then)).toMatchObject({ status: 'answered', text: answer })
  })

  it('is about a thing for a few turns, and what the voice does is none', async () => {
    const { say } = await personAtKiosk()
    await say('骨科在几楼')
    await say('停车场在哪')
    await say('大声一点')
    expect((await say('电话多少')).text).toBe('骨科的电话是0500-1005。')
    await say('停车场在哪')
    await say('停车场在哪')
    await say('停车场在哪')
    expect((await say('电话多少')).status).toBe('need-input')
  })
})

it('why short words were understood so is explained after the answer before, in its session', async () => {
  const { gateway } = await personAtKiosk()
  const run = (name: 'ask' | 'explain', args: object) =>
    runOperation(name, args, gateway.box.operations)
  const { session } = (await run('ask', { text: '骨科在几楼' })) as { session: string }
  const why = (await run('explain', { text: '电话多少', session })) as Explanation
  expect(why.steps.at(-1)).toEqual({
    stage: 'follow-up',
    detail: { after: 'department.where', means: 'department.phone', slots: { department: '骨科' } },
  })
  const alone = (await run('explain', { text: '电话多少', session: 'new' })) as Explanation
  expect(alone.steps.map(({ stage }) => stage)).not.toContain('follow-up')
})

it('why a word alone was understood so is explained after the value that was asked for', async () => {
  const { gateway, say } = await personAtKiosk()
  const { status, session } = await say('电话多少')
  expect(status).toBe('need-input')
  const { steps, understanding } = (await runOperation(
    'explain',
    { text: '骨科', session },
    gateway.box.operations,
  )) as Explanation
  expect(understanding).toMatchObject({
    kind: 'intent',
    best: { ref: { intent: 'department.phone' } },
  })
  expect(steps.at(-1)).toEqual({
    stage: 'pending',
    detail: { after: 'department.phone', means: 'department.phone', slots: { department: '骨科' } },
  })
})

describe('nothing is carried', () => {
  it.each([
    ['a value that the words name', '骨科在几楼', '心内科电话多少', '心内科的电话是0500-1003。'],
    [
      'one of two that they name',
      '骨科在几楼',
      '骨科心内科电话多少',
      '请一个一个来：先说“骨科”，还是“心内科”？',
    ],
    ['the value of another list', 'CT报告多久出来', '电话多少', '您要问哪个科的电话？'],
    ['an intent without such a slot', 'CT报告多久出来', '停车场在哪', '停车场在东门。'],
    ['what was asked before, of itself', '骨科电话多少', '电话多少', '您要问哪个科的电话？'],
  ])('%s: "%s", "%s"', async (_, first, then, answer) => {
    const { say } = await personAtKiosk()
    await say(first)
    expect((await say(then)).text).toBe(answer)
  })

  it('into another session, nor after a while', async () => {
    const { say, wait } = await personAtKiosk()
    const { session } = await say('骨科在几楼')
    expect((await say('电话多少', 'of-another-person')).status).toBe('need-input')
    wait(FRESH_MS + 1)
    expect((await say('电话多少', session)).status).toBe('need-input')
  })

  it('into an emergency, nor over one', async () => {
    const { say } = await personAtKiosk()
    await say('骨科在几楼')
    const alarm = await say('有人摔倒了')
    expect(alarm.text).toContain('不要搬动')
    expect(alarm.slots ?? {}).toEqual({})
    expect((await say('电话多少')).status).toBe('need-input')
  })
})
