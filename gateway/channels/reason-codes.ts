/** Which MQTT 5 reason code stands for which error of the gateway, and which error for a code of the broker. */
import type { ErrorCode } from '../error-table.ts'

/**
 * MQTT 5 reason codes [MQTT5 2.4] by error code; what is not listed is 0x83, implementation specific error.
 * PUBACK has none for a rate or a size: a device sends again what is over a quota, and never what is
 * wrong with the message itself.
 */
const REASON_CODES: Partial<Record<ErrorCode, number>> = {
  'auth.missing': 0x86,
  'auth.refused': 0x86,
  'auth.client-id': 0x85,
  'auth.disabled': 0x8a,
  'auth.certificate': 0x87,
  'auth.certificate-expired': 0x87,
  'auth.certificate-early': 0x87,
  'auth.backing-off': 0x9f,
  'topic.denied': 0x80,
  'topic.not-yours': 0x87,
  'session.not-yours': 0x87,
  'topic.unknown': 0x90,
  'limit.rate': 0x97,
  'limit.overloaded': 0x97,
  'limit.no-room': 0x97,
  'message.not-json': 0x99,
  'message.not-msgpack': 0x99,
  'message.not-utf8': 0x99,
  'message.too-deep': 0x99,
  'message.invalid': 0x99,
  'message.not-served': 0x99,
  'message.too-large': 0x99,
  'twin.too-large': 0x99,
  'ledger.lane-full': 0x97,
}
const IMPLEMENTATION_SPECIFIC = 0x83

/** Where the broker refuses a publish for another reason than its topic. */
const OF_MESSAGE: ReadonlyMap<number, ErrorCode> = new Map([
  [0x97, 'limit.no-room'],
  [0x99, 'message.not-utf8'],
])

export const reasonCodeOf = (code: ErrorCode): number =>
  REASON_CODES[code] ?? IMPLEMENTATION_SPECIFIC

/** What the broker refused in a message, by its reason code; undefined: it was the topic. */
export const errorOfMessage = (reasonCode: number): ErrorCode | undefined =>
  OF_MESSAGE.get(reasonCode)
