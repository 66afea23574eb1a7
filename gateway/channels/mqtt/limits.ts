/** Every bound of the MQTT channel, with its reason. An operator may change each in the configuration. */
import { topicDepth } from './codec/topics.ts'

export interface MqttLimits {
  /** Whole packet, both ways: an ask with attachments fits; more belongs on HTTP. */
  readonly maxPacketBytes: number
  /**
   * The same until the client is let in, if that is less. What makes a CONNECT large is a will and a password
   * or a ticket, 64 KB each at most; of somebody unknown no more should have to be held.
   */
  readonly maxConnectBytes: number
  /** Levels of a topic or filter: the contract uses four; deep ones cost matching time. */
  readonly maxTopicDepth: number
  /**
   * Bytes of a topic or filter: names of things in a building take a few dozen. The 65,535 of the
   * specification are held once for each filter, alias and retained message.
   */
  readonly maxTopicBytes: number
  /** A client that has not finished CONNECT by then is closed: half-open sockets are a scarce good. */
  readonly connectTimeoutMs: number
  /** 0: the client's own keep alive stands. Otherwise longer ones are shortened to it and the client is told. */
  readonly maxKeepAliveSeconds: number
  /** How long a session is kept at most; also that of a 3.1.1 client with clean session 0. */
  readonly maxSessionExpirySeconds: number
  /**
   * Sessions kept for one device that is away, under its client ids `ID` and `ID:name`. A program that takes
   * a new name at each start would otherwise leave a full queue behind each time.
   */
  readonly maxKeptSessions: number
  /** Unacknowledged QoS 1 and 2 messages that a client may have open towards us (advertised to MQTT 5). */
  readonly receiveMaximum: number
  /** Topic aliases that a client may set (advertised). */
  readonly topicAliasMaximum: number
  /** Topic aliases that we use towards a client at most, whatever it allows. */
  readonly maxOutboundAliases: number
  /** Unacknowledged messages towards one client: bounds its redelivery after a reconnect. */
  readonly maxInflight: number
  /** Messages of one session held in memory; more stay on disk, or count as overflow for a clean session. */
  readonly maxMemoryQueue: number
  /** Messages of one session waiting in all, with `maxQueuedBytes` the offline queue. */
  readonly maxQueuedMessages: number
  readonly maxQueuedBytes: number
  /** The same over all sessions: what fits on the disk. Above it each may have only `crowdedQueuedBytes`. */
  readonly maxTotalQueuedBytes: number
  readonly crowdedQueuedBytes: number
  /** Age at which a waiting message is dropped; 0: never. */
  readonly maxQueuedAgeMs: number
  /** What gives way when a queue is full: the oldest message, the new one, or the publisher (0x97). */
  readonly queueOverflow: 'drop-oldest' | 'drop-newest' | 'refuse'
  /**
   * Bytes waiting for one socket, above which its QoS 0 messages are dropped and QoS 1 waits in the
   * session. Several packets of the largest size fit.
   */
  readonly maxSocketBufferBytes: number
  /** The same over all clients; above it each may have only `crowdedSocketBufferBytes`. */
  readonly maxTotalSocketBufferBytes: number
  readonly crowdedSocketBufferBytes: number
  /**
   * How long a client that sends may leave so much unread that we have stopped reading from it. Its
   * keep alive cannot tell: nothing of it is read. Any link that works has carried a full buffer by then.
   */
  readonly maxChokedMs: number
  readonly maxSubscriptionsPerClient: number
  /** What all filters take in memory; above it each session may have only `crowdedFilterBytes`, some twenty. */
  readonly maxTotalFilterBytes: number
  readonly crowdedFilterBytes: number
  readonly maxRetainedMessages: number
  /** What all of them take in memory, each level of a topic too. */
  readonly maxRetainedBytes: number
  readonly maxConnections: number
  /** Of one device at once, under its client ids `ID` and `ID:name`: as many as are kept of it. */
  readonly maxConnectionsPerDevice: number
  /** Connections accepted each second over all clients, with a burst of as many, shared out by `connect-gate.ts`; 0: no limit. */
  readonly maxConnectsPerSecond: number
  /**
   * Packets each second of one client, acknowledgements apart; above it the socket is paused, so that the
   * device feels it. 0: no limit.
   */
  readonly maxMessagesPerSecond: number
  readonly maxBytesPerSecond: number
  /** Tokens saved up for a burst, in seconds of the rate. */
  readonly rateBurstSeconds: number
  /**
   * Rest of a client that is over its rate, at least: what it earns meanwhile is handled in a turn or two.
   * Shorter ones wake the gateway more often, longer ones leave the device more to catch up with.
   */
  readonly rateRestMs: number
  /** What a client keeps of its rate that stays over it for more than a second, see `flood-watch.ts`; 1: all of it. */
  readonly floodShare: number
  /** Packets of one client handled in one stretch; then the others are read. A full window of most clients fits. */
  readonly maxPacketsPerTurn: number
  /** Acknowledgements a client may be waiting for before its socket is paused (3.1.1 has no receive maximum). */
  readonly maxPendingAcks: number
}

