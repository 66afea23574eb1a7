import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  type Link,
  type LinkRequest,
  type LinkResult,
  silentLogger,
  systemClock,
} from '@kefu-edge/cloud-sync/ports'
import { PushBatch } from '@kefu-edge/cloud-sync/protocol/messages'
import { parseMsgpack } from '@kefu-edge/cloud-sync/protocol/parse'
import { createLedgerPusher, type LedgerPusher } from '@kefu-edge/cloud-sync/push-ledger'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tempFolder } from '../../support/temp-folder.ts'
import { range, until } from './support/rig.ts'
import { LANES, openSource, type TestSource } from './support/sqlite-source.ts'

let folder: string
let source: TestSource
let pusher: LedgerPusher | undefined
beforeEach(() => {
  folder = tempFolder()
  source = openSource(join(folder, 'gateway.db'), { synchronous: 'OFF' })
})
afterEach(async () => {
  await pusher?.close()
  source.close()
})

type Respond = (sequences: number[], lane: string) => { status: number; code?: string } | undefined

/** A core that echoes and stores, but for what `respond` says. */
function coreThat(respond: Respond) {
  const stored: number[] = []
  const lanes: string[] = []
  let attempts = 0
  const answer = (status: number, body: unknown): LinkResult => ({
    kind: 'answer',
    status,
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  })
  const link: Link = {
    async request(request: LinkRequest) {
      const body = Buffer.from(request.body ?? [])
      if (request.path.endsWith('/echo')) {
        const { nonce } = JSON.parse(body.toString()) as { nonce: string }
        return answer(200, { nonce, atMs: 1 })
      }
      const bytes = request.contentEncoding === 'gzip' ? gunzipSync(body) : body
      const parsed = parseMsgpack(PushBatch, bytes)
      if (!parsed.ok) throw new Error(parsed.detail)
      const batch = parsed.value
      const sequences = batch.entries.map(([sequence]) => sequence)
      attempts += 1
      const bad = respond(sequences, batch.lane)
      if (bad) return answer(bad.status, bad.code ? { code: bad.code } : '<html>proxy</html>')
      stored.push(...sequences)
      lanes.push(batch.lane)
      return answer(200, {
        acknowledged: sequences[sequences.length - 1],
        stored: sequences.length,
        duplicates: 0,
        refused: [],
        nonce: batch.nonce,
      })
    },
    close: () => {},
  }
  return { link, stored, lanes, attempts: () => attempts }
}

function start(
  link: Link,
  { random = Math.random, backoff = { baseMs: 1, capMs: 3 } } = {},
): LedgerPusher {
  pusher = createLedgerPusher({
    source,
    lanes: LANES,
    link,
    clock: systemClock,
    random,
    logger: silentLogger,
    limits: { pollMs: 5, lingerMs: 1, echoEveryMs: 10_000, backoff },
  })
  pusher.start()
  return pusher
}

describe('an entry that the core cannot take', () => {
  it.each([
    ['breaks at', { status: 500, code: 'core.failed' }],
    ['refuses', { status: 422, code: 'request.invalid' }],
  ])('is found among a hundred and quarantined alone, when the core %s it', async (_how, bad) => {
    const core = coreThat((sequences) => (sequences.includes(57) ? bad : undefined))
    const one = start(core.link)
    await until('the core echoes', () => one.status().state === 'connected')
    source.append('audit', 100)
    await until('the lane is empty', () => source.count('audit').pending === 0)
    expect(source.settled('audit').quarantined).toEqual([{ sequence: 57, reason: bad.code }])
    expect(core.stored).toEqual(range(1, 100).filter((sequence) => sequence !== 57))
  })
})

