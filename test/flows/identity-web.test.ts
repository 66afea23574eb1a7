import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const PASSWORD = '护士站 3 楼 good morning'
/** Failures that cost nothing, and one: the next has to wait. */
const GUESSES = 11

const open = new Set<WebSocket>()
afterEach(() => {
  for (const socket of open) socket.terminate()
  open.clear()
})

async function openWard(): Promise<TestGateway> {
  const gateway = await startGateway()
  const staff = { id: 'nurse-1', kind: 'staff', password: PASSWORD }
  await runOperation('device.add', staff, gateway.box.operations)
  return gateway
}

type Frame = Record<string, unknown>
const ask = (id: string): Frame => ({ type: 'ask', id, text: '停车怎么收费' })

/** Sends hello and what follows at once; resolves with the frames up to the wanted type, or to the close. */
function greet(
  gateway: TestGateway,
  deviceId: string,
  token: string,
  options: { more?: readonly Frame[]; until?: string } = {},
): Promise<Frame[]> {
  const socket = new WebSocket(`${gateway.httpUrl.replace('http', 'ws')}/v1/ws`, 'kefu.v1.json')
  open.add(socket)
  const frames: Frame[] = []
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', (closeCode) => resolve([...frames, { closeCode }]))
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame
      frames.push(frame)
      if (frame.type === (options.until ?? 'welcome')) resolve(frames)
    })
    socket.on('open', () => {
      const hello = { type: 'hello', deviceId, token }
      for (const frame of [hello, ...(options.more ?? [])]) socket.send(JSON.stringify(frame))
    })
  })
}

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

describe.each(['uws', 'node'] as const)('a password over the %s port', (adapter) => {
  const openIt = async () => {
    const gateway = await openWard()
    await gateway.close()
    return startGateway({ dataDir: gateway.dataDir, config: { http: { port: 0, adapter } } })
  }

  it('opens a WebSocket; what was sent behind the hello is answered after the welcome', async () => {
    const gateway = await openIt()
    const frames = await greet(gateway, 'nurse-1', PASSWORD, {
      more: [ask('w1')],
      until: 'answer',
    })
    expect(frames.map((frame) => frame.type)).toEqual(['welcome', 'answer'])
    expect(frames[1]).toMatchObject({ inReplyTo: 'w1' })
  })

  it('asks over HTTP Basic, as the token does over Basic and over Bearer', async () => {
    const gateway = await openIt()
    const token = await gateway.addDevice('kiosk-1')
    const text = '停车怎么收费'
    const byPassword = await gateway.ask('', { id: 'h1', text }, basic('nurse-1', PASSWORD))
    expect(byPassword).toMatchObject({ status: 200, body: { inReplyTo: 'h1' } })
    expect((await gateway.ask('', { id: 'h2', text }, basic('kiosk-1', token))).status).toBe(200)
    expect((await gateway.ask(token, { id: 'h3', text })).status).toBe(200)
  })
})

/** A client that goes on sending when it was told to go; `ws` would answer the close by itself. */
async function openStubborn(gateway: TestGateway, deviceId: string, token: string) {
  const socket = connect(gateway.ports.http, '127.0.0.1').on('error', () => {})
  let said = ''
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1')
  })
  const wait = (what: string) => expect.poll(() => said).toContain(what)
  const lines = ['GET /v1/ws HTTP/1.1', 'host: x', 'upgrade: websocket', 'connection: upgrade']
  const keys = ['sec-websocket-version: 13', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==']
  const offer = 'sec-websocket-protocol: kefu.v1.json'
  socket.write(`${[...lines, ...keys, offer].join('\r\n')}\r\n\r\n`)
  await wait('101 Switching')
  const send = (opcode: number, bytes: Buffer) =>
    // RFC 6455, 5.2: final, masked with zeroes, 16 bits of length.
    socket.write(
      Buffer.concat([
        Buffer.from([
          0x80 | opcode,
          0x80 | 126,
          bytes.length >> 8,
          bytes.length & 0xff,
          0,
          0,
          0,
          0,
        ]),
        bytes,
      ]),
    )
  const say = (frame: Frame) => send(1, Buffer.from(JSON.stringify(frame)))
  say({ type: 'hello', deviceId, token })
  await wait('welcome')
  return { socket, wait, say, answerClose: () => send(8, Buffer.from([0x03, 0xf0])) }
}

