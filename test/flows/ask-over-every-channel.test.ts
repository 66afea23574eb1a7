import type { MqttClient } from 'mqtt'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const packr = new Packr({ useRecords: false })
type Body = Record<string, unknown>

/** The next message on a topic, as an object. */
const next = (client: MqttClient, topic: string) =>
  new Promise<Body>((resolve) => {
    const take = (got: string, payload: Buffer) => {
      if (got !== topic) return
      client.off('message', take)
      resolve(JSON.parse(payload.toString()) as Body)
    }
    client.on('message', take)
  })

async function askByMqtt(gateway: TestGateway, version: 4 | 5, url?: string): Promise<Body> {
  const token = await gateway.addDevice('m1')
  const client = await gateway.connectMqtt('m1', token, {
    protocolVersion: version,
    ...(url ? {} : {}),
  })
  await client.subscribeAsync('kefu/v1/m1/#', { qos: 1 })
  const answer = next(client, 'kefu/v1/m1/answer')
  await client.publishAsync('kefu/v1/m1/ask', JSON.stringify({ id: 'a1', text: '门诊几点开门' }), {
    qos: 1,
  })
  return answer
}

/** A WebSocket that has said hello, with a queue of what comes. */
async function openSocket(
  gateway: TestGateway,
  protocol: 'kefu.v1.json' | 'kefu.v1.msgpack',
  hello?: object,
) {
  const id = 'w1'
  const token = await gateway.addDevice(id)
  const socket = new WebSocket(`${gateway.httpUrl.replace('http', 'ws')}/v1/ws`, protocol)
  const frames: Body[] = []
  const waiting: ((frame: Body) => void)[] = []
  socket.on('message', (data: Buffer, isBinary) => {
    const frame = (isBinary ? packr.unpack(data) : JSON.parse(data.toString())) as Body
    const waiter = waiting.shift()
    if (waiter) waiter(frame)
    else frames.push(frame)
  })
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await new Promise((resolve) => socket.on('open', resolve))
  const send = (frame: object | string | Buffer) => {
    if (typeof frame === 'string' || Buffer.isBuffer(frame)) socket.send(frame)
    else socket.send(protocol === 'kefu.v1.msgpack' ? packr.pack(frame) : JSON.stringify(frame))
  }
  const receive = () =>
    new Promise<Body>((resolve) => {
      const frame = frames.shift()
      if (frame) resolve(frame)
      else waiting.push(resolve)
    })
  send(hello ?? { type: 'hello', deviceId: id, token })
  return { socket, send, receive, closed }
}

