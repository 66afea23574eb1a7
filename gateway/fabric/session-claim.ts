/**
 * The box takes over the session of a client that has moved to another box: it connects under the client's
 * id in memory, so that the old connection ends as MQTT says (0x8E, session taken over), and is given
 * what the session still holds. A message is acknowledged once the other box has it; then the session ends.
 */
import type { IPublishPacket, Packet } from 'mqtt-packet'
import { fromPacket } from '../bridge/packet-properties.ts'
import { SITE_USERNAME } from '../channels/house-pass.ts'
import type { ByteConnection } from '../channels/mqtt/byte-connection.ts'
import { MemoryClient } from '../channels/mqtt/memory-client.ts'
import type { CrossingMessage } from './frames.ts'

/** Messages on their way to the other box at once. */
const WINDOW = 20

export interface ClaimParts {
  readonly accept: (connection: ByteConnection) => void
  readonly clientId: string
  readonly secret: Buffer
  /** The session is ours; false when there was none to take. */
  readonly onTaken: (isPresent: boolean) => void
  /** One message of the session; `done` once it is kept elsewhere. */
  readonly onMessage: (message: CrossingMessage, done: () => void) => void
  /** The connection has ended, by us or because the client has come back. */
  readonly onEnd: () => void
}

export interface SessionClaim {
  /** Ends it. With `isKept` the session stays for the client or a later try. */
  end(isKept: boolean): void
}

export function claimSession(parts: ClaimParts): SessionClaim {
  const { accept, clientId, secret } = parts
  const client = new MemoryClient({
    accept,
    clientId,
    username: SITE_USERNAME,
    secret,
    isKept: true,
    receiveMaximum: WINDOW,
    onPacket: handle,
    onEnd: () => parts.onEnd(),
  })

  function handle(packet: Packet): void {
    if (packet.cmd === 'connack') parts.onTaken(packet.sessionPresent)
    else if (packet.cmd === 'publish') publish(packet)
    else if (packet.cmd === 'pubrel') {
      client.send({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 })
    }
  }

  function publish(packet: IPublishPacket): void {
    const { topic, payload, qos, messageId } = packet
    const properties = fromPacket(packet.properties)
    const message: CrossingMessage = {
      topic,
      payload: Buffer.from(payload),
      qos,
      // What was kept for the topic is there already; this is its copy for one client.
      retain: false,
      ...(properties ? { properties } : {}),
    }
    parts.onMessage(message, () => {
      if (qos > 0) client.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: messageId ?? 0 })
    })
  }

  client.start()
  return {
    end(isKept) {
      if (isKept) client.destroy()
      else
        client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
    },
  }
}
