/** Options of the MQTT broker: its ports, and what one client may take of it. */
import { type Static, Type } from '@sinclair/typebox'
import { BYTES_OF_RETAINED, DEFAULT_LIMITS, type MqttLimits } from '../channels/mqtt/limits.ts'
import { type DeepReadonly, group, Port } from './option-types.ts'

const HOUR_SECONDS = 3600
const HOUR_MS = 1000 * HOUR_SECONDS

export const MqttOptions = Type.Object(
  {
    host: Type.String({
      default: '127.0.0.1',
      description: 'Address of the plain MQTT port (IT)',
    }),
    port: Port('MQTT over TCP; 0 takes any free port (IT)', 1883),
    tlsPort: Port('MQTT over TLS, used when tls is set (IT)', 8883),
    allowAnonymous: Type.Boolean({
      default: false,
      description:
        'Clients without credentials may connect; for conformance suites only (device makers)',
    }),
    serverKeepAliveSeconds: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      default: DEFAULT_LIMITS.maxKeepAliveSeconds,
      description:
        'Longest keep alive a client may ask for; 0 leaves the choice to the client (device makers)',
    }),
    receiveMaximum: Type.Integer({
      minimum: 1,
      maximum: 65_535,
      default: DEFAULT_LIMITS.receiveMaximum,
      description: 'QoS 1 and 2 messages a client may have unacknowledged (device makers)',
    }),
    topicAliasMaximum: Type.Integer({
      minimum: 0,
      maximum: 1000,
      default: DEFAULT_LIMITS.topicAliasMaximum,
      description: 'Topic aliases a client may set (device makers)',
    }),
    maxPacketBytes: Type.Integer({
      minimum: 1024,
      maximum: 268_435_455,
      default: DEFAULT_LIMITS.maxPacketBytes,
      description: 'Largest packet read from a device (device makers)',
    }),
    connectsPerSecond: Type.Integer({
      minimum: 0,
      default: DEFAULT_LIMITS.maxConnectsPerSecond,
      description:
        'New connections per second over all clients, TLS handshakes counted as they begin; 0 sets no limit (IT)',
    }),
    messagesPerSecond: Type.Integer({
      minimum: 0,
      default: DEFAULT_LIMITS.maxMessagesPerSecond,
      description:
        'Messages per second and device before its socket is paused, or a WebSocket’s are refused; 0 sets no limit (IT, for a backend that sends for many)',
    }),
    bytesPerSecond: Type.Integer({
      minimum: 0,
      default: DEFAULT_LIMITS.maxBytesPerSecond,
      description:
        'Bytes per second and device before its socket is paused, or a WebSocket’s are refused; 0 sets no limit (IT, on a thin network)',
    }),
    floodShare: Type.Number({
      minimum: 0.01,
      maximum: 1,
      default: DEFAULT_LIMITS.floodShare,
      description:
        'What a device keeps of these two rates while it stays over them for more than a second; 1 leaves it all (IT, where a backend sends in bulk)',
    }),
    maxConnections: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: DEFAULT_LIMITS.maxConnections,
      description: 'Clients connected at once; the next is told that the box is busy (IT)',
    }),
    maxConnectionsPerDevice: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: DEFAULT_LIMITS.maxConnectionsPerDevice,
      description:
        'Clients connected at once with the credentials of one device, as ID and ID:name; the next is refused, 0x97 (IT, where one program has many connections)',
    }),
    maxSubscriptions: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: DEFAULT_LIMITS.maxSubscriptionsPerClient,
      description: 'Subscriptions of one client (IT, for dashboards that watch many devices)',
    }),
    maxQueuedMessages: Type.Integer({
      minimum: 1,
      maximum: 10_000_000,
      default: DEFAULT_LIMITS.maxQueuedMessages,
      description: 'QoS 1 and 2 messages kept for one client that is away (IT)',
    }),
    maxQueuedBytes: Type.Integer({
      minimum: 65_536,
      default: DEFAULT_LIMITS.maxQueuedBytes,
      description: 'Bytes of messages kept for one client that is away (IT, on a small disk)',
    }),
    maxTotalQueuedBytes: Type.Integer({
      minimum: 1_048_576,
      default: DEFAULT_LIMITS.maxTotalQueuedBytes,
      description:
        'Bytes of messages kept for all clients together; above it each has 256 KB (IT, on a small disk)',
    }),
    maxQueuedHours: Type.Integer({
      minimum: 0,
      maximum: 87_600,
      default: DEFAULT_LIMITS.maxQueuedAgeMs / HOUR_MS,
      description: 'Age at which a message that waits for its client is dropped; 0: never (nurses)',
    }),
    queueOverflow: Type.Union(
      [Type.Literal('drop-oldest'), Type.Literal('drop-newest'), Type.Literal('refuse')],
      {
        default: DEFAULT_LIMITS.queueOverflow,
        description:
          'What gives way when the queue of a client is full: its oldest message, the new one, or the publisher, who is told 0x97 (IT)',
      },
    ),
    maxSessionHours: Type.Integer({
      minimum: 1,
      maximum: 87_600,
      default: DEFAULT_LIMITS.maxSessionExpirySeconds / HOUR_SECONDS,
      description: 'How long a session is kept for a client that is away (IT)',
    }),
    maxKeptSessions: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: DEFAULT_LIMITS.maxKeptSessions,
      description:
        'Sessions kept for one device that is away, under its client ids ID and ID:name; with one more its oldest ends (device makers)',
    }),
    maxTopicBytes: Type.Integer({
      minimum: 64,
      maximum: 65_535,
      default: DEFAULT_LIMITS.maxTopicBytes,
      description: 'Longest topic or filter of a client (device makers)',
    }),
    maxRetained: Type.Integer({
      minimum: 1,
      maximum: 10_000_000,
      default: DEFAULT_LIMITS.maxRetainedMessages,
      description:
        'Retained messages in all, of one device a quarter of them (1,000 in any case); a twin takes up to three a device (IT)',
    }),
  },
  group,
)

