/**
 * Both ends of a carrier on another thread. Orders go there and what became of them comes back; entries
 * never cross, so neither their copies nor the garbage they leave concern the thread that answers.
 */
import type { Carrier, Order, Parcel } from './carrier.ts'
import type { Delivery } from './deliver.ts'
import type { BatchHead } from './push-batch.ts'

type ToWorker<O> =
  | { readonly kind: 'prepare'; readonly id: number; readonly order: O }
  | { readonly kind: 'send'; readonly id: number; readonly stallTimeoutMs: number }
  | { readonly kind: 'abort'; readonly id: number }

type FromWorker =
  | { readonly kind: 'prepared'; readonly id: number; readonly batch: BatchHead | undefined }
  | { readonly kind: 'delivered'; readonly id: number; readonly delivery: Delivery }
  | { readonly kind: 'failed'; readonly id: number; readonly detail: string }

/** A `MessagePort`, or a `Worker` seen from outside. */
interface Port {
  on(event: 'message', listener: (message: unknown) => void): unknown
  postMessage(message: unknown): void
}

const ABORTED: Delivery = { kind: 'no-answer', failure: 'aborted', detail: 'aborted' }

export interface RemoteCarrier extends Carrier {
  /** The thread is gone: whoever waits for it is told so. */
  fail(error: Error): void
}

/** `ordered` adds what the other thread must know besides (how far the ledger is on disk). */
export function createRemoteCarrier<O extends Order>(
  port: Port,
  ordered: (order: Order) => O,
): RemoteCarrier {
  const waiting = new Map<number, { resolve(said: FromWorker): void; reject(e: Error): void }>()
  let lastId = 0
  let failure: Error | undefined

  port.on('message', (message) => {
    const said = message as FromWorker
    const waiter = waiting.get(said.id)
    waiting.delete(said.id)
    if (said.kind === 'failed') waiter?.reject(new Error(said.detail))
    else waiter?.resolve(said)
  })

  function call(message: ToWorker<O>): Promise<FromWorker> {
    if (failure) return Promise.reject(failure)
    return new Promise((resolve, reject) => {
      waiting.set(message.id, { resolve, reject })
      port.postMessage(message)
    })
  }

  function parcelOf(id: number, batch: BatchHead): Parcel {
    return {
      batch,
      async send({ stallTimeoutMs, signal }) {
        if (signal.aborted) return ABORTED
        const onAbort = () => port.postMessage({ kind: 'abort', id } satisfies ToWorker<O>)
        signal.addEventListener('abort', onAbort, { once: true })
        try {
          const said = await call({ kind: 'send', id, stallTimeoutMs })
          if (said.kind !== 'delivered') throw new Error(`the carrier said ${said.kind}`)
          return said.delivery
        } finally {
          signal.removeEventListener('abort', onAbort)
        }
      },
    }
  }

  return {
    async prepare(order) {
      lastId += 1
      const id = lastId
      const said = await call({ kind: 'prepare', id, order: ordered(order) })
      return said.kind === 'prepared' && said.batch ? parcelOf(id, said.batch) : undefined
    },
    fail(error) {
      failure = error
      for (const waiter of waiting.values()) waiter.reject(error)
      waiting.clear()
    },
  }
}

/** The other thread's end. A lane has one parcel unsent at most: the next order drops the one before. */
export function serveOrders<O extends Order>(
  port: Port,
  prepare: (order: O) => Promise<Parcel | undefined>,
): void {
  const unsent = new Map<string, { readonly id: number; readonly parcel: Parcel }>()
  const sending = new Map<number, AbortController>()
  const say = (said: FromWorker) => port.postMessage(said)

  async function make(id: number, order: O): Promise<void> {
    unsent.delete(order.lane)
    const parcel = await prepare(order)
    if (parcel) unsent.set(order.lane, { id, parcel })
    say({ kind: 'prepared', id, batch: parcel?.batch })
  }

  async function send(id: number, stallTimeoutMs: number): Promise<void> {
    const found = [...unsent].find(([, one]) => one.id === id)
    if (!found) throw new Error('no such parcel')
    const [lane, { parcel }] = found
    unsent.delete(lane)
    const abort = new AbortController()
    sending.set(id, abort)
    try {
      const delivery = await parcel.send({ stallTimeoutMs, signal: abort.signal })
      say({ kind: 'delivered', id, delivery })
    } finally {
      sending.delete(id)
    }
  }

  port.on('message', (received) => {
    const message = received as ToWorker<O>
    const { id } = message
    const failed = (error: unknown) => say({ kind: 'failed', id, detail: String(error) })
    if (message.kind === 'prepare') make(id, message.order).catch(failed)
    else if (message.kind === 'send') send(id, message.stallTimeoutMs).catch(failed)
    else sending.get(id)?.abort()
  })
}