it('holds no critical entry, however long its own lane waits for it', async () => {
  const core = coreThat((_, lane) =>
    lane === 'session' ? { status: 500, code: 'core.failed' } : undefined,
  )
  const hour = 3_600_000
  const one = start(core.link, { random: () => 1, backoff: { baseMs: hour, capMs: hour } })
  await until('the core echoes', () => one.status().state === 'connected')
  source.append('session', 1)
  await until('the core failed at it', () => core.attempts() === 1)
  source.append('critical', 1)
  source.append('audit', 1)
  await until('the others are there', () => core.lanes.length === 2)
  expect(core.lanes.sort()).toEqual(['audit', 'critical'])
  expect(source.count('session')).toMatchObject({ pending: 1, quarantined: 0 })
})

describe('a proxy that refuses requests above its size', () => {
  const hour = 3_600_000
  const never = { random: () => 1, backoff: { baseMs: hour, capMs: hour } }

  it.each([
    ['in a page', undefined],
    ['in JSON of its own', 'ENTITY_TOO_LARGE'],
  ])('gets smaller ones at once, and what must not wait does not: said %s', async (_how, says) => {
    const tooLarge = { status: 413, ...(says ? { code: says } : {}) }
    const core = coreThat((sequences) => (sequences.length > 8 ? tooLarge : undefined))
    const one = start(core.link, never)
    await until('the core echoes', () => one.status().state === 'connected')
    source.append('audit', 100)
    await until('a request was refused', () => core.attempts() > 0)
    source.append('critical', 1)
    await until('all is there', () => core.stored.length === 101)
    // Smaller ones, and not every second one in vain: 100 → 50 → 25 → 12 → 6, then 17 requests.
    expect(core.attempts()).toBeLessThan(30)
    expect(source.count('audit')).toMatchObject({ pending: 0, quarantined: 0 })
    expect(one.status().state).toBe('connected')
  })

  it('holds only the lane of an entry that it will not take alone, and says so', async () => {
    const core = coreThat((sequences, lane) =>
      lane === 'audit' && sequences.includes(3) ? { status: 413 } : undefined,
    )
    const one = start(core.link, never)
    await until('the core echoes', () => one.status().state === 'connected')
    source.append('audit', 4)
    await until('it is said', () => one.status().lastError?.code === 'proxy.too-large')
    expect(one.status().lastError?.detail).toContain('client_max_body_size')
    source.append('critical', 1)
    await until('the other lanes go on', () => core.lanes.includes('critical'))
    expect(source.count('audit')).toMatchObject({ pending: 2, quarantined: 0, delivered: 2 })
  })
})

describe('a fault that is not the entries’', () => {
  it.each([
    ['a core of another version refuses all', { status: 422, code: 'request.invalid' }],
    ['a core breaks at everything', { status: 500, code: 'core.failed' }],
  ])('does not empty a lane into quarantine: %s', async (_what, bad) => {
    let isWell = false
    const core = coreThat(() => (isWell ? undefined : bad))
    const one = start(core.link)
    await until('the core echoes', () => one.status().state === 'connected')
    source.append('audit', 50)
    await until('it was tried often', () => core.attempts() > 120)
    expect(source.count('audit').quarantined).toBeLessThanOrEqual(3)
    isWell = true
    await until('the lane is empty', () => source.count('audit').pending === 0)
    expect(source.count('audit').delivered).toBeGreaterThanOrEqual(47)
  })

  it.each([
    ['a proxy on the way refuses large requests', { status: 413 }],
    ['a captive portal answers', { status: 200, code: 'x' }],
    ['the disk of the core is full', { status: 503, code: 'core.storage' }],
    ['the key is wrong', { status: 401, code: 'gateway.signature' }],
  ])('quarantines nothing: %s', async (_what, bad) => {
    let isWell = false
    const core = coreThat(() => (isWell ? undefined : bad))
    start(core.link)
    source.append('audit', 50)
    await until('it was tried often', () => core.attempts() > 60)
    expect(source.count('audit')).toMatchObject({ pending: 50, quarantined: 0, delivered: 0 })
    isWell = true
    await until('the lane is empty', () => source.count('audit').pending === 0)
    expect(core.stored).toEqual(range(1, 50))
  })
})
