/** What CONNACK tells a client about its connection (MQTT 5.0 section 3.2.2.3). */
import type { ConnectPacket, Properties } from '../codec/packets.ts'
import type { Engine } from '../engine.ts'
import type { MqttLimits } from '../limits.ts'
import type { Session } from '../sessions/session.ts'

/** A client that takes no larger packet has no room for what it can do without [MQTT-3.2.2-20]. */
const NO_ROOM_BYTES = 256

/** Only an MQTT 5 client can be told a shorter keep alive; others keep theirs. */
export function keepAliveFor({ maxKeepAliveSeconds }: MqttLimits, packet: ConnectPacket): number {
  const wanted = packet.keepAliveSeconds
  if (maxKeepAliveSeconds === 0 || packet.version < 5) return wanted
  return wanted === 0 || wanted > maxKeepAliveSeconds ? maxKeepAliveSeconds : wanted
}

export interface Accepted {
  readonly packet: ConnectPacket
  readonly session: Session
  readonly keepAliveSeconds: number
  /** The client id that the gateway made, where the client brought none. */
  readonly assignedClientId: string | null
  /** Enhanced authentication, where the client asked for it. */
  readonly method: string | undefined
  readonly finalData: Buffer | undefined
}

export function connackProperties({ limits, policy }: Engine, accepted: Accepted): Properties {
  const { packet, session, keepAliveSeconds, assignedClientId, method, finalData } = accepted
  const asked = packet.properties
  const properties: Properties = {
    receiveMaximum: limits.receiveMaximum,
    maximumPacketSize: limits.maxPacketBytes,
  }
  if (limits.topicAliasMaximum > 0) properties.topicAliasMaximum = limits.topicAliasMaximum
  if (assignedClientId !== null) properties.assignedClientIdentifier = assignedClientId
  if (keepAliveSeconds !== packet.keepAliveSeconds) properties.serverKeepAlive = keepAliveSeconds
  if (session.expirySeconds !== (asked?.sessionExpiryInterval ?? 0)) {
    properties.sessionExpiryInterval = session.expirySeconds
  }
  if (asked?.requestResponseInformation === 1 && session.principal !== null) {
    const information = policy.responseInformation(session.principal)
    if (information !== undefined) properties.responseInformation = information
  }
  if (method !== undefined) properties.authenticationMethod = method
  if (finalData !== undefined) properties.authenticationData = finalData
  const greeting = policy.greeting()
  if (greeting.length > 0 && (asked?.maximumPacketSize ?? NO_ROOM_BYTES) >= NO_ROOM_BYTES) {
    properties.userProperties = [...greeting]
  }
  return properties
}
