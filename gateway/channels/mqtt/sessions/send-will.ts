/**
 * A will whose time has come: what its device would have published, with the rights that the device has
 * now. On a topic of the box the box takes it first, and may refuse it, as any message of a device.
 */
import { Reason } from '../codec/reason-codes.ts'
import type { Engine } from '../engine.ts'
import type { MqttPrincipal } from '../ports.ts'
import type { Message } from '../routing/message.ts'
import { shownText } from '../shown-text.ts'
import type { Session } from './session.ts'

/** Nobody waits for an acknowledgement of a will: newest version, so that reasons are told in full. */
const PROTOCOL_VERSION = 5

type SendingParts = Pick<Engine, 'policy' | 'dispatcher' | 'inPassing' | 'logger' | 'counters'> & {
  /** The session of its client, where it is kept: it may want nothing of its own [MQTT-3.8.3-3]. */
  readonly sessionOf: (clientId: string) => Session | undefined
}

interface Refusal {
  readonly reasonCode: number
  readonly reason: string
}

/** Sends a will to the box, where its topic is one of the box, and to subscribers. Never throws; what is not sent is logged. */
export function sendWill(parts: SendingParts, will: Message, known: MqttPrincipal | null): void {
  const { policy } = parts
  const message = policy.mayRetain(will.topic) ? will : will.inPassing()
  const principal = known ?? policy.principalOf(message.publisher ?? '') ?? null
  const isForBox = policy.isDeviceMessageTopic(message.topic)
  const refusal = refusalOf(parts, message, principal, isForBox)
  if (refusal !== undefined) refuse(parts, message, principal, refusal)
  else if (isForBox && principal !== null) void toBox(parts, message, principal)
  else toSubscribers(parts, message)
}

function refusalOf(
  { policy }: SendingParts,
  message: Message,
  principal: MqttPrincipal | null,
  isForBox: boolean,
): Refusal | undefined {
  if (principal !== null) {
    const result = policy.authorize(principal, 'publish', message.topic)
    if (!result.ok) return result
  } else if (isForBox) {
    return { reasonCode: Reason.notAuthorized, reason: 'its device is not known any more' }
  }
  return undefined
}

/** Nobody could send it again: where there is no room to retain it, it is for whoever hears it now. */
function toSubscribers(parts: SendingParts, message: Message): void {
  const { dispatcher, inPassing, sessionOf } = parts
  const session = sessionOf(message.publisher ?? '') ?? null
  dispatcher.dispatch(inPassing.fit(message), session, null, null)
}

async function toBox(parts: SendingParts, message: Message, device: MqttPrincipal): Promise<void> {
  const { policy, logger } = parts
  const { topic, payload, qos, retain, properties, publisher = '' } = message
  try {
    const outcome = await policy.onDeviceMessage({
      clientId: publisher,
      device,
      topic,
      payload,
      qos,
      retain,
      protocolVersion: PROTOCOL_VERSION,
      properties,
    })
    if (outcome.reasonCode < 0x80) toSubscribers(parts, message)
    else log(parts, message, outcome.reasonCode, outcome.reason)
  } catch (error) {
    logger.error({ clientId: publisher, err: error }, 'the gateway could not take a will')
  }
}

function refuse(
  parts: SendingParts,
  message: Message,
  device: MqttPrincipal | null,
  { reasonCode, reason }: Refusal,
): void {
  const { topic, publisher: clientId = '' } = message
  log(parts, message, reasonCode, reason)
  if (device === null) return
  const protocolVersion = PROTOCOL_VERSION
  parts.policy.onRefusedPublish({ clientId, device, topic, reasonCode, reason, protocolVersion })
}

function log(
  { logger, counters }: SendingParts,
  { publisher, topic }: Message,
  reasonCode: number,
  reason: string | undefined,
): void {
  counters.refusedPublishes++
  logger.warn(
    { clientId: publisher, topic: shownText(topic), reasonCode, reason },
    'a will was not sent',
  )
}