describe('a question in Chinese', () => {
  const expected = {
    inReplyTo: 'a1',
    turn: 1,
    status: 'answered',
    text: '门诊时间是8:00到17:30。',
    intent: { name: 'hours.opening', source: 'local' },
    pack: { name: 'desk', version: '1.0.0', entry: 'hours.opening' },
    suggestions: ['停车'],
  }

  it.each([4, 5] as const)('is answered over MQTT, protocol level %i', async (version) => {
    const gateway = await startGateway()
    const answer = await askByMqtt(gateway, version)
    expect(answer).toMatchObject(expected)
    const speech = answer.speech as Body
    expect(speech.ssml).toContain('<speak version="1.1"')
    expect(String(speech.ssml).replace(/<[^>]*>/g, '')).not.toMatch(/[0-9]/)
  })

  it('is answered to the Response Topic with its Correlation Data, in MessagePack when asked in it', async () => {
    const gateway = await startGateway()
    const client = await gateway.connectMqtt('m1', await gateway.addDevice('m1'), {
      protocolVersion: 5,
    })
    await client.subscribeAsync('kefu/v1/m1/mine', { qos: 1 })
    const answered = new Promise<{ payload: Buffer; properties: Body }>((resolve) =>
      client.on('message', (_topic, payload, packet) =>
        resolve({ payload, properties: packet.properties as Body }),
      ),
    )
    await client.publishAsync('kefu/v1/m1/ask', packr.pack({ id: 'a1', text: '门诊几点开门' }), {
      qos: 1,
      properties: {
        responseTopic: 'kefu/v1/m1/mine',
        correlationData: Buffer.from('c7'),
        contentType: 'application/msgpack',
      },
    })
    const { payload, properties } = await answered
    expect(packr.unpack(payload)).toMatchObject(expected)
    expect(properties.contentType).toBe('application/msgpack')
    expect(String(properties.correlationData)).toBe('c7')
  })

  it('cannot have its answer sent to another device', async () => {
    const gateway = await startGateway()
    const client = await gateway.connectMqtt('m1', await gateway.addDevice('m1'), {
      protocolVersion: 5,
    })
    await client.subscribeAsync('kefu/v1/m1/problem')
    const problem = next(client, 'kefu/v1/m1/problem')
    const sent = client.publishAsync('kefu/v1/m1/ask', JSON.stringify({ id: 'a1', text: '停车' }), {
      qos: 1,
      properties: { responseTopic: 'kefu/v1/m2/speech' },
    })
    await expect(sent).rejects.toThrow()
    expect(await problem).toMatchObject({ code: 'topic.not-yours' })
  })

  it.each(['kefu.v1.json', 'kefu.v1.msgpack'] as const)(
    'is answered over WebSocket, %s',
    async (protocol) => {
      const gateway = await startGateway()
      const { send, receive, socket } = await openSocket(gateway, protocol)
      expect(await receive()).toMatchObject({ type: 'welcome', deviceId: 'w1' })
      send({ type: 'ask', id: 'a1', text: '门诊几点开门' })
      expect(await receive()).toMatchObject({ type: 'answer', ...expected })
      send({ type: 'feedback', id: 'f1', inReplyTo: 'a1', rating: 'up' })
      expect(await receive()).toEqual({ type: 'ack', inReplyTo: 'f1' })
      send({ type: 'reported', state: { volume: 1 } })
      expect(await receive()).toStrictEqual({ type: 'ack' })
      socket.close()
    },
  )

  it('is answered over MQTT on WebSocket', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('m1')
    const { connectAsync } = await import('mqtt')
    const client = await connectAsync(`${gateway.httpUrl.replace('http', 'ws')}/mqtt`, {
      clientId: 'm1',
      username: 'm1',
      password: token,
    })
    await client.subscribeAsync('kefu/v1/m1/answer')
    const answer = next(client, 'kefu/v1/m1/answer')
    await client.publishAsync(
      'kefu/v1/m1/ask',
      JSON.stringify({ id: 'a1', text: '门诊几点开门' }),
      { qos: 1 },
    )
    expect(await answer).toMatchObject(expected)
    await client.endAsync(true)
  })

  it('is answered over HTTP, in JSON and in MessagePack', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('h1')
    const asked = await gateway.ask(token, { id: 'a1', text: '门诊几点开门' })
    expect(asked).toMatchObject({ status: 200, body: expected })
    const reply = await fetch(`${gateway.httpUrl}/v1/ask`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/msgpack' },
      body: new Uint8Array(packr.pack({ id: 'a2', text: '哪里可以停车' })),
    })
    expect(packr.unpack(Buffer.from(await reply.arrayBuffer()))).toMatchObject({
      inReplyTo: 'a2',
      status: 'answered',
    })
  })

  it('is answered the same when node:http and ws serve', async () => {
    const gateway = await startGateway({ config: { http: { port: 0, adapter: 'node' } } })
    expect(gateway.adapter).toBe('node')
    const { send, receive, socket } = await openSocket(gateway, 'kefu.v1.json')
    await receive()
    send({ type: 'ask', id: 'a1', text: '门诊几点开门' })
    expect(await receive()).toMatchObject({ type: 'answer', ...expected })
    socket.close()
  })
})

