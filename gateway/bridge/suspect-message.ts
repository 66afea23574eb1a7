/**
 * Finds the message at which the other broker closes every connection, so that it does not hold up the rest
 * for good. A message is only blamed while it alone was under way: after a lost connection MQTT.js sends one
 * after the other, so it comes to that.
 */

/** Reasons of a DISCONNECT that a single message can be the cause of (MQTT 5.0 table 3-13). */
const BLAMES_A_MESSAGE: ReadonlySet<number> = new Set([
  0x81, // malformed packet
  0x82, // protocol error
  0x90, // topic name invalid
  0x95, // packet too large
  0x97, // quota exceeded
  0x99, // payload format invalid
])
/** A quota may have room again a second later; who closes at the same message this often does it for good. */
export const MAX_CLOSED_AT = 3

/** MQTT has no packet id 0. */
const NOBODY = { packetId: 0, times: 0 }

export interface SuspectMessage {
  /** A PUBLISH of QoS 1 or 2 has left. */
  sent(packetId: number): void
  /** The other broker has dealt with it. */
  settled(packetId: number): void
  /** The connection is gone, with the reason that the other broker gave. Gives the packet id to give up. */
  closed(reasonCode: number | undefined): number | undefined
}

export function createSuspectMessage(): SuspectMessage {
  const underWay = new Set<number>()
  let suspect = NOBODY

  return {
    sent: (packetId) => void underWay.add(packetId),
    settled: (packetId) => {
      underWay.delete(packetId)
      // Another message may get its id.
      if (packetId === suspect.packetId) suspect = NOBODY
    },
    closed: (reasonCode) => {
      const [packetId] = underWay
      const isAlone = underWay.size === 1
      underWay.clear()
      if (!isAlone || packetId === undefined) return undefined
      if (reasonCode === undefined || !BLAMES_A_MESSAGE.has(reasonCode)) return undefined
      const times = packetId === suspect.packetId ? suspect.times + 1 : 1
      suspect = { packetId, times }
      if (times < MAX_CLOSED_AT) return undefined
      suspect = NOBODY
      return packetId
    },
  }
}