it.each(['uws', 'node'] as const)(
  'a device that was switched off is gone at once, and what it still sends is not taken (%s)',
  async (adapter) => {
    const gateway = await startGateway({ config: { http: { port: 0, adapter } } })
    const token = await gateway.addDevice('kiosk-1')
    const { socket, wait, say, answerClose } = await openStubborn(gateway, 'kiosk-1', token)
    const alarm = (id: string) =>
      say({ type: 'event', id, kind: 'alarm', name: 'fall', at: '2026-11-28T08:00:00+08:00' })
    alarm('before')
    await wait('"inReplyTo":"before"')
    await runOperation('device.disable', { id: 'kiosk-1' }, gateway.box.operations)
    expect(gateway.box.hooks.status?.().webSockets).toBe(0)
    const ended = once(socket, 'close')
    alarm('after')
    answerClose()
    await ended
    await gateway.box.store.durable()
    const { entriesFrom, size } = gateway.box.ledger
    const alarms = entriesFrom(0, size()).filter(({ kind }) => kind === 'event.alarm')
    expect(alarms.map(({ body }) => body.id)).toEqual(['before'])
  },
)

describe('a wrong password', () => {
  it('is refused on the WebSocket, and waits after some failures; the right one does then too', async () => {
    const gateway = await openWard()
    const token = await gateway.addDevice('kiosk-1')
    const refused = await greet(gateway, 'nurse-1', 'not the password')
    expect(refused).toMatchObject([{ type: 'problem', code: 'auth.refused' }, { closeCode: 4401 }])
    for (let guess = 1; guess < GUESSES; guess++) await greet(gateway, 'nurse-1', `guess ${guess}`)
    const [problem] = await greet(gateway, 'nurse-1', PASSWORD)
    expect(problem).toMatchObject({ code: 'auth.backing-off', status: 429 })
    const [welcome] = await greet(gateway, 'kiosk-1', token)
    expect(welcome).toMatchObject({ type: 'welcome', deviceId: 'kiosk-1' })
  })

  it('counts the same over HTTP and WebSocket', async () => {
    const gateway = await openWard()
    const body = { id: 'h1', text: '停车怎么收费' }
    const wrong = basic('nurse-1', 'not the password')
    const first = await gateway.ask('', body, wrong)
    expect(first).toMatchObject({ status: 401, body: { code: 'auth.refused' } })
    for (let guess = 1; guess < GUESSES; guess++) await gateway.ask('', body, wrong)
    const waiting = await gateway.ask('', body, basic('nurse-1', PASSWORD))
    expect(waiting).toMatchObject({ status: 429, body: { code: 'auth.backing-off' } })
    const [problem] = await greet(gateway, 'nurse-1', PASSWORD)
    expect(problem).toMatchObject({ code: 'auth.backing-off' })
  })

  it.each([
    ['no colon', Buffer.from('nurse-1').toString('base64')],
    ['no name', Buffer.from(':secret').toString('base64')],
    ['bytes that are no base64', '%%%'],
  ])('is named as missing when the header holds %s', async (_what, encoded) => {
    const gateway = await openWard()
    const body = { id: 'h1', text: '停车怎么收费' }
    const reply = await gateway.ask('', body, { authorization: `Basic ${encoded}` })
    expect(reply).toMatchObject({ status: 401, body: { code: 'auth.missing' } })
  })

  it('is not looked at for a device that was switched off meanwhile', async () => {
    const gateway = await openWard()
    await runOperation('device.disable', { id: 'nurse-1' }, gateway.box.operations)
    const [problem] = await greet(gateway, 'nurse-1', PASSWORD)
    expect(problem).toMatchObject({ code: 'auth.disabled' })
  })
})

it('more than a few frames before the welcome end the connection with the reason', async () => {
  const gateway = await openWard()
  const more = Array.from({ length: 40 }, (_, index) => ask(`w${index}`))
  const frames = await greet(gateway, 'nurse-1', PASSWORD, { more })
  expect(frames[0]).toMatchObject({ type: 'problem', code: 'limit.overloaded' })
  expect(frames.at(-1)).toEqual({ closeCode: 1013 })
})
