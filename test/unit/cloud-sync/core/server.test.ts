import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { startCloudCore } from '@kefu-edge/cloud-sync/core/server'
import type { Sink } from '@kefu-edge/cloud-sync/core/sinks/sink'
import { openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { enrol } from '@kefu-edge/cloud-sync/enrol'
import { loadIdentity } from '@kefu-edge/cloud-sync/identity'
import { createLink } from '@kefu-edge/cloud-sync/link'
import { systemClock } from '@kefu-edge/cloud-sync/ports'
import { signRequest } from '@kefu-edge/cloud-sync/protocol/http-signature'
import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import { MAX_RELEASE_BYTES } from '@kefu-edge/cloud-sync/protocol/release'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRig, type Rig, until } from '../support/rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await openRig({ isInsecureHttp: true })
})
afterEach(() => rig.close())

const entriesPath = () => `/v1/gateways/${rig.source.gatewayId}/entries`
const aBatch = () => ({
  v: 1,
  epoch: 'e',
  lane: 'audit',
  after: 0,
  nonce: 'n',
  entries: [[1, 0, packr.encode({ v: 1, lane: 'audit', seq: 1, kind: 'k', at: 0 }), null]],
})

interface Reply {
  readonly status: number | undefined
  readonly body: { code?: string; detail?: string; status?: string }
}