describe('what is not taken', () => {
  it('gets a Problem over MQTT, whatever was wrong, and the connection goes on', async () => {
    const gateway = await startGateway()
    const client = await gateway.connectMqtt('m1', await gateway.addDevice('m1'))
    await client.subscribeAsync('kefu/v1/m1/#', { qos: 1 })
    const cases: [string, string | Buffer, string][] = [
      ['ask', '{"id":', 'message.not-json'],
      ['ask', Buffer.from([0x7b, 0xff]), 'message.not-utf8'],
      ['ask', JSON.stringify({ id: 'x', text: 'y'.repeat(1_048_576) }), 'message.too-large'],
      ['ask', '['.repeat(10_000), 'message.too-deep'],
      ['played', JSON.stringify({ id: 'x' }), 'message.invalid'],
      ['nonsense', '{}', 'topic.unknown'],
    ]
    for (const [name, payload, code] of cases) {
      const problem = next(client, 'kefu/v1/m1/problem')
      await client.publishAsync(`kefu/v1/m1/${name}`, payload, { qos: 1 })
      expect(await problem).toMatchObject({ code })
    }
    const other = next(client, 'kefu/v1/m1/problem')
    await client.publishAsync('kefu/v1/m2/ask', '{}', { qos: 1 })
    expect(await other).toMatchObject({ code: 'topic.not-yours' })
    const answer = next(client, 'kefu/v1/m1/answer')
    await client.publishAsync('kefu/v1/m1/ask', JSON.stringify({ id: 'ok', text: '停车场在哪' }), {
      qos: 1,
    })
    expect(await answer).toMatchObject({ inReplyTo: 'ok' })
  })

  it('gets a Problem over WebSocket, and a wrong hello ends the connection', async () => {
    const gateway = await startGateway()
    const { send, receive, socket } = await openSocket(gateway, 'kefu.v1.json')
    await receive()
    const cases: [string | object, string, string?][] = [
      ['nonsense', 'message.not-json'],
      ['[1,2]', 'message.invalid'],
      [{ id: 'x' }, 'message.invalid'],
      [{ type: 'sing', id: 'x' }, 'message.unknown-type'],
      [{ type: 'ask', id: 'x' }, 'message.invalid'],
      [{ type: 'ask', id: 'x', form: { name: 'f', values: {} } }, 'message.not-served', 'x'],
      [{ type: 'ask', id: 'x', text: 'y'.repeat(1_048_576) }, 'message.too-large', 'x'],
      ['{"type":"ask","id":"x","text":'.concat('['.repeat(10_000)), 'message.too-deep', 'x'],
    ]
    for (const [frame, code, inReplyTo] of cases) {
      send(frame)
      const reply = inReplyTo === undefined ? {} : { inReplyTo }
      expect(await receive()).toMatchObject({ type: 'problem', code, ...reply })
    }
    socket.close()
    for (const hello of [
      { type: 'hello', deviceId: 'w1', token: 'kd_wrong' },
      { type: 'ask', id: 'x', text: 'y' },
    ]) {
      const refused = await openSocket(gateway, 'kefu.v1.json', hello)
      expect(await refused.receive()).toMatchObject({ type: 'problem' })
      expect(await refused.closed).toBe(4401)
    }
  })

  it.each([
    ['no token', {}, { id: 'a', text: 'x' }, 401, 'auth.missing'],
    [
      'a wrong token',
      { authorization: 'Bearer kd_wrong' },
      { id: 'a', text: 'x' },
      401,
      'auth.refused',
    ],
    [
      'another content type',
      { 'content-type': 'text/plain' },
      'hello',
      415,
      'http.unsupported-media-type',
    ],
    ['no JSON', {}, '{', 400, 'message.not-json'],
    ['a wrong type', {}, { id: 'a', text: [] }, 422, 'message.invalid'],
    ['1 MB', {}, { id: 'a', text: 'x'.repeat(1_048_576) }, 413, 'message.too-large'],
    ['a deep document', {}, '['.repeat(10_000), 400, 'message.too-deep'],
  ])('gets a problem+json over HTTP: %s', async (name, headers, body, status, code) => {
    const gateway = await startGateway()
    const token = name === 'no token' ? '' : await gateway.addDevice('h1')
    const reply = await gateway.ask(token, body, headers)
    expect(reply).toMatchObject({
      status,
      body: { code, status, type: `urn:kefu:problem:${code}` },
    })
  })

  it('names what there is at an unknown address and which method an address takes', async () => {
    const gateway = await startGateway()
    expect((await fetch(`${gateway.httpUrl}/nowhere`)).status).toBe(404)
    const wrong = await fetch(`${gateway.httpUrl}/v1/ask`)
    expect(wrong.status).toBe(405)
    expect(wrong.headers.get('allow')).toBe('POST')
  })
})
