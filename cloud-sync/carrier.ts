/**
 * A carrier brings batches of a lane to the core: it reads, packs and sends them. What a batch is for
 * and what its delivery means is decided elsewhere (push-lane); so the work may be done on another
 * thread (remote-carrier), and the one that answers never touches the bytes of a backlog.
 */
import { randomBytes } from 'node:crypto'
import { type Delivery, deliver, type SendLimits } from './deliver.ts'
import type { Manners } from './manners.ts'
import type { LedgerSource, Link } from './ports.ts'
import { type BatchHead, encodeBatch, headOf, readBatch } from './push-batch.ts'

export interface Order {
  readonly lane: string
  /** Entries after this sequence; what is settled is left out anyway. */
  readonly after: number
  readonly size: { readonly entries: number; readonly bytes: number }
  /** The core's mark as last heard, and of which epoch. */
  readonly mark: { readonly epoch: string; readonly sequence: number }
}

export interface Parcel {
  readonly batch: BatchHead
  /** Sends it; at most once. Never rejects for what a network or a core does. */
  send(limits: SendLimits): Promise<Delivery>
}

export interface Carrier {
  /** Undefined when the lane has nothing after `after`. Rejects with what the source throws. */
  prepare(order: Order): Promise<Parcel | undefined>
}

/** Works in this thread, in slices. */
export function createLocalCarrier(parts: {
  readonly source: Pick<LedgerSource, 'gatewayId' | 'readLane'>
  readonly link: Link
  readonly manners?: Manners
}): Carrier {
  const { source, link, manners } = parts
  return {
    async prepare({ lane, after, size, mark }) {
      const batch = await readBatch(source, lane, after, size, manners)
      if (!batch) return undefined
      const isOfMark = batch.epoch === mark.epoch || after > 0
      const believed = isOfMark ? Math.max(mark.sequence, after) : 0
      const nonce = randomBytes(12).toString('base64url')
      const encoded = encodeBatch(batch, believed, nonce, manners)
      // A batch that is dropped unsent must not count as an unhandled failure.
      encoded.catch(() => {})
      const head = headOf(batch)
      return {
        batch: head,
        send: async (limits) => deliver(link, source.gatewayId, head, await encoded, nonce, limits),
      }
    },
  }
}
