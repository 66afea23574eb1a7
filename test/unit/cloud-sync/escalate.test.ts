import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openListAnswerer } from '@kefu-edge/cloud-sync/core/answerer'
import { createEscalator, type Question } from '@kefu-edge/cloud-sync/escalate'
import { type Clock, type Link, systemClock } from '@kefu-edge/cloud-sync/ports'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openFaultProxy } from './support/fault-proxy.ts'
import { openRig, type Rig, range, until } from './support/rig.ts'

const LIST = {
  name: 'city-hospital',
  version: '2026.11',
  source: 'information desk',
  entries: [
    {
      id: 'flu-shot',
      lang: 'zh',
      questions: ['流感疫苗在哪里打', '打流感疫苗去哪儿'],
      text: '请到门诊一楼预防保健科。',
    },
  ],
}
const question = (text: string, lang = 'zh'): Question => ({ id: 'a-1', text, lang })

let rig: Rig
beforeEach(async () => {
  rig = await openRig({ isInsecureHttp: true })
  await rig.restartCore(() =>
    writeFileSync(join(rig.folder, 'core', 'answers.json'), JSON.stringify(LIST)),
  )
})
afterEach(() => rig.close())

function escalator(link: Link, more: { clock?: Clock; isConnected?: () => boolean } = {}) {
  return createEscalator({ link, gatewayId: rig.source.gatewayId, clock: systemClock, ...more })
}

describe('asking the core', () => {
  it('gets an answer that cites its entry, and keeps it for its validity', async () => {
    let nowMs = 0
    const clock = { now: () => 0, monotonic: () => nowMs }
    const one = escalator(rig.linkTo(rig.core.url), { clock })
    const first = await one.ask(question('请问流感疫苗在哪里打？'), 2000)
    expect(first).toMatchObject({
      kind: 'answer',
      status: 'answered',
      text: '请到门诊一楼预防保健科。',
      source: { name: 'city-hospital', version: '2026.11', entry: 'flu-shot' },
      isCached: false,
    })
    nowMs = 3_599_999
    expect(await one.ask(question('请问流感疫苗在哪里打？'), 2000)).toMatchObject({
      isCached: true,
    })
    nowMs = 3_600_000
    expect(await one.ask(question('请问流感疫苗在哪里打？'), 2000)).toMatchObject({
      isCached: false,
    })
  })

  it('speaks no answer of the core whose validity ended while the box slept, or after its clock was set back', async () => {
    let [nowMs, awakeMs] = [1_795_000_000_000, 0]
    const clock = { now: () => nowMs, monotonic: () => awakeMs }
    const one = escalator(rig.linkTo(rig.core.url), { clock })
    const isCached = async () => {
      const answer = await one.ask(question('请问流感疫苗在哪里打？'), 2000)
      return answer.kind === 'answer' && answer.isCached
    }
    expect(await isCached()).toBe(false)
    expect(await isCached()).toBe(true)
    nowMs += 3_600_000
    expect(await isCached()).toBe(false)
    nowMs -= 86_400_000
    expect(await isCached()).toBe(true)
    awakeMs += 3_600_000
    expect(await isCached()).toBe(false)
  })

  it.each([
    ['is about something else', '明天天气怎么样', 'zh'],
    ['is in another language', '流感疫苗在哪里打', 'en'],
  ])('says that it does not know what %s', async (_what, text, lang) => {
    const answer = await escalator(rig.linkTo(rig.core.url)).ask(question(text, lang), 2000)
    expect(answer).toMatchObject({ kind: 'answer', status: 'not-known' })
  })

  it('gives up at the deadline, and after three of those nobody waits', async () => {
    const proxy = await openFaultProxy(rig.core.port)
    proxy.set('black-hole')
    const one = escalator(rig.linkTo(`http://127.0.0.1:${proxy.port}`))
    for (let n = 0; n < 3; n += 1) {
      const startedAt = performance.now()
      expect(await one.ask(question(`问题 ${n}`), 60)).toEqual({ kind: 'away', reason: 'late' })
      expect(performance.now() - startedAt).toBeLessThan(1000)
    }
    expect(await one.ask(question('问题'), 60_000)).toEqual({ kind: 'away', reason: 'no-link' })
    await proxy.close()
  })

  it('is tried again after a while', async () => {
    let nowMs = 0
    const clock = { now: () => 0, monotonic: () => nowMs }
    const proxy = await openFaultProxy(rig.core.port)
    proxy.set('black-hole')
    const one = escalator(rig.linkTo(`http://127.0.0.1:${proxy.port}`), { clock })
    for (let n = 0; n < 3; n += 1) await one.ask(question('流感疫苗在哪里打'), 30)
    proxy.set('pass')
    expect(await one.ask(question('流感疫苗在哪里打'), 2000)).toMatchObject({ kind: 'away' })
    nowMs += 10_000
    expect(await one.ask(question('流感疫苗在哪里打'), 2000)).toMatchObject({ kind: 'answer' })
    await proxy.close()
  })

  it('does not wait at all while the link is known to be away', async () => {
    const one = escalator(rig.linkTo(rig.core.url), { isConnected: () => false })
    const answer = await one.ask(question('流感疫苗在哪里打'), 2000)
    expect(answer).toEqual({ kind: 'away', reason: 'no-link' })
  })

  it('ends with its caller', async () => {
    const caller = new AbortController()
    caller.abort()
    const one = escalator(rig.linkTo(rig.core.url))
    const answer = await one.ask(question('流感疫苗在哪里打'), 2000, caller.signal)
    expect(answer).toEqual({ kind: 'away', reason: 'aborted' })
  })
})

it('does not hold critical entries, however many asks wait for a slow answerer', async () => {
  let asked = 0
  const server = createServer((request, response) => {
    request.resume()
    if (request.url?.endsWith('/asks')) asked += 1
    else request.on('end', () => response.end('{}'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const link = rig.linkTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const one = escalator(link)
  const caller = new AbortController()
  const asks = range(1, 10).map((n) => one.ask(question(`问题 ${n}`), 60_000, caller.signal))
  await until('asks are under way', () => asked === 4)
  const path = '/v1/gateways/g/entries'
  for (const sockets of ['critical', undefined] as const) {
    const result = await link.request({ method: 'POST', path, ...(sockets ? { sockets } : {}) })
    expect(result).toMatchObject({ kind: 'answer', status: 200 })
  }
  expect(asked).toBe(4)
  caller.abort()
  expect((await Promise.all(asks)).map(({ kind }) => kind)).toEqual(asks.map(() => 'away'))
  server.closeAllConnections()
  server.close()
})

it('refuses a list of answers that is broken, by name', () => {
  const file = join(rig.folder, 'broken.json')
  writeFileSync(file, '{"name":1}')
  expect(() => openListAnswerer(file)).toThrow(/broken\.json: \/name|broken\.json: \/version/)
})