/** The product's numbers: what the configuration names of them defaults to these. */
export const DEFAULT_LIMITS: MqttLimits = {
  maxPacketBytes: 2 * 1024 * 1024,
  maxConnectBytes: 256 * 1024,
  maxTopicDepth: 32,
  maxTopicBytes: 1024,
  connectTimeoutMs: 10_000,
  maxKeepAliveSeconds: 0,
  maxSessionExpirySeconds: 7 * 24 * 3600,
  maxKeptSessions: 16,
  receiveMaximum: 100,
  topicAliasMaximum: 20,
  maxOutboundAliases: 32,
  maxInflight: 1000,
  maxMemoryQueue: 1000,
  maxQueuedMessages: 10_000,
  maxQueuedBytes: 32 * 1024 * 1024,
  maxTotalQueuedBytes: 1024 * 1024 * 1024,
  crowdedQueuedBytes: 256 * 1024,
  maxQueuedAgeMs: 7 * 24 * 3600 * 1000,
  queueOverflow: 'drop-oldest',
  maxSocketBufferBytes: 8 * 1024 * 1024,
  maxTotalSocketBufferBytes: 256 * 1024 * 1024,
  crowdedSocketBufferBytes: 256 * 1024,
  maxChokedMs: 5 * 60_000,
  maxSubscriptionsPerClient: 1000,
  maxTotalFilterBytes: 128 * 1024 * 1024,
  crowdedFilterBytes: 32 * 1024,
  maxRetainedMessages: 50_000,
  maxRetainedBytes: 128 * 1024 * 1024,
  maxConnections: 20_000,
  maxConnectionsPerDevice: 16,
  maxConnectsPerSecond: 500,
  maxMessagesPerSecond: 2000,
  maxBytesPerSecond: 4 * 1024 * 1024,
  rateBurstSeconds: 2,
  rateRestMs: 10,
  floodShare: 0.1,
  maxPacketsPerTurn: 64,
  maxPendingAcks: 200,
}

/**
 * User properties of one packet: headers and traces are a few dozen. Without a bound the smallest ones, five
 * bytes each, are fifteen times their size in memory, in retained messages for good.
 */
export const MAX_USER_PROPERTIES = 100
/**
 * Filters of one SUBSCRIBE or UNSUBSCRIBE, or as many as a client may have subscriptions if that is more:
 * they are settled in one stretch, and one commit.
 */
export const MAX_FILTERS_PER_PACKET = 1000

/** Heap of a filter besides its text, and of each of its levels, a node with a map: a deep one is mostly levels. */
const FILTER_BYTES = 500
const LEVEL_BYTES = 220

/** What a filter is charged for, whatever levels it shares with others. */
export const filterBytes = (filter: string): number =>
  FILTER_BYTES + filter.length + topicDepth(filter) * LEVEL_BYTES

/**
 * What one device may have retained, of the whole: a quarter, and some in any case. One that fills its share
 * leaves the others theirs.
 */
export const RETAINED_SHARE_OF_DEVICE = 1 / 4
export const RETAINED_OF_DEVICE = { messages: 1000, bytes: 2 * 1024 * 1024 } as const

/** Room for each message where an operator allows more of them: about twice what one of a twin is charged for. */
export const BYTES_OF_RETAINED = 2560

/** What a client is told that finds no room. */
export const RETAINS_TOO_MUCH =
  'the gateway, or this device, has as many retained messages as it may (mqtt.maxRetained; a quarter for one device)'

type TopicLimits = Pick<MqttLimits, 'maxTopicBytes'>

/** Whether a topic or filter has more bytes than one may have here. */
export const isTooLong = (topic: string, { maxTopicBytes }: TopicLimits): boolean =>
  // No character of UTF-16 takes more than three bytes.
  topic.length * 3 > maxTopicBytes && Buffer.byteLength(topic) > maxTopicBytes

/** What its client is told. */
export const tooLong = ({ maxTopicBytes }: TopicLimits): string =>
  `a topic has ${maxTopicBytes} bytes at most (mqtt.maxTopicBytes)`
