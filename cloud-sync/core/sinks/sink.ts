/**
 * Where entries go from the core: a port. The core's own SQLite is the inbox that every acknowledgement
 * rests on, and by itself the default: entries stay there. A sink is handed what is in the inbox, later.
 */
import { packr } from '../../protocol/parse.ts'

export interface SinkRecord {
  readonly gatewayId: string
  readonly epoch: string
  readonly lane: string
  readonly sequence: number
  readonly index: number
  readonly bytes: Uint8Array
  readonly disclosed: Uint8Array | null
}

export interface Sink {
  /** Names the marks in the inbox: another name begins from the start. */
  readonly name: string
  /** Records of one stream, in order. Resolves once the engine keeps them all; after a rejection all come again. */
  publish(records: readonly SinkRecord[]): Promise<void>
  /** The sequence that the engine took last of a stream, where it can say; asked where our own mark is lost. */
  lastSequence?(
    stream: Pick<SinkRecord, 'gatewayId' | 'epoch' | 'lane'>,
  ): Promise<number | undefined>
  close(): Promise<void>
}

/** The idempotency key of an entry, everywhere. */
export function messageIdOf(record: Omit<SinkRecord, 'index' | 'bytes' | 'disclosed'>): string {
  return `${record.gatewayId}/${record.epoch}/${record.lane}/${record.sequence}`
}

/** The value in every engine: one MessagePack map. */
export function encodeRecord(record: SinkRecord): Uint8Array {
  const { gatewayId, epoch, lane, sequence, index, bytes, disclosed } = record
  return packr.encode({ v: 1, gatewayId, epoch, lane, sequence, index, bytes, disclosed })
}
