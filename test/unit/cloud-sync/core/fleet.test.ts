/** A fleet larger than one page: nothing ends without saying so, and what needs somebody comes first. */
import { generateKeyPairSync } from 'node:crypto'
import { type CloudCore, startCloudCore } from '@kefu-edge/cloud-sync/core/server'
import { openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import { afterEach, expect, it } from 'vitest'
import { tempFolder } from '../../../support/temp-folder.ts'
import { receiverOf } from '../support/core-store.ts'
import { range, readAsOperator } from '../support/rig.ts'

const HOUR_MS = 3_600_000
const GATEWAYS = 1200
const idOf = (no: number) => `gw-${String(no).padStart(4, '0')}`

let core: CloudCore | undefined
afterEach(async () => {
  await core?.close()
  core = undefined
})

/** The last hundred have been silent for an hour, the last of all but one is blocked, the last is in doubt. */
async function largeFleet(): Promise<CloudCore> {
  const dataDir = tempFolder()
  const store = openCoreStore(dataDir)
  const now = Date.now()
  const add = store.prepare(
    `INSERT INTO gateway (no, id, public_key, enrolled_at, seen_at, blocked_at) VALUES (?, ?, x'00', 1, ?, ?)`,
  )
  await store.commit(() => {
    for (let no = 1; no <= GATEWAYS; no++) {
      const seenAt = no > GATEWAYS - 100 ? now - HOUR_MS : now
      add.run(no, idOf(no), seenAt, no === GATEWAYS - 1 ? now : null)
    }
    const addHead = store.prepare(
      `INSERT INTO log_head (gateway_no, origin, size, root, note, at, broken_reason)
       VALUES (?, 'edge/' || ?, 5, x'00', '', ?, ?)`,
    )
    addHead.run(GATEWAYS, 'e1', 2, 'cut')
    addHead.run(GATEWAYS, 'e2', 1, null)
    addHead.run(1, 'e', 3, null)
    const addSession = store.prepare('INSERT INTO session VALUES (1, ?, 1, ?, 1)')
    for (let n = 1; n <= 1200; n++) addSession.run(`s/${n}`, Math.ceil(n / 2))
  })
  await store.close()
  core = await startCloudCore({ dataDir, port: 0, isInsecureHttp: true })
  return core
}

it('shows those in doubt and those away before the others, and how many it does not show', async () => {
  const { url, operatorToken } = await largeFleet()
  const headers = { authorization: `Bearer ${operatorToken}` }
  const page = await (await fetch(url, { headers })).text()
  const shown = [...page.matchAll(/<td rowspan="1">(gw-\d+)<\/td>/g)].map(([, id]) => id)
  expect(shown).toHaveLength(1000)
  expect(shown[0]).toBe(idOf(GATEWAYS))
  expect(shown.slice(1, 99)).toEqual(Array.from({ length: 98 }, (_, n) => idOf(1101 + n)))
  expect(shown[99]).toBe(idOf(1))
  expect(page).toContain('Gateways that have enrolled here: 1200')
  expect(page).toContain('200 more are not listed here')
})

it('is listed whole, page by page, with how many there are', async () => {
  const large = await largeFleet()
  interface Listed {
    readonly gateways: readonly { readonly id: string }[]
    readonly total: number
    readonly next: string | null
  }
  const list = (query: string) => readAsOperator(large, `/v1/gateways${query}`) as Promise<Listed>
  expect(await list('')).toMatchObject({ total: GATEWAYS, next: idOf(1000), sink: null })
  const ids: string[] = []
  for (let after: string | null = ''; after !== null; ) {
    const { gateways, next }: Listed = await list(`?limit=600&after=${after}`)
    ids.push(...gateways.map(({ id }) => id))
    after = next
  }
  expect(ids).toEqual(Array.from({ length: GATEWAYS }, (_, n) => idOf(n + 1)))
})

it('has its tree heads listed whole too, for whoever compares them', async () => {
  const large = await largeFleet()
  const list = (query: string) => readAsOperator(large, `/v1/checkpoints?limit=2${query}`)
  const last = { gatewayId: idOf(GATEWAYS), origin: 'edge/e1' }
  expect(await list('')).toMatchObject({
    troubled: [last],
    troubledTotal: 1,
    heads: [{ gatewayId: idOf(1) }, last],
    total: 3,
    next: `${idOf(GATEWAYS)}/edge/e1`,
  })
  const rest = await list(`&after=${idOf(GATEWAYS)}/edge/e1`)
  expect(rest).toMatchObject({ heads: [{ ...last, origin: 'edge/e2' }], next: null })
})

it('has the sessions of a gateway listed whole, however many', async () => {
  const large = await largeFleet()
  const path = `/v1/gateways/${idOf(1)}/sessions`
  interface Listed {
    readonly sessions: readonly { readonly id: string }[]
    readonly total: number
    readonly next: string
  }
  const first = (await readAsOperator(large, path)) as Listed
  expect(first).toMatchObject({ total: 1200, next: '101/s/201' })
  const rest = (await readAsOperator(large, `${path}?after=${first.next}`)) as Listed
  expect(rest.next).toBeNull()
  expect(new Set([...first.sessions, ...rest.sessions].map(({ id }) => id)).size).toBe(1200)
  await expect(readAsOperator(large, `${path}?after=s-7`)).rejects.toThrow('request.invalid')
})

/** A gateway whose record goes on over two restores, in one session; its sequences were given out again. */
async function restoredTwice(): Promise<CloudCore> {
  const dataDir = tempFolder()
  const store = openCoreStore(dataDir)
  const { publicKey } = generateKeyPairSync('ed25519')
  await store.commit(() => {
    store
      .prepare("INSERT INTO gateway (no, id, enrolled_at, seen_at) VALUES (1, 'gw-1', 1, 1)")
      .run()
  })
  const { receiver } = receiverOf(store)
  const gateway = { no: 1, id: 'gw-1', publicKey, ledgerKey: undefined }
  for (const [epoch, from, to] of [
    ['one', 1, 5],
    ['two', 3, 7],
    ['three', 8, 9],
  ] as const) {
    const entries = range(from, to).map((n): [number, number, Uint8Array, null] => {
      const head = { v: 1, lane: 'session', seq: n, kind: 'turn', at: n, body: { session: 's', n } }
      return [n, n, packr.encode(head), null]
    })
    await receiver.receive(gateway, { v: 1, epoch, lane: 'session', after: 0, nonce: 'n', entries })
  }
  store.close()
  core = await startCloudCore({ dataDir, port: 0, isInsecureHttp: true })
  return core
}

it('has entries and turns listed whole, over all epochs of a record', async () => {
  const restored = await restoredTwice()
  const all = ['one', 'two', 'three'].flatMap((epoch, n) =>
    range([1, 3, 8][n] ?? 0, [5, 7, 9][n] ?? 0).map((sequence) => `${epoch}/${sequence}`),
  )
  interface Listed extends Record<string, unknown> {
    readonly next: string | null
  }
  for (const [what, query] of [
    ['entries', '?lane=session&limit=3'],
    ['sessions/s', '?limit=3'],
  ] as const) {
    const listed: string[] = []
    for (let after: string | null = ''; after !== null; ) {
      const path = `/v1/gateways/gw-1/${what}${query}&after=${encodeURIComponent(after)}`
      const page = (await readAsOperator(restored, path)) as Listed
      const rows = (page.entries ?? page.turns) as { epoch: string; sequence: number }[]
      expect(rows.length).toBeLessThanOrEqual(3)
      listed.push(...rows.map(({ epoch, sequence }) => `${epoch}/${sequence}`))
      after = page.next
    }
    expect(listed).toEqual(all)
    const elsewhere = `/v1/gateways/gw-1/${what}${query}&after=none/session/1`
    await expect(readAsOperator(restored, elsewhere)).rejects.toThrow('request.invalid')
  }
  const one = '/v1/gateways/gw-1/entries?lane=session&epoch=two&after=two/5'
  expect(await readAsOperator(restored, one)).toMatchObject({
    entries: [{ sequence: 6 }, { sequence: 7 }],
    next: null,
  })
})