function send(
  method: string,
  path: string,
  body: Uint8Array = Buffer.alloc(0),
  headers: Record<string, string> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${rig.core.url}${path}`, { method, headers }, (response) => {
      let text = ''
      response.on('data', (piece: Buffer) => {
        text += piece.toString()
      })
      response.on('end', () =>
        resolve({ status: response.statusCode, body: JSON.parse(text) as Reply['body'] }),
      )
    })
    request.on('error', reject)
    request.end(body)
  })
}

function signed(method: string, path: string, body: Uint8Array, more: Record<string, string> = {}) {
  const { gatewayId, privateKey } = rig.identity
  const headers = signRequest({ method, path, body }, gatewayId, privateKey, Date.now())
  return send(method, path, body, { ...headers, ...more })
}

describe('who may', () => {
  it('answers anybody who asks whether it is well', async () => {
    expect(await send('GET', '/healthz')).toEqual({ status: 200, body: { status: 'ok' } })
  })

  it.each([
    ['a read', 'GET', '/v1/gateways'],
    ['the fleet page', 'GET', '/'],
    ['publishing', 'POST', '/v1/releases'],
    ['releasing a gateway', 'POST', '/v1/gateways/gw-1/release'],
    ['blocking a gateway', 'POST', '/v1/gateways/gw-1/block'],
  ])('keeps %s for the operator', async (_what, method, path) => {
    expect(await send(method, path)).toMatchObject({
      status: 401,
      body: { code: 'operator.refused' },
    })
    const wrong = { authorization: `Bearer ${rig.core.enrolToken}` }
    expect(await send(method, path, Buffer.alloc(0), wrong)).toMatchObject({ status: 401 })
  })

  it('lets a page of somebody else do nothing with what the browser of the operator remembers', async () => {
    const basic = Buffer.from(`operator:${rig.core.operatorToken}`).toString('base64')
    const release = {
      kind: 'command',
      name: 'foreign',
      label: '1',
      content: Buffer.from('{"operation":"reload"}').toString('base64'),
      expiresAtMs: Date.now() + 60_000,
    }
    const foreignForm = { 'content-type': 'text/plain', origin: 'https://evil.example' }
    const post = (authorization: string) =>
      send('POST', '/v1/releases', Buffer.from(JSON.stringify(release)), {
        ...foreignForm,
        authorization,
      })
    expect(await post(`Basic ${basic}`)).toMatchObject({
      status: 403,
      body: { code: 'operator.reads-only' },
    })
    expect(await post(`basic ${basic}`)).toMatchObject({ status: 403 })
    expect(rig.core.releases.reports(9)).toEqual([])
    expect(await post(`Bearer ${rig.core.operatorToken}`)).toMatchObject({ status: 201 })
    // A reading that fixes a sum for good.
    const read = (authorization: string) =>
      send('GET', '/v1/counts/2026-11-27', Buffer.alloc(0), { authorization })
    expect(await read(`Basic ${basic}`)).toMatchObject({ status: 403 })
    expect(await read(`Bearer ${rig.core.operatorToken}`)).toMatchObject({ status: 200 })
  })

  it('takes no batch without a signature, with that of another body, or of another gateway', async () => {
    const body = packr.encode(aBatch())
    const path = entriesPath()
    expect(await send('POST', path, body)).toMatchObject({ body: { code: 'gateway.signature' } })

    const { gatewayId, privateKey } = rig.identity
    const other = signRequest(
      { method: 'POST', path, body: Buffer.from('x') },
      gatewayId,
      privateKey,
      0,
    )
    expect(await send('POST', path, body, { ...other })).toMatchObject({
      status: 401,
      body: { code: 'gateway.signature' },
    })
    const elsewhere = signRequest(
      { method: 'POST', path: '/v1/gateways/gw-2/entries', body },
      gatewayId,
      privateKey,
      0,
    )
    expect(await send('POST', path, body, { ...elsewhere })).toMatchObject({ status: 401 })
    const foreign = loadIdentity('gw-1', join(rig.folder, 'foreign.key'))
    const forged = signRequest({ method: 'POST', path, body }, 'gw-1', foreign.privateKey, 0)
    expect(await send('POST', path, body, { ...forged })).toMatchObject({ status: 401 })
    expect(await rig.stored('audit')).toEqual([])

    expect(await signed('POST', path, body)).toMatchObject({ status: 200 })
    expect(await rig.stored('audit')).toEqual([1])
  })

  it('enrols no second key under the same id until the operator released the first', async () => {
    const other = loadIdentity('gw-1', join(rig.folder, 'other.key'))
    const link = createLink({ url: rig.core.url, identity: other, clock: systemClock })
    const attempt = () => enrol(link, other, rig.core.enrolToken)
    expect(await attempt()).toMatchObject({ kind: 'refused', code: 'gateway.other-key' })
    expect(await enrol(link, other, 'x'.repeat(32))).toMatchObject({ code: 'enrol.refused' })

    const operator = { authorization: `Bearer ${rig.core.operatorToken}` }
    const released = await send('POST', '/v1/gateways/gw-1/release', Buffer.alloc(0), operator)
    expect(released.status).toBe(200)
    expect(await signed('POST', entriesPath(), packr.encode(aBatch()))).toMatchObject({
      status: 401,
      body: { code: 'gateway.unknown' },
    })
    expect(await attempt()).toMatchObject({ kind: 'enrolled' })
    link.close()
  })

  it('does not let a box in again whose key was taken, nor one that is blocked by whatever key', async () => {
    const { folder, core } = rig
    const post = async (path: string, body: Uint8Array = Buffer.alloc(0)) => {
      const operator = { authorization: `Bearer ${core.operatorToken}` }
      expect(await send('POST', path, body, operator)).toMatchObject({ status: 200 })
    }
    const enrolling = async (id: string, keyFile: string) => {
      const identity = loadIdentity(id, keyFile)
      const link = createLink({ url: core.url, identity, clock: systemClock })
      const enrolled = await enrol(link, identity, core.enrolToken)
      link.close()
      return enrolled.kind === 'refused' ? enrolled.code : enrolled.kind
    }
    const own = join(folder, 'gateway.key')
    const fresh = join(folder, 'fresh.key')
    const batch = packr.encode(aBatch())

    await post('/v1/gateways/gw-1/release')
    expect(await enrolling('gw-1', own)).toBe('gateway.blocked')
    expect(await enrolling('gw-2', own)).toBe('gateway.blocked')
    expect(await enrolling('gw-1', fresh)).toBe('enrolled')

    await post('/v1/gateways/gw-1/block')
    expect(await enrolling('gw-1', fresh)).toBe('gateway.blocked')
    expect(await enrolling('gw-1', join(folder, 'newest.key'))).toBe('gateway.blocked')
    expect(await enrolling('gw-3', fresh)).toBe('gateway.blocked')
    const headers = signRequest(
      { method: 'POST', path: entriesPath(), body: batch },
      'gw-1',
      loadIdentity('gw-1', fresh).privateKey,
      Date.now(),
    )
    expect(await send('POST', entriesPath(), batch, { ...headers })).toMatchObject({
      status: 403,
      body: { code: 'gateway.blocked' },
    })
    expect(await signed('POST', entriesPath(), batch)).toMatchObject({ status: 401 })
    const page = await send('GET', '/v1/gateways', Buffer.alloc(0), {
      authorization: `Bearer ${core.operatorToken}`,
    })
    expect(page.body).toMatchObject({ gateways: [{ id: 'gw-1', isBlocked: true }] })

    await post('/v1/gateways/gw-1/unblock')
    await post('/v1/gateways/gw-1/release')
    await post('/v1/gateways/gw-1/unblock')
    expect(await enrolling('gw-1', own)).toBe('enrolled')
    expect(await signed('POST', entriesPath(), batch)).toMatchObject({ status: 200 })
  })

  it('speaks plain http on loopback only', async () => {
    const options = { dataDir: join(rig.folder, 'open'), port: 0, host: '0.0.0.0' }
    await expect(startCloudCore({ ...options, isInsecureHttp: true })).rejects.toThrow(/loopback/)
  })
})

describe('who is slow', () => {
  it('keeps no gateway away: strangers with half a body', async () => {
    const halves = Array.from({ length: 70 }, () => {
      const headers = { 'content-length': '4000' }
      const half = http.request(`${rig.core.url}/v1/enroll`, { method: 'POST', headers })
      half.on('error', () => {})
      half.write('{"gatewayId":')
      return half
    })
    await Promise.all(halves.map((half) => once(half, 'socket')))
    // Each piece is on its way before what is asked next.
    await send('GET', '/healthz')
    expect(await signed('POST', entriesPath(), packr.encode(aBatch()))).toMatchObject({
      status: 200,
    })
    for (const half of halves) half.destroy()
  })

  it('keeps no entry waiting: an answerer that pays no heed to the deadline', async () => {
    await rig.core.close()
    const never = { answer: () => new Promise<never>(() => {}) }
    const dataDir = join(rig.folder, 'core')
    const core = await startCloudCore({ dataDir, port: 0, isInsecureHttp: true, answerer: never })
    const path = `/v1/gateways/${rig.identity.gatewayId}/asks`
    const ask = Buffer.from('{"id":"a","text":"where","lang":"en","deadlineMs":1500}')
    const post = (where: string, body: Uint8Array) => {
      const { gatewayId, privateKey } = rig.identity
      const headers = signRequest({ method: 'POST', path: where, body }, gatewayId, privateKey, 0)
      const sent = { method: 'POST', body: new Uint8Array(body), headers: { ...headers } }
      return fetch(`${core.url}${where}`, sent)
    }
    const asks = Array.from({ length: 70 }, () => post(path, ask))
    const early = await Promise.race(asks)
    expect(early.status).toBe(503)
    expect((await post(entriesPath(), packr.encode(aBatch()))).status).toBe(200)
    const answers = await Promise.all(asks)
    const waited = answers.filter(({ status }) => status === 200)
    expect(waited).toHaveLength(32)
    expect(await waited[0]?.json()).toEqual({ status: 'not-known', validForMs: 0 })
    await core.close()
  })
})

describe('what is not a batch', () => {
  it.each([
    ['not MessagePack', Buffer.from('{"a":1}')],
    ['empty', Buffer.alloc(0)],
    ['of another version', packr.encode({ ...aBatch(), v: 2 })],
    ['without entries', packr.encode({ ...aBatch(), entries: [] })],
    [
      'with a sequence below 0',
      packr.encode({ ...aBatch(), entries: [[-1, 0, Buffer.alloc(1), null]] }),
    ],
    ['with text for bytes', packr.encode({ ...aBatch(), entries: [[1, 0, 'x', null]] })],
    ['with a lane that is SQL', packr.encode({ ...aBatch(), lane: "x'; DROP TABLE entry" })],
    [
      'out of order',
      packr.encode({ ...aBatch(), entries: [...aBatch().entries, ...aBatch().entries] }),
    ],
  ])('is refused with the field: %s', async (_what, body) => {
    const reply = await signed('POST', entriesPath(), body)
    expect(reply).toMatchObject({ status: 422, body: { code: 'request.invalid' } })
    expect(reply.body.detail?.length).toBeGreaterThan(10)
    expect(await rig.stored('audit')).toEqual([])
  })

  it('does not inflate a bomb, nor read without end', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const inflated = await signed('POST', entriesPath(), bomb, { 'content-encoding': 'gzip' })
    expect(inflated).toMatchObject({ status: 422 })
    const huge = await signed('POST', entriesPath(), randomBytes(9 * 1024 * 1024))
    expect(huge).toMatchObject({ status: 413, body: { code: 'request.too-large' } })
    expect(await send('GET', '/healthz')).toMatchObject({ status: 200 })
  })

  it('names what is not there', async () => {
    expect(await send('GET', '/v2/nothing')).toMatchObject({
      status: 404,
      body: { code: 'request.not-found' },
    })
  })
})

describe('what an operator asks of a gateway', () => {
  const operator = () => ({ authorization: `Bearer ${rig.core.operatorToken}` })

  it('is answered with the list to look into where none of that id ever enrolled', async () => {
    for (const [method, path] of [
      ['POST', '/v1/gateways/gw-9/release'],
      ['GET', '/v1/gateways/gw-9/sessions'],
    ] as const) {
      const reply = await send(method, path, Buffer.alloc(0), operator())
      expect(reply).toMatchObject({ status: 404, body: { code: 'gateway.none' } })
    }
  })

  it('is answered for one whose key was released too', async () => {
    await rig.release()
    const reply = await send('GET', '/v1/gateways/gw-1/sessions', Buffer.alloc(0), operator())
    expect(reply).toMatchObject({ status: 200, body: { sessions: [] } })
  })

  it('counts nothing as missing in a later epoch that lies in an earlier one', async () => {
    const entryOf = (seq: number) => [
      seq,
      seq,
      packr.encode({ v: 1, lane: 'audit', seq, kind: 'k', at: 0 }),
      null,
    ]
    for (const [epoch, sequences] of [
      ['one', [1, 2, 5]],
      ['two', [6, 7, 9]],
    ] as const) {
      const batch = { ...aBatch(), epoch, entries: sequences.map(entryOf) }
      await signed('POST', entriesPath(), packr.encode(batch))
    }
    const { body } = await send('GET', '/v1/gateways', Buffer.alloc(0), operator())
    expect(body).toMatchObject({ gateways: [{ streams: [{ missing: 2 }, { missing: 1 }] }] })
  })
})

it('takes a release as large as a release may be, and says of a larger one what would help', async () => {
  const publish = (bytes: number) => {
    const release = {
      kind: 'pack',
      name: 'large',
      label: '1',
      content: Buffer.alloc(bytes, 7).toString('base64'),
      expiresAtMs: Date.now() + 60_000,
    }
    const operator = { authorization: `Bearer ${rig.core.operatorToken}` }
    return send('POST', '/v1/releases', Buffer.from(JSON.stringify(release)), operator)
  }
  expect(await publish(MAX_RELEASE_BYTES)).toMatchObject({ status: 201 })
  expect(await publish(MAX_RELEASE_BYTES * 1.2)).toMatchObject({
    status: 413,
    body: { code: 'request.too-large', detail: expect.stringContaining('A release') },
  })
})

it.each([
  ['content that is not base64', '/content', { content: 'not base64!' }],
  ['a term that no clock reaches', '/expiresAtMs', { expiresAtMs: 1e308 }],
  ['a term between two milliseconds', '/expiresAtMs', { expiresAtMs: Date.now() + 60_000.5 }],
  ['an empty list of gateways', '/gateways', { gateways: [] }],
])('publishes nothing with %s, and names the field', async (_what, field, wrong) => {
  const content = Buffer.from('{}').toString('base64')
  const expiresAtMs = Date.now() + 60_000
  const release = { kind: 'config', name: 'odd', label: '1', content, expiresAtMs, ...wrong }
  const operator = { authorization: `Bearer ${rig.core.operatorToken}` }
  const body = Buffer.from(JSON.stringify(release))
  expect(await send('POST', '/v1/releases', body, operator)).toMatchObject({
    status: 422,
    body: { code: 'request.invalid', detail: expect.stringContaining(field) },
  })
  expect(rig.core.releases.reports(9)).toEqual([])
})

it('takes content in lines, as `base64 FILE` writes it', async () => {
  const content = Buffer.alloc(150, 7).toString('base64').replace(/.{76}/g, '$&\n')
  const expiresAtMs = Date.now() + 60_000
  const release = { kind: 'pack', name: 'lines', label: '1', content, expiresAtMs }
  const operator = { authorization: `Bearer ${rig.core.operatorToken}` }
  const body = Buffer.from(JSON.stringify(release))
  expect(await send('POST', '/v1/releases', body, operator)).toMatchObject({ status: 201 })
})

it('gives what a release holds to those alone whom it is meant for, whatever base they name', async () => {
  const { releases } = rig.core
  const draft = { kind: 'config', label: '1', expiresAtMs: Date.now() + 60_000 } as const
  const content = Buffer.from('{"limits":{"asksPerSecond":3}}')
  const forOthers = { ...draft, name: 'others', content, gateways: ['gw-2'] }
  await releases.publish(forOthers)
  await releases.publish({ ...draft, name: 'later', content, percent: 0 })
  await releases.publish({ ...draft, name: 'ours', content, gateways: ['gw-2', 'gw-1'] })
  const path = (name: string, query = '') => `/v1/gateways/gw-1/releases/config/${name}/1${query}`
  const get = async (target: string) => {
    const { gatewayId, privateKey } = rig.identity
    const unsigned = { method: 'GET', path: target, body: Buffer.alloc(0) }
    const headers = { ...signRequest(unsigned, gatewayId, privateKey, Date.now()) }
    const answer = await fetch(`${rig.core.url}${target}`, { headers })
    return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) }
  }
  expect((await get(path('others'))).status).toBe(404)
  expect((await get(path('later'))).status).toBe(404)
  const whole = await get(path('ours'))
  expect(whole.status).toBe(200)
  for (const base of ['7', '-1', '1.5', 'x', '9'.repeat(30)]) {
    expect(await get(path('ours', `?base=${base}`))).toEqual(whole)
  }
})

it('refuses a path that is none as it refuses the rest, and does not take it for its own fault', async () => {
  expect(await send('GET', '//')).toMatchObject({ status: 422, body: { code: 'request.invalid' } })
})

it('shows on its page what waits for the sink, and why', async () => {
  const sink: Sink = {
    name: 'kafka:wards',
    publish: () => Promise.reject(new Error('TOPIC_AUTHORIZATION_FAILED')),
    close: async () => {},
  }
  rig.source.append('audit', 3)
  await rig.pusher(rig.linkTo(rig.core.url)).pushOnce()
  await rig.core.close()
  const dataDir = join(rig.folder, 'core')
  const core = await startCloudCore({ dataDir, port: 0, isInsecureHttp: true, sink })
  await until('the sink refused', () => core.sinkStatus()?.lastError !== undefined)
  const headers = { authorization: `Bearer ${core.operatorToken}` }
  const page = await (await fetch(core.url, { headers })).text()
  expect(page).toMatch(/kafka:wards[\s\S]*3 entries wait[\s\S]*TOPIC_AUTHORIZATION_FAILED/)
  await core.close()
})

it('shows a broken record however many gateways there are', async () => {
  const store = openCoreStore(join(rig.folder, 'core'))
  await store.commit(() => {
    const gateway = store.prepare(
      'INSERT INTO gateway (no, id, enrolled_at, seen_at) VALUES (?, ?, 0, 0)',
    )
    const head = store.prepare(
      "INSERT INTO log_head (gateway_no, origin, size, root, note, at, broken_reason) VALUES (?, ?, 1, x'00', '', 0, ?)",
    )
    for (let no = 2; no <= 1203; no += 1) {
      gateway.run(no, `ward-${no + 1000}`)
      head.run(no, `kefu-edge/ward-${no + 1000}/e`, no === 1202 ? 'size 9 does not extend' : null)
    }
  })
  store.close()
  const headers = { authorization: `Bearer ${rig.core.operatorToken}` }
  const page = await (await fetch(rig.core.url, { headers })).text()
  expect(page).toMatch(/class="broken".*ward-2202\/e: size 9 does not extend/)
  const checkpoints = await (await fetch(`${rig.core.url}/v1/checkpoints`, { headers })).json()
  expect(checkpoints).toMatchObject({ troubled: [{ gatewayId: 'ward-2202' }] })
})

it('shows the fleet in both languages, and no name can become markup', async () => {
  rig.source.append('audit', 3)
  await rig.pusher(rig.linkTo(rig.core.url)).pushOnce()
  const page = await new Promise<string>((resolve, reject) => {
    const basic = Buffer.from(`operator:${rig.core.operatorToken}`).toString('base64')
    http
      .get(rig.core.url, { headers: { authorization: `Basic ${basic}` } }, (response) => {
        expect(response.headers['content-security-policy']).toContain("default-src 'none'")
        let text = ''
        response.on('data', (piece: Buffer) => {
          text += piece.toString()
        })
        response.on('end', () => resolve(text))
      })
      .on('error', reject)
  })
  expect(page).toContain('网关总览')
  expect(page).toContain('Fleet of gateways')
  expect(page).toMatch(/<td[^>]*>gw-1<\/td>[\s\S]*<td>audit<\/td><td>3<\/td><td>3<\/td>/)
  expect(page).not.toContain('<script')
})
