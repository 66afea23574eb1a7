/**
 * Kafka: key = gateway id, so that a gateway's records stay in order within one partition.
 *
 * What is shown by test: the plain producer with acks=all against librdkafka's mock broker. NOT shown:
 * the idempotent producer, a real cluster, a change of leader. So delivery is at least once: after a lost
 * answer a record may be there twice, and readers drop it by the header `kefu-message-id`, whose sequences
 * only rise within gateway, epoch and lane. Needs kafkajs beside this package.
 */
import { openWhenThere } from './open-when-there.ts'
import { encodeRecord, messageIdOf, type Sink } from './sink.ts'

export interface KafkaSinkOptions {
  readonly brokers: readonly string[]
  /** Default kefu-entries; made by the operator, with as many partitions as DESIGN.md computes. */
  readonly topic?: string
  readonly clientId?: string
}

/** Every in-sync copy has it. */
const ACKS_ALL = -1
/** The relay tries again by itself, in order; a producer that retried inside would hide for how long. */
const RETRIES = 2

const TOPIC = 'kefu-entries'
const nameOf = ({ topic = TOPIC }: KafkaSinkOptions): string => `kafka:${topic}`

/** The same for brokers that may come later. Rejects when the package is not installed. */
export async function kafkaSink(options: KafkaSinkOptions): Promise<Sink> {
  await import('kafkajs')
  return openWhenThere(nameOf(options), () => openKafkaSink(options))
}

/** Rejects when no broker is there. */
export async function openKafkaSink(options: KafkaSinkOptions): Promise<Sink> {
  const { default: kafkajs } = await import('kafkajs')
  const { brokers, topic = TOPIC, clientId = 'kefu-edge-core' } = options
  const kafka = new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: RETRIES },
  })
  const producer = kafka.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    // One request at a time, or a retry could overtake.
    maxInFlightRequests: 1,
  })
  await producer.connect()

  return {
    name: nameOf(options),
    async publish(records) {
      await producer.send({
        topic,
        acks: ACKS_ALL,
        messages: records.map((record) => ({
          key: record.gatewayId,
          value: Buffer.from(encodeRecord(record)),
          headers: { 'kefu-message-id': messageIdOf(record), 'kefu-lane': record.lane },
        })),
      })
    },
    close: () => producer.disconnect(),
  }
}
