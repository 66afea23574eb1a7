import { describe, expect, it } from 'vitest'
import { openStore } from '../../gateway/storage/store.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const count = (gateway: TestGateway, kind: string): number => {
  let found = 0
  for (let index = 0; index < gateway.box.ledger.size(); index++) {
    if (gateway.box.ledger.entryAt(index)?.kind === kind) found++
  }
  return found
}

describe('an ask that comes twice', () => {
  it('gets the same answer and is recorded once, at the same moment and later', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const ask = { id: 'a1', text: '门诊几点开门' }
    const both = await Promise.all([gateway.ask(token, ask), gateway.ask(token, ask)])
    const later = await gateway.ask(token, { ...ask, text: '停车场在哪' })
    expect(both[1]).toEqual(both[0])
    expect(later).toEqual(both[0])
    expect(count(gateway, 'turn')).toBe(1)
  })

  it('gets the same answer after a restart', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const before = await gateway.ask(token, { id: 'a1', text: '门诊几点开门' })
    await gateway.close()
    const again = await startGateway({ dataDir: gateway.dataDir })
    expect(await again.ask(token, { id: 'a1', text: '门诊几点开门' })).toEqual(before)
    expect(count(again, 'turn')).toBe(1)
  })

  it('is another ask when another device sends it', async () => {
    const gateway = await startGateway()
    const first = await gateway.ask(await gateway.addDevice('k1'), {
      id: 'a1',
      text: '门诊几点开门',
    })
    const second = await gateway.ask(await gateway.addDevice('k2'), {
      id: 'a1',
      text: '停车场在哪',
    })
    expect(second.body.text).not.toBe(first.body.text)
  })
})

describe('a conversation', () => {
  it('goes on at another device and over another channel, by session and by subject', async () => {
    const gateway = await startGateway()
    const kiosk = await gateway.addDevice('k1')
    const subject = { id: 'p-7', kind: 'patient' }
    const first = await gateway.ask(kiosk, { id: '1', text: '科室在哪里', subject })
    expect(first.body).toMatchObject({ status: 'need-input', text: '您要去哪个科？' })
    const client = await gateway.connectMqtt('s1', await gateway.addDevice('s1', 'speaker'))
    await client.subscribeAsync('kefu/v1/s1/answer')
    const answer = new Promise<object>((resolve) =>
      client.on('message', (_topic, payload) => resolve(JSON.parse(payload.toString()) as object)),
    )
    await client.publishAsync(
      'kefu/v1/s1/ask',
      JSON.stringify({ id: '2', text: '骨科', subject }),
      { qos: 1 },
    )
    expect(await answer).toMatchObject({
      status: 'answered',
      session: first.body.session,
      turn: 2,
      slots: { department: '骨科' },
      text: '骨科在门诊楼5楼。',
    })
  })

  it('says the last answer again, more slowly when asked to', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const first = await gateway.ask(token, { id: '1', text: '停车场在哪' })
    const session = first.body.session
    const slower = await gateway.ask(token, { id: '2', text: '说慢一点', session })
    const again = await gateway.ask(token, { id: '3', text: '再说一遍', session })
    expect(slower.body.text).toContain(first.body.text)
    expect(again.body.text).toBe(first.body.text)
    const rateOf = (reply: { body: Record<string, unknown> }) =>
      (reply.body.speech as { voice?: { rate?: number } }).voice?.rate ?? 1
    expect(rateOf(slower)).toBeLessThan(rateOf(first))
  })

  it('of one person is refused to another', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const { body } = await gateway.ask(token, {
      id: '1',
      text: '停车场在哪',
      subject: { id: 'a', kind: 'patient' },
    })
    const stolen = await gateway.ask(token, {
      id: '2',
      text: '再说一遍',
      session: body.session,
      subject: { id: 'b', kind: 'patient' },
    })
    expect(stolen).toMatchObject({
      status: 403,
      body: { code: 'session.not-yours', inReplyTo: '2' },
    })
  })

  it('calls a nurse in the critical lane', async () => {
    const gateway = await startGateway()
    const { body } = await gateway.ask(await gateway.addDevice('b1', 'bedside'), {
      id: '1',
      text: '帮我叫一下护士',
    })
    expect(body).toMatchObject({ status: 'answered', intent: { name: 'call.nurse' } })
    expect(count(gateway, 'alert.call-nurse')).toBe(1)
  })

  it('in English is answered in English', async () => {
    const gateway = await startGateway()
    const { body } = await gateway.ask(await gateway.addDevice('k1'), {
      id: '1',
      text: 'what are the opening hours',
    })
    expect(body.text).toBe('The clinic is open from 8:00 to 17:30.')
    expect((body.speech as { lang: string }).lang).toMatch(/^en/)
  })
})

describe('what the box does not know', () => {
  it('is said to be not known, with no entry cited', async () => {
    const gateway = await startGateway()
    const { body } = await gateway.ask(await gateway.addDevice('k1'), {
      id: '1',
      text: '今天股市涨了吗',
    })
    expect(body).toMatchObject({ status: 'not-known' })
    expect(body.pack).toBeUndefined()
  })

  it('is an entry past its date, which is never spoken', async () => {
    const gateway = await startGateway()
    const { body } = await gateway.ask(await gateway.addDevice('k1'), {
      id: '1',
      text: '义诊活动什么时候',
    })
    expect(body.status).toBe('not-known')
    expect(JSON.stringify(body)).not.toContain('大厅')
  })

  it('is everything while no pack is installed', async () => {
    const gateway = await startGateway({ packs: [] })
    const { body } = await gateway.ask(await gateway.addDevice('k1'), {
      id: '1',
      text: '门诊几点开门',
    })
    expect(body.status).toBe('not-known')
    expect((await fetch(`${gateway.httpUrl}/readyz`)).status).toBe(503)
    expect((await fetch(`${gateway.httpUrl}/healthz`)).status).toBe(200)
  })
})

describe('the record', () => {
  it('keeps what was said sealed: no word of it stands in the file', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    await gateway.ask(token, {
      id: '1',
      text: '停车场在哪 13800138000',
      subject: { id: 'p', kind: 'patient' },
    })
    const { database } = gateway.box.folder
    await gateway.close()
    const store = openStore({ path: database, readonly: true })
    const bytes = store.prepare<{ bytes: Uint8Array }>('SELECT bytes FROM ledger_entry').all()
    expect(bytes.length).toBeGreaterThan(0)
    for (const row of bytes) expect(Buffer.from(row.bytes).includes('13800138000')).toBe(false)
    await store.close()
  })
})