/** The limits of the broker as an operator has set them. */
export const mqttLimitsOf = (
  mqtt: DeepReadonly<Static<typeof MqttOptions>>,
): Partial<MqttLimits> => ({
  maxPacketBytes: mqtt.maxPacketBytes,
  maxKeepAliveSeconds: mqtt.serverKeepAliveSeconds,
  receiveMaximum: mqtt.receiveMaximum,
  topicAliasMaximum: mqtt.topicAliasMaximum,
  maxConnectsPerSecond: mqtt.connectsPerSecond,
  maxMessagesPerSecond: mqtt.messagesPerSecond,
  maxBytesPerSecond: mqtt.bytesPerSecond,
  floodShare: mqtt.floodShare,
  maxConnections: mqtt.maxConnections,
  maxConnectionsPerDevice: mqtt.maxConnectionsPerDevice,
  maxSubscriptionsPerClient: mqtt.maxSubscriptions,
  maxQueuedMessages: mqtt.maxQueuedMessages,
  maxQueuedBytes: mqtt.maxQueuedBytes,
  maxTotalQueuedBytes: mqtt.maxTotalQueuedBytes,
  maxQueuedAgeMs: mqtt.maxQueuedHours * HOUR_MS,
  queueOverflow: mqtt.queueOverflow,
  maxSessionExpirySeconds: mqtt.maxSessionHours * HOUR_SECONDS,
  maxKeptSessions: mqtt.maxKeptSessions,
  maxTopicBytes: mqtt.maxTopicBytes,
  maxRetainedMessages: mqtt.maxRetained,
  maxRetainedBytes: Math.max(DEFAULT_LIMITS.maxRetainedBytes, mqtt.maxRetained * BYTES_OF_RETAINED),
})
