/** What a connection remembers of the topics it publishes to: aliases, rights, whose they are. */
import { ProtocolError, type PublishPacket } from '../codec/packets.ts'
import { Reason } from '../codec/reason-codes.ts'
import { topicDepth } from '../codec/topics.ts'
import { isTooLong, tooLong } from '../limits.ts'
import type { Connection } from './connection.ts'

interface Refusal {
  readonly reasonCode: number
  readonly reason: string
}

export interface TopicRights {
  readonly refusal: Refusal | undefined
  readonly isForBox: boolean
  readonly mayRetain: boolean
}

/** Topics whose permission a connection remembers: a device uses a handful. */
const REMEMBERED_TOPICS = 64
/** Longer ones are asked for anew each time: remembered, refused ones of a stranger to the rules would fill memory. */
const REMEMBERED_CHARACTERS = 256

export class InboundTopics {
  private readonly connection: Connection
  private aliases: Map<number, string> | null = null
  private readonly rights = new Map<string, TopicRights>()
  private rightsVersion = -1

  constructor(connection: Connection) {
    this.connection = connection
  }

  /** Puts the topic that an alias stands for into the packet, or learns it [MQTT-3.3.2-8] to [MQTT-3.3.2-12]. */
  resolveAlias(packet: PublishPacket): void {
    const alias = packet.properties?.topicAlias
    if (alias === undefined) return
    if (alias > this.connection.engine.limits.topicAliasMaximum) {
      throw new ProtocolError(Reason.topicAliasInvalid, `topic alias ${alias} is out of range`)
    }
    this.aliases ??= new Map()
    if (packet.topic.length > 0) {
      if (isTooLong(packet.topic, this.connection.engine.limits)) {
        throw new ProtocolError(Reason.topicNameInvalid, tooLong(this.connection.engine.limits))
      }
      this.aliases.set(alias, packet.topic)
      return
    }
    const topic = this.aliases.get(alias)
    if (topic === undefined) {
      throw new ProtocolError(Reason.protocolError, `topic alias ${alias} was never set`)
    }
    packet.topic = topic
  }

  /** What is decided for a topic; asked anew when permissions have changed. */
  rightsFor(topic: string): TopicRights {
    const { engine } = this.connection
    const { policy } = engine
    if (this.rightsVersion !== engine.permissionsVersion) {
      this.rights.clear()
      this.rightsVersion = engine.permissionsVersion
    }
    let rights = this.rights.get(topic)
    if (rights === undefined) {
      const refusal = this.topicRefusal(topic)
      const isForBox = policy.isDeviceMessageTopic(topic)
      rights = { refusal, isForBox, mayRetain: policy.mayRetain(topic) }
      if (topic.length > REMEMBERED_CHARACTERS) return rights
      if (this.rights.size >= REMEMBERED_TOPICS) this.rights.clear()
      this.rights.set(topic, rights)
    }
    return rights
  }

  /** What is wrong with a topic, whatever the message; undefined when nothing is. */
  private topicRefusal(topic: string): Refusal | undefined {
    const { engine, session } = this.connection
    const { limits, policy } = engine
    if (topic.startsWith('$SYS/') || topic.startsWith('$share/')) {
      return { reasonCode: Reason.notAuthorized, reason: 'the topic is the gateway’s own' }
    }
    if (isTooLong(topic, limits)) {
      return { reasonCode: Reason.topicNameInvalid, reason: tooLong(limits) }
    }
    if (topicDepth(topic) > limits.maxTopicDepth) {
      return {
        reasonCode: Reason.topicNameInvalid,
        reason: `a topic has ${limits.maxTopicDepth} levels at most`,
      }
    }
    if (session?.principal == null) return undefined
    const result = policy.authorize(session.principal, 'publish', topic)
    return result.ok ? undefined : result
  }
}
