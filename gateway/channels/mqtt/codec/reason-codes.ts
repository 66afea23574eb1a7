/** Reason codes of MQTT 5.0 section 2.4, the return codes of 3.1.1 they answer to, and plain words for each. */
import { PacketType } from './packets.ts'

export const Reason = {
  success: 0x00,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const

const WORDS: ReadonlyMap<number, string> = new Map([
  [0x00, 'success'],
  [0x04, 'the client asked for its will to be sent'],
  [0x10, 'nobody is subscribed'],
  [0x11, 'there was no such subscription'],
  [0x80, 'unspecified error'],
  [0x81, 'malformed packet'],
  [0x82, 'protocol error'],
  [0x83, 'the gateway could not do it'],
  [0x84, 'protocol version not supported'],
  [0x85, 'client identifier not valid'],
  [0x86, 'bad user name or password'],
  [0x87, 'not authorized'],
  [0x88, 'server unavailable'],
  [0x89, 'server busy'],
  [0x8a, 'banned'],
  [0x8b, 'the gateway is shutting down'],
  [0x8c, 'bad authentication method'],
  [0x8d, 'nothing was heard within one and a half times the keep alive'],
  [0x8e, 'another connection took over the client identifier'],
  [0x8f, 'topic filter invalid'],
  [0x90, 'topic name invalid'],
  [0x91, 'packet identifier in use'],
  [0x92, 'packet identifier not found'],
  [0x93, 'receive maximum exceeded'],
  [0x94, 'topic alias invalid'],
  [0x95, 'packet too large'],
  [0x96, 'message rate too high'],
  [0x97, 'quota exceeded'],
  [0x98, 'closed by the operator'],
  [0x99, 'payload format invalid'],
  [0x9f, 'too many connections in too short a time'],
])

/** A short English phrase for logs and reason strings. */
export const reasonText = (code: number): string =>
  WORDS.get(code) ?? `reason 0x${code.toString(16).padStart(2, '0')}`

const RECEIPT = new Set([0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
const RELEASE = new Set([0, 0x92])

/** What a packet of the gateway may say (MQTT 5.0 tables 3-1, 3-4 to 3-10, 3.9.3 and 3.11.3). */
const CODES_OF: ReadonlyMap<number, ReadonlySet<number>> = new Map([
  [
    PacketType.connack,
    new Set([
      0, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97,
      0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
    ]),
  ],
  [PacketType.puback, RECEIPT],
  [PacketType.pubrec, RECEIPT],
  [PacketType.pubrel, RELEASE],
  [PacketType.pubcomp, RELEASE],
  [PacketType.suback, new Set([0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2])],
  [PacketType.unsuback, new Set([0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91])],
  [
    PacketType.disconnect,
    new Set([
      0, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96,
      0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
    ]),
  ],
])

/** Whether a packet of this type may carry a code; those of AUTH are looked at where it is handled. */
export const mayCarry = (packetType: number, reasonCode: number): boolean =>
  CODES_OF.get(packetType)?.has(reasonCode) !== false

/**
 * The code to tell in a packet of this type. One that its table does not know is a protocol error to the
 * client, which ends the link and sends again what was refused: the nearest general code is told instead.
 */
export function codeFor(packetType: number, reasonCode: number): number {
  if (mayCarry(packetType, reasonCode)) return reasonCode
  return packetType === PacketType.connack
    ? Reason.serverUnavailable
    : Reason.implementationSpecificError
}

/** The CONNACK return code of MQTT 3.1.1 (table 3.1) nearest to a reason code of MQTT 5. */
export function connectReturnCode(reasonCode: number): number {
  switch (reasonCode) {
    case Reason.success:
      return 0
    case Reason.unsupportedProtocolVersion:
      return 1
    case Reason.clientIdentifierNotValid:
      return 2
    case Reason.badUserNameOrPassword:
      return 4
    case Reason.notAuthorized:
    case Reason.banned:
      return 5
    default:
      return 3
  }
}
