/** What a CONNECT asks for, within what the gateway gives. */
import type { ConnectPacket, Properties } from '../codec/packets.ts'
import type { MqttLimits } from '../limits.ts'
import type { Connection } from './connection.ts'

/** Notes what the client takes: how many messages at once, how large, with which aliases and reasons. */
export function askedOf(connection: Connection, properties: Properties | undefined): void {
  if (properties === undefined) return
  const { limits } = connection.engine
  connection.sendWindow = Math.min(properties.receiveMaximum ?? 0xffff, limits.maxInflight)
  connection.outlet.maxPacketBytes = properties.maximumPacketSize ?? Number.POSITIVE_INFINITY
  connection.outlet.aliasMaximum = Math.min(
    properties.topicAliasMaximum ?? 0,
    limits.maxOutboundAliases,
  )
  connection.wantsProblemInformation = properties.requestProblemInformation !== 0
}

/** How long its session is kept. */
export function sessionExpirySeconds(
  { maxSessionExpirySeconds }: MqttLimits,
  { version, cleanStart, properties }: ConnectPacket,
): number {
  if (version < 5) return cleanStart ? 0 : maxSessionExpirySeconds
  return Math.min(properties?.sessionExpiryInterval ?? 0, maxSessionExpirySeconds)
}
