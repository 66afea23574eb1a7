import { runFleet } from '@kefu-edge/firmware-sim/fleet'
import { type RunOptions, runScenario } from '@kefu-edge/firmware-sim/run-scenario'
import { parseScenario, type Scenario } from '@kefu-edge/firmware-sim/scenario'
import { transcriptPrinter } from '@kefu-edge/firmware-sim/transcript'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { answer, speech } from '../device-sdk/support/samples.ts'
import { type StandIn, startBroker } from '../device-sdk/support/stand-in-gateways.ts'

const TOKEN = 'kd_sim'
let box: StandIn
beforeEach(async () => {
  box = await startBroker(TOKEN)
  box.reply = (name, body) => {
    if (name !== 'ask') return undefined
    const words = JSON.stringify(body.text ?? body.alternatives)
    return answer(String(body.id), words.includes('挂号') ? '挂号在门诊楼一楼。' : '请问服务台。')
  }
})
afterEach(() => box.close())

const scenario = (steps: string, kind = 'kiosk'): Scenario =>
  parseScenario(`name: t\ndevices:\n  - { id: d-1, kind: ${kind} }\nsteps:\n${steps}`, 'test')

const run = (of: Scenario, more: Partial<RunOptions> = {}) =>
  runScenario({
    scenario: of,
    gateway: box.url,
    credentials: (device) => ({ deviceId: device.id, token: TOKEN, kind: device.kind }),
    speechSpeed: 1_000,
    askTimeoutMs: 2_000,
    ...more,
  })
const asks = () => box.received.filter((m) => m.name === 'ask').map((m) => m.body)
const soon = '2099-01-01T00:00:00Z'

test('a conversation reads from top to bottom: who spoke, what was answered, where it came from', async () => {
  const result = await run(
    scenario(
      '  - { at: d-1, say: 挂号在哪里, expect: { text: 一楼 } }\n  - { at: d-1, press: home }',
    ),
  )
  expect(result.ok).toBe(true)
  const lines = result.entries.map((entry) => transcriptPrinter().line(entry))
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d {2}d-1 自助机 +访客：挂号在哪里$/)
  expect(lines[1]).toMatch(/客服：挂号在门诊楼一楼。 {2}\(answered · \d+\.\d ms\)$/)
  expect(lines[2]).toMatch(/── 按下“返回首页”$/)
})

test('what is not as expected is a failure with its step and the difference', async () => {
  const result = await run(
    scenario('  - { at: d-1, say: 天气如何, expect: { text: 晴, status: not-known } }'),
  )
  expect(result.ok).toBe(false)
  expect(result.failures[0]).toMatch(
    /step 1: status answered, expected not-known; "请问服务台。".*晴/,
  )
})

test('a speaker sends what its recogniser heard, the same for the same seed', async () => {
  const one = scenario('  - { at: d-1, say: 挂号在哪里, unclear: true }', 'speaker')
  await run(one, { seed: 4 })
  await run(one, { seed: 4 })
  const [first, second] = asks()
  expect(first?.alternatives).toEqual(second?.alternatives)
  expect(JSON.stringify(first?.alternatives)).toContain('挂号在哪里')
  expect(first?.id).not.toBe(second?.id)
})

test('an answer that was lost on its way comes all the same, to one question', async () => {
  const result = await run(
    scenario(
      '  - { at: d-1, fault: lose-answers }\n  - { at: d-1, say: 挂号, expect: { text: 一楼 } }',
    ),
  )
  expect(result.failures).toEqual([])
  expect(new Set(asks().map((ask) => ask.id)).size).toBe(1)
})

test('a gateway that answers one question twice with different answers is found out', async () => {
  let count = 0
  box.reply = (_name, body) => ({ ...answer(String(body.id)), id: `a-${count++}` })
  const result = await run(
    scenario(
      '  - { at: d-1, fault: duplicate-asks }\n  - { at: d-1, say: 挂号 }\n  - { wait: 200ms }',
    ),
  )
  expect(result.failures[0]).toMatch(/two answers to/)
})

test('a question asked without a network fails, and reports made meanwhile arrive later', async () => {
  const result = await run(
    scenario(
      [
        '  - { at: d-1, say: 挂号 }',
        '  - { offline: d-1 }',
        '  - { at: d-1, press: call-nurse }',
        '  - { at: d-1, say: 挂号, expect: { failed: client.timeout } }',
        '  - { kill: d-1 }',
        '  - { boot: d-1 }',
        '  - { online: d-1 }',
        '  - { delivered: d-1 }',
      ].join('\n'),
      'bedside',
    ),
    { askTimeoutMs: 200 },
  )
  expect(result.failures).toEqual([])
  expect(box.received.filter((m) => m.name === 'event').map((m) => m.body.name)).toEqual([
    'call-nurse',
  ])
})

test('an announcement is heard, acknowledged, and proved', async () => {
  const result = await run(
    scenario(
      [
        '  - { at: d-1, say: 挂号 }',
        '  - { announce: 该吃药了, at: d-1, untilAcknowledged: true }',
        '  - { at: d-1, hear: 该吃药 }',
        '  - { at: d-1, press: acknowledge }',
        '  - { delivered: d-1 }',
      ].join('\n'),
      'bedside',
    ),
    {
      announce: async (deviceId, { text }) => {
        const repeat = { times: 3, everySeconds: 60, untilAcknowledged: true }
        const ssml = `<speak>${text}</speak>`
        box.send(deviceId, 'speech', speech('r-1', { text, ssml, repeat, expiresAt: soon }))
      },
    },
  )
  expect(result.failures).toEqual([])
  const states = box.received.filter((m) => m.name === 'played').map((m) => m.body.state)
  expect(states[0]).toBe('queued')
  expect(states).toContain('playing')
  expect(states.at(-1)).toBe('acknowledged')
})

test('a fleet runs copies side by side, each device under its own id', async () => {
  const result = await runFleet(
    {
      scenario: scenario('  - { at: d-1, say: 挂号, expect: { text: 一楼 } }'),
      gateway: box.url,
      credentials: (device) => ({ deviceId: device.id, token: TOKEN, kind: device.kind }),
      speechSpeed: 1_000,
    },
    8,
  )
  expect(result).toMatchObject({ ok: true, copies: 8, asks: 8, answered: 8, failures: [] })
  expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms)
})
