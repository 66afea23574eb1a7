/** The broker's figures for the metrics page, by the words of `$SYS` that Mosquitto's users know. */
import type { Figure } from '../../metrics.ts'
import type { MqttBroker } from './broker.ts'
import type { EngineCounters } from './engine.ts'
import type { SessionCounters } from './sessions/session.ts'
import type { BrokerTotals } from './totals.ts'

/** Clients shown one by one: the busiest, since a page of 20,000 would help nobody. */
const CLIENTS_SHOWN = 20

const COUNTED: Record<keyof EngineCounters, readonly [name: string, help: string]> = {
  messagesReceived: ['messages_received', 'MQTT packets from clients since start'],
  messagesSent: ['messages_sent', 'MQTT packets to clients since start'],
  publishesReceived: ['publish_messages_received', 'PUBLISH packets from clients since start'],
  publishesSent: ['publish_messages_sent', 'PUBLISH packets to clients since start'],
  publishesDropped: [
    'publish_messages_dropped',
    'Messages not delivered because a client was too slow or its queue full, since start',
  ],
  sharedDropped: [
    'shared_messages_dropped',
    'Messages for a shared subscription that no member of the group could take, since start',
  ],
  bytesReceived: ['bytes_received', 'Bytes from clients since start'],
  bytesSent: ['bytes_sent', 'Bytes to clients since start'],
  connects: ['connects', 'Clients that were let in since start'],
  refusedConnects: ['connects_refused', 'Clients that were not let in since start'],
  refusedPublishes: ['publish_messages_refused', 'Messages that were refused since start'],
  notRetained: [
    'messages_not_retained',
    'Messages given on but not retained for lack of room, since start',
  ],
}

const HELD: Record<keyof BrokerTotals, readonly [name: string, help: string]> = {
  sessions: ['clients_total', 'Sessions, connected or kept'],
  connected: ['clients_connected', 'Sessions with a connection'],
  expiredSessions: ['clients_expired', 'Sessions ended by their expiry interval since start'],
  crowdedOutSessions: [
    'clients_crowded_out',
    'Sessions ended because their device left more than mqtt.maxKeptSessions, since start',
  ],
  queuedMessages: ['queued_messages', 'QoS 1 and 2 messages not acknowledged by their receiver'],
  queuedBytes: ['queued_bytes', 'Bytes of the queued messages'],
  inflight: ['messages_inflight', 'Of the queued messages, those that were sent'],
  retainedMessages: ['retained_messages', 'Retained messages'],
  retainedBytes: ['retained_bytes', 'Bytes of the retained messages'],
  subscriptions: ['subscriptions', 'Filters, a shared group counting once'],
  sharedGroups: ['shared_subscriptions', 'Groups of shared subscriptions'],
}

const OF_CLIENT: Record<keyof SessionCounters, string> = {
  messagesReceived: 'received',
  messagesSent: 'sent',
  bytesReceived: 'bytes_received',
  bytesSent: 'bytes_sent',
  droppedSlow: 'dropped_slow_reader',
  droppedQueue: 'dropped_queue',
  refused: 'refused',
  heldBack: 'held_to_its_rate',
}

export function mqttFigures(
  broker: () => Pick<MqttBroker, 'counters' | 'totals' | 'connections'>,
): Figure[] {
  let known: BrokerTotals | undefined
  /** One count for all figures of a page: it walks over every session. */
  const totals = (): BrokerTotals => {
    if (known === undefined) {
      known = broker().totals()
      setImmediate(() => {
        known = undefined
      })
    }
    return known
  }
  const counted = keysOf(COUNTED).map((key) => {
    const [name, help] = COUNTED[key]
    const read = () => [{ value: broker().counters[key] }]
    return { name: `kefu_mqtt_${name}`, help, isCounter: true, read }
  })
  const held = keysOf(HELD).map((key) => {
    const [name, help] = HELD[key]
    return { name: `kefu_mqtt_${name}`, help, read: () => [{ value: totals()[key] }] }
  })
  return [
    ...counted,
    ...held,
    {
      name: 'kefu_mqtt_client_count',
      help: `What the ${CLIENTS_SHOWN} busiest clients have sent, received and lost in their sessions`,
      labelNames: ['client', 'what'],
      read: () => busiest(broker().connections()).flatMap(ofClient),
    },
  ]
}

type Client = ReturnType<MqttBroker['connections']>[number]

const busiest = (clients: readonly Client[]): Client[] =>
  [...clients].sort((a, b) => workOf(b) - workOf(a)).slice(0, CLIENTS_SHOWN)

const workOf = ({ counters }: Client): number =>
  counters.messagesReceived +
  counters.messagesSent +
  counters.droppedSlow +
  counters.droppedQueue +
  counters.refused

const ofClient = ({ clientId, counters }: Client) =>
  keysOf(OF_CLIENT).map((key) => ({
    labels: { client: clientId, what: OF_CLIENT[key] },
    value: counters[key],
  }))

const keysOf = <K extends string>(table: Record<K, unknown>): K[] => Object.keys(table) as K[]
