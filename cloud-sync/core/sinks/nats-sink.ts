/**
 * NATS JetStream: one subject a gateway and lane, message id = idempotency key.
 *
 * JetStream drops an id that it saw within the duplicate window; beyond that window a reader knows what
 * comes again by its Nats-Msg-Id. Needs @nats-io/transport-node and @nats-io/jetstream beside this package.
 */
import { decodeView } from '../../protocol/entry.ts'
import { openWhenThere } from './open-when-there.ts'
import { encodeRecord, messageIdOf, type Sink, type SinkRecord } from './sink.ts'

/** Covers a relay that hangs on a slow engine; memory is about 100 bytes an id. */
const DUPLICATE_WINDOW_MS = 600_000
const NS_PER_MS = 1_000_000
/** A cluster that elects a leader is silent for seconds; the relay tries again anyway. */
const ACK_TIMEOUT_MS = 5000
/** JetStream API error: no message found. */
const NO_MESSAGE_FOUND = 10037

export interface NatsSinkOptions {
  /** Such as nats://127.0.0.1:4222 */
  readonly servers: string
  /** Made when it is not there; default KEFU. */
  readonly stream?: string
  /** First tokens of the subjects; default kefu.entries. */
  readonly subject?: string
  /** How long JetStream may take to say that it has a record; default 5 s. */
  readonly ackTimeoutMs?: number
  /** Copies in a cluster; default 1. */
  readonly replicas?: number
}

const STREAM = 'KEFU'
const nameOf = ({ stream = STREAM }: NatsSinkOptions): string => `nats:${stream}`

/** The same for a server that may come later. Rejects when the packages are not installed. */
export async function natsSink(options: NatsSinkOptions): Promise<Sink> {
  await Promise.all([import('@nats-io/transport-node'), import('@nats-io/jetstream')])
  return openWhenThere(nameOf(options), () => openNatsSink(options))
}

/** Connects and makes the stream. Rejects when the server is not there. */
export async function openNatsSink(options: NatsSinkOptions): Promise<Sink> {
  const { connect } = await import('@nats-io/transport-node')
  const { jetstream, jetstreamManager, StorageType } = await import('@nats-io/jetstream')
  const { servers, stream = STREAM, subject = 'kefu.entries', replicas = 1 } = options
  const timeout = options.ackTimeoutMs ?? ACK_TIMEOUT_MS
  const connection = await connect({ servers, maxReconnectAttempts: -1 })
  const manager = await jetstreamManager(connection)
  const config = {
    subjects: [`${subject}.>`],
    storage: StorageType.File,
    num_replicas: replicas,
    duplicate_window: DUPLICATE_WINDOW_MS * NS_PER_MS,
  }
  try {
    await manager.streams.add({ name: stream, ...config })
  } catch {
    // It is there with other settings: those are the operator's.
    await manager.streams.info(stream)
  }
  const js = jetstream(connection)
  const subjectOf = ({ gatewayId, lane }: Pick<SinkRecord, 'gatewayId' | 'lane'>) =>
    `${subject}.${gatewayId.replaceAll('.', '~')}.${lane}`

  return {
    name: nameOf(options),
    async publish(records) {
      // One connection keeps the order of what is in flight on it; the word on all of it is awaited, so that
      // nothing of a batch is under way when it comes again.
      const said = await Promise.allSettled(
        records.map((record) =>
          js.publish(subjectOf(record), encodeRecord(record), {
            msgID: messageIdOf(record),
            timeout,
          }),
        ),
      )
      const refusal = said.find((one) => one.status === 'rejected')
      if (refusal) throw refusal.reason
    },
    async lastSequence(of) {
      try {
        const message = await manager.streams.getMessage(stream, { last_by_subj: subjectOf(of) })
        const last = message ? decodeView(message.data) : undefined
        const isSame = last?.epoch === of.epoch && typeof last.sequence === 'number'
        return isSame ? Number(last.sequence) : undefined
      } catch (error) {
        if ((error as { code?: unknown }).code === NO_MESSAGE_FOUND) return undefined
        throw error
      }
    },
    close: () => connection.drain(),
  }
}
