import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { createLocalCarrier, type Order, type Parcel } from '@kefu-edge/cloud-sync/carrier'
import type { Delivery } from '@kefu-edge/cloud-sync/deliver'
import type { BatchHead } from '@kefu-edge/cloud-sync/push-batch'
import { createRemoteCarrier, serveOrders } from '@kefu-edge/cloud-sync/remote-carrier'
import { afterEach, describe, expect, it } from 'vitest'
import { openRig, QUICK, range, until } from './support/rig.ts'

const open: MessagePort[] = []
afterEach(() => {
  for (const port of open.splice(0)) port.close()
})

/** A carrier whose other end is in this thread, behind a message port as it would be in another. */
function across(prepare: (order: Order) => Promise<Parcel | undefined>) {
  const { port1, port2 } = new MessageChannel()
  open.push(port1, port2)
  serveOrders(port2, prepare)
  return createRemoteCarrier(port1, (order) => order)
}

const batchOf = (lane: string): BatchHead => ({
  lane,
  epoch: 'one',
  count: 3,
  firstSequence: 1,
  lastSequence: 3,
  bytes: 30,
  isBacklog: true,
})
const orderOf = (lane: string): Order => ({
  lane,
  after: 0,
  size: { entries: 10, bytes: 1000 },
  mark: { epoch: 'one', sequence: 0 },
})
const STORED: Delivery = { kind: 'stored', acknowledged: 3, refused: [], isUnchecked: false }
const limits = () => ({ stallTimeoutMs: 1000, signal: new AbortController().signal })

describe('a carrier on another thread', () => {
  it('brings a backlog to the core as one in this thread would', async () => {
    const rig = await openRig()
    const link = rig.linkTo(rig.core.url)
    let carried = 0
    const local = createLocalCarrier({ source: rig.source, link })
    const carrier = across((order) => {
      carried += 1
      return local.prepare(order)
    })
    rig.source.append('audit', 5000)
    const pusher = rig.pusher(link, { ...QUICK, maxBatchEntries: 500 }, carrier)
    pusher.start()
    await until('the lane is empty', () => rig.source.count('audit').pending === 0)
    expect(await rig.stored('audit')).toEqual(range(1, 5000))
    expect(carried).toBeGreaterThan(3)
    await rig.close()
  })

  it('is never given critical entries, however many of them wait', async () => {
    const rig = await openRig()
    const link = rig.linkTo(rig.core.url)
    const lanes: string[] = []
    const local = createLocalCarrier({ source: rig.source, link })
    const carrier = across((order) => {
      lanes.push(order.lane)
      return local.prepare(order)
    })
    rig.source.append('critical', 300)
    rig.source.append('audit', 300)
    const pusher = rig.pusher(link, { ...QUICK, maxBatchEntries: 50 }, carrier)
    pusher.start()
    await until('both lanes are empty', () =>
      ['critical', 'audit'].every((lane) => rig.source.count(lane).pending === 0),
    )
    expect(await rig.stored('critical')).toEqual(range(1, 300))
    expect(new Set(lanes)).toEqual(new Set(['audit']))
    await rig.close()
  })

  it('says what became of a parcel, and that a lane is empty', async () => {
    const carrier = across(async ({ lane }) =>
      lane === 'empty' ? undefined : { batch: batchOf(lane), send: async () => STORED },
    )
    expect(await carrier.prepare(orderOf('empty'))).toBeUndefined()
    const parcel = await carrier.prepare(orderOf('audit'))
    expect(parcel?.batch).toEqual(batchOf('audit'))
    expect(await parcel?.send(limits())).toEqual(STORED)
  })

  it('rejects with what the other thread could not read, and goes on', async () => {
    let isBroken = true
    const carrier = across(async ({ lane }) => {
      if (isBroken) throw new Error('disk I/O error')
      return { batch: batchOf(lane), send: async () => STORED }
    })
    await expect(carrier.prepare(orderOf('audit'))).rejects.toThrow('disk I/O error')
    isBroken = false
    expect(await carrier.prepare(orderOf('audit'))).toBeDefined()
  })

  it('keeps one unsent parcel a lane: the next order drops it', async () => {
    const carrier = across(async ({ lane }) => ({
      batch: batchOf(lane),
      send: async () => STORED,
    }))
    const dropped = await carrier.prepare(orderOf('audit'))
    const other = await carrier.prepare(orderOf('session'))
    const kept = await carrier.prepare(orderOf('audit'))
    await expect(dropped?.send(limits())).rejects.toThrow('no such parcel')
    expect(await other?.send(limits())).toEqual(STORED)
    expect(await kept?.send(limits())).toEqual(STORED)
  })

  it('takes back a request in hand when it is told to', async () => {
    const aborted: Delivery = { kind: 'no-answer', failure: 'aborted', detail: 'aborted' }
    const carrier = across(async ({ lane }) => ({
      batch: batchOf(lane),
      send: ({ signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(aborted))),
    }))
    const parcel = await carrier.prepare(orderOf('audit'))
    const stop = new AbortController()
    const sent = parcel?.send({ stallTimeoutMs: 1000, signal: stop.signal })
    stop.abort()
    expect(await sent).toEqual(aborted)
  })

  it('leaves nobody waiting when the thread dies', async () => {
    const carrier = across(() => new Promise(() => {}))
    const waiting = carrier.prepare(orderOf('audit'))
    carrier.fail(new Error('the thread ended'))
    await expect(waiting).rejects.toThrow('the thread ended')
    await expect(carrier.prepare(orderOf('audit'))).rejects.toThrow('the thread ended')
  })
})
