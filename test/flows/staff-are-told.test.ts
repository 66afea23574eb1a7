import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../gateway/clock.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

/** A device of staff that listens; gives its speeches one by one. */
async function station(gateway: TestGateway, id: string, groups: string[] = [], kind = 'nurse') {
  const client = await gateway.connectMqtt(id, await gateway.addDevice(id, kind, groups))
  const heard: Speech[] = []
  const waiting: (() => void)[] = []
  client.on('message', (_topic, payload) => {
    heard.push(JSON.parse(String(payload)) as Speech)
    for (const wake of waiting.splice(0)) wake()
  })
  await client.subscribeAsync(`kefu/v1/${id}/speech`, { qos: 1 })
  const next = async (): Promise<Speech> => {
    for (;;) {
      const speech = heard.shift()
      if (speech) return speech
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  const acknowledge = (speech: string) =>
    client.publishAsync(
      `kefu/v1/${id}/played`,
      JSON.stringify({ id: `r-${speech}`, speech, state: 'acknowledged', at: new Date() }),
      { qos: 1 },
    )
  return { client, heard, next, acknowledge }
}

const alerts = ({ box }: TestGateway) =>
  Array.from({ length: box.ledger.size() }, (_, index) => box.ledger.entryAt(index))
    .filter((entry) => entry?.kind.startsWith('alert.'))
    .map((entry) => ({ kind: entry?.kind, heard: entry?.body.heard }))

describe('a call for the nurse', () => {
  it('is spoken at the station, until somebody there acknowledges it', async () => {
    const gateway = await startGateway()
    const desk = await station(gateway, 'station-1')
    const { body } = await gateway.ask(await gateway.addDevice('bed-12', 'bedside'), {
      id: '1',
      text: '叫护士',
    })
    expect(body).toMatchObject({ status: 'answered', text: '好的。' })
    expect(await desk.next()).toMatchObject({
      text: 'bed-12呼叫护士，请过去看一下。',
      priority: 'urgent',
      repeat: { untilAcknowledged: true },
    })
    expect(alerts(gateway)).toEqual([{ kind: 'alert.call-nurse', heard: true }])
  })

  it.each([
    ['别叫护士', /不叫护士/],
    ['先别叫护士，我自己来', /不叫护士/],
    ["don't call a nurse", /not calling a nurse/],
    ['别叫护士，她已经来了', /不叫护士/],
    ["don't call a nurse, I'm fine", /not calling a nurse/],
    ['不用叫护士，停车场在哪', /^(?!.*护士)/],
  ])('is not made by who does not want it: %s', async (text, answer) => {
    const gateway = await startGateway()
    const { body } = await gateway.ask(await gateway.addDevice('bed-12', 'bedside'), {
      id: '1',
      text,
    })
    expect(body).toMatchObject({ status: 'answered', text: expect.stringMatching(answer) })
    expect(alerts(gateway)).toEqual([])
  })

  it('is made for a danger told beside, and where nobody comes', async () => {
    const gateway = await startGateway()
    const bed = await gateway.addDevice('bed-12', 'bedside')
    await gateway.ask(bed, { id: '1', text: '别叫护士，胸口疼得厉害' })
    await gateway.ask(bed, { id: '2', text: '不要紧，帮我叫一下护士' })
    expect(alerts(gateway).map(({ kind }) => kind)).toEqual(['alert.emergency', 'alert.call-nurse'])
  })

  it.each(['不要护士，要医生', '不要护士，要大夫过来', '别叫护士，扶我起来', '不要护士，我要报警'])(
    'is made for who wants another, or a hand: %s',
    async (text) => {
      const gateway = await startGateway()
      const bed = await gateway.addDevice('bed-12', 'bedside')
      await gateway.ask(bed, { id: '1', text })
      expect(alerts(gateway).map(({ kind }) => kind)).toEqual(['alert.call-nurse'])
    },
  )

  it('goes to the ward of the bed; to every station where nobody of the ward listens', async () => {
    const gateway = await startGateway()
    const bed = await gateway.addDevice('bed-12', 'bedside', ['ward-3'])
    const own = await station(gateway, 'station-3', ['ward-3'])
    const other = await station(gateway, 'station-4', ['ward-4'])
    await gateway.ask(bed, { id: '1', text: '叫护士' })
    expect((await own.next()).text).toContain('bed-12 ward-3')
    own.client.end(true)
    while (gateway.box.hooks.live?.presence('station-3')?.online !== false)
      await new Promise((resolve) => setImmediate(resolve))
    await gateway.ask(bed, { id: '2', text: '胸口痛' })
    expect((await other.next()).text).toContain('bed-12 ward-3有人求助')
  })

  it('is not said to have reached anybody where no station listens', async () => {
    const gateway = await startGateway()
    await gateway.addDevice('station-1', 'nurse')
    const bed = await gateway.addDevice('bed-12', 'bedside')
    const zh = await gateway.ask(bed, { id: '1', text: '叫护士' })
    const en = await gateway.ask(bed, { id: '2', text: 'I need a nurse' })
    expect(zh.body.text).toContain('按床头的红色呼叫按钮')
    expect((zh.body.speech as Speech).text).toBe(zh.body.text)
    expect(en.body.text).toContain('press the red button at your bed')
    expect(alerts(gateway)).toEqual([
      { kind: 'alert.call-nurse', heard: false },
      { kind: 'alert.call-nurse', heard: false },
    ])
  })

  it('by the button at the bed is spoken at the station too, once', async () => {
    const gateway = await startGateway()
    const desk = await station(gateway, 'station-1')
    const bed = await gateway.connectMqtt('bed-12', await gateway.addDevice('bed-12', 'bedside'))
    const press = JSON.stringify({ id: 'e-1', kind: 'button', name: 'call-nurse' })
    for (let sent = 0; sent < 2; sent++) {
      await bed.publishAsync('kefu/v1/bed-12/event', press, { qos: 1 })
    }
    expect(await desk.next()).toMatchObject({ text: 'bed-12呼叫护士，请过去看一下。' })
    await bed.publishAsync('kefu/v1/bed-12/ask', JSON.stringify({ id: '1', text: '胸口痛' }))
    expect((await desk.next()).text).toContain('胸痛')
  })

  it('by the button is answered at the bed in words that are true, in the language that was spoken there', async () => {
    const gateway = await startGateway({ config: { log: { level: 'warn' } } })
    const bed = await station(gateway, 'bed-12', [], 'bedside')
    const send = (topic: string, message: object) =>
      bed.client.publishAsync(`kefu/v1/bed-12/${topic}`, JSON.stringify(message), { qos: 1 })
    const press = (id: string, name = 'call-nurse') => send('event', { id, kind: 'button', name })
    await press('e-1')
    expect(await bed.next()).toMatchObject({
      text: expect.stringContaining('这次呼叫没有人听到'),
      priority: 'urgent',
    })
    await station(gateway, 'station-1')
    for (const id of ['e-2', 'e-3', 'e-4']) await press(id)
    expect((await bed.next()).text).toBe('已经帮您呼叫护士，请稍等。')
    await send('ask', { id: '1', text: 'I need a nurse' })
    await press('e-5')
    expect((await bed.next()).text).toBe('I have called a nurse for you. Please wait.')
    await press('e-6', 'nurse')
    expect(gateway.box.hooks.live?.recentLog().join()).toContain('this button calls nobody')
  })

  it('by the button is answered in the language that was spoken there last, though the words named a patient and the press names nobody', async () => {
    const gateway = await startGateway()
    const bed = await station(gateway, 'bed-12', [], 'bedside')
    const send = (topic: string, message: object) =>
      bed.client.publishAsync(`kefu/v1/bed-12/${topic}`, JSON.stringify(message), { qos: 1 })
    const press = (id: string, more = {}) =>
      send('event', { id, kind: 'button', name: 'call-nurse', ...more })
    const subject = { id: 'p-1', kind: 'patient' }
    await send('ask', { id: '1', text: 'I need a nurse', subject })
    await press('e-1')
    const nobody = 'nobody has heard this call'
    expect((await bed.next()).text).toContain(nobody)
    await station(gateway, 'station-1')
    await press('e-2', { subject: { id: 'p-2', kind: 'patient' } })
    expect((await bed.next()).text).toBe('I have called a nurse for you. Please wait.')
    await send('ask', { id: '2', text: '停车场在哪' })
    await press('e-3')
    expect((await bed.next()).text).toBe('已经帮您呼叫护士，请稍等。')
  })

  it('after staff have come is a call of its own, however soon it follows', async () => {
    const gateway = await startGateway()
    const desk = await station(gateway, 'station-1')
    const bed = await gateway.addDevice('bed-12', 'bedside')
    await gateway.ask(bed, { id: '1', text: '叫护士' })
    const first = await desk.next()
    await desk.acknowledge(first.id)
    const { body } = await gateway.ask(bed, { id: '2', text: '叫护士' })
    expect(body.text).toBe('好的。')
    const second = await desk.next()
    expect(second.text).toBe(first.text)
    expect(second.id).not.toBe(first.id)
  })

  it('of two patients of one device is told for each of them', async () => {
    const gateway = await startGateway()
    const desk = await station(gateway, 'station-1')
    const bed = await gateway.addDevice('bed-12', 'bedside')
    for (const [index, id] of ['p-1', 'p-2', 'p-2'].entries()) {
      const subject = { kind: 'patient', id }
      await gateway.ask(bed, { id: `ask-${index}`, text: '叫护士', subject })
    }
    await gateway.ask(bed, { id: 'last', text: '胸口痛' })
    const heard = [await desk.next(), await desk.next(), await desk.next()]
    expect(heard.map(({ priority }) => priority)).toEqual(['urgent', 'urgent', 'critical'])
  })

  it('that nobody acknowledges is said once more to all stations, one that somebody has is not', async () => {
    const clock = clockAhead()
    const gateway = await startGateway({ overrides: { clock } })
    const [a, b] = [await station(gateway, 'a'), await station(gateway, 'b')]
    const bed = await gateway.addDevice('bed-12', 'bedside')
    await gateway.ask(bed, { id: '1', text: '叫护士' })
    const call = await a.next()
    await b.next()
    await a.acknowledge(call.id)
    clock.ahead(120_000)
    await gateway.ask(bed, { id: '2', text: '胸口痛' })
    const emergency = await a.next()
    expect(emergency).toMatchObject({ priority: 'critical' })
    expect((await b.next()).id).toBe(emergency.id)
    clock.ahead(120_000)
    const again = await b.next()
    expect(again.text).toBe(`还没有人确认：${emergency.text}`)
    expect((await a.next()).text).toBe(again.text)
    await gateway.ask(bed, { id: '3', text: '叫护士' })
    expect((await b.next()).text).toBe(call.text)
  })
})

it("a reminder to several beds is each patient's own: one who confirms it speaks for nobody else", async () => {
  const clock = clockAhead()
  const gateway = await startGateway({ overrides: { clock } })
  const desk = await station(gateway, 'desk')
  const beds = await Promise.all(
    ['bed-1', 'bed-2', 'bed-3'].map((id) => station(gateway, id, ['ward-3'], 'bedside')),
  )
  const reminder = { group: 'ward-3', text: '请吃药。', untilAcknowledged: true, id: 'pills-8' }
  await runOperation('announce', reminder, gateway.box.operations)
  for (const bed of beds) await bed.next()
  await beds[0]?.acknowledge('pills-8')
  clock.ahead(120_000)
  const told = [(await desk.next()).text, (await desk.next()).text].sort()
  expect(told).toEqual(
    ['bed-2', 'bed-3'].map((bed) => `设备 ${bed} 的通知没有人确认，请去看一下。`),
  )
})

/** The real clock, which a test sets ahead. */
function clockAhead(): Clock & { ahead(ms: number): void } {
  let by = 0
  return {
    ...systemClock,
    now: () => systemClock.now() + by,
    ahead: (ms) => {
      by += ms
    },
  }
}

describe('an emergency', () => {
  it('reaches staff by its name, not in the words that were said', async () => {
    const gateway = await startGateway()
    const desk = await station(gateway, 'desk', [], 'staff')
    const { body } = await gateway.ask(await gateway.addDevice('kiosk-1', 'kiosk', ['hall']), {
      id: '1',
      text: '心口像压着石头',
    })
    expect(body.text).toBe('请马上坐下，叫身边的人。 我已经通知工作人员了。')
    expect(await desk.next()).toMatchObject({
      text: '紧急！kiosk-1 hall有人求助：胸痛。请马上过去。',
      priority: 'critical',
    })
    expect(alerts(gateway)).toEqual([{ kind: 'alert.emergency', heard: true }])
  })

  it('in other words is told again: it may be another one', async () => {
    const gateway = await startGateway()
    const desk = await station(gateway, 'desk', [], 'staff')
    const kiosk = await gateway.addDevice('kiosk-1')
    await gateway.ask(kiosk, { id: '1', text: '胸口痛' })
    await gateway.ask(kiosk, { id: '2', text: '我的心口疼' })
    const [first, second] = [await desk.next(), await desk.next()]
    expect(second.text).toBe(first.text)
  })

  it('said again and again is one call', async () => {
    const gateway = await startGateway()
    const desk = await station(gateway, 'desk', [], 'staff')
    const kiosk = await gateway.addDevice('kiosk-1')
    for (const id of ['1', '2', '3']) await gateway.ask(kiosk, { id, text: '胸口痛' })
    await gateway.ask(kiosk, { id: '4', text: '叫护士' })
    expect((await desk.next()).text).toContain('胸痛')
    expect((await desk.next()).text).toContain('呼叫护士')
  })

  it('is heard while the box waits for the answer to its own question', async () => {
    const gateway = await startGateway()
    const kiosk = await gateway.addDevice('kiosk-1')
    const asked = await gateway.ask(kiosk, { id: '1', text: '科室在哪里' })
    expect(asked.body.status).toBe('need-input')
    const { body } = await gateway.ask(kiosk, { id: '2', text: '我的心口疼' })
    expect(body.intent).toMatchObject({ name: 'emergency.chest-pain' })
  })
})

describe('a question that the box asks back', () => {
  it('is left for another one that the pack has in these very words', async () => {
    const gateway = await startGateway()
    const kiosk = await gateway.addDevice('kiosk-1')
    await gateway.ask(kiosk, { id: '1', text: '科室在哪里' })
    const { body } = await gateway.ask(kiosk, { id: '2', text: '停车场在哪' })
    expect(body.intent).toMatchObject({ name: 'parking', confidence: 0.99 })
  })

  it('and that is not answered ends with a person: told where staff listen, pointed to where not', async () => {
    const gateway = await startGateway()
    const alone = await askInVain(gateway, 'kiosk-1')
    expect(alone).toMatchObject({ status: 'not-known' })
    expect(alone.text).toContain('请到服务台')
    const desk = await station(gateway, 'desk', [], 'staff')
    const heard = await askInVain(gateway, 'kiosk-2')
    expect(heard).toMatchObject({ status: 'handed-off' })
    expect(heard.text).toContain('已经请工作人员来帮您')
    expect((await desk.next()).text).toBe('kiosk-2有人需要工作人员，请过去看一下。')
    expect(alerts(gateway)).toEqual([
      { kind: 'alert.handoff', heard: false },
      { kind: 'alert.handoff', heard: true },
    ])
  })
})

async function askInVain(gateway: TestGateway, id: string) {
  const kiosk = await gateway.addDevice(id)
  await gateway.ask(kiosk, { id: '1', text: '科室在哪里' })
  await gateway.ask(kiosk, { id: '2', text: '不晓得呢' })
  return (await gateway.ask(kiosk, { id: '3', text: '不晓得呢' })).body
}
