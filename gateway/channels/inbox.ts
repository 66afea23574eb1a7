/** What the box does with each message of a device, whatever channel it came by. */
import type {
  Answer,
  DeviceEvent,
  Feedback,
  PlayReport,
  TwinState,
} from '@kefu-edge/device-sdk/protocol/schemas'
import type { AnswerTurn } from '../answer-turn.ts'
import type { Clock } from '../clock.ts'
import type { RateLimit } from '../devices/rate-limit.ts'
import { asGatewayError, GatewayError } from '../errors.ts'
import type { AskKey, Json, Ledger, LedgerDraft } from '../ledger/port.ts'
import { PLAYED } from '../ledger/settings.ts'
import type { Metrics } from '../metrics.ts'
import type { Store } from '../storage/store.ts'
import { type Channel, type Device, knownAs } from '../turn.ts'
import { answeredTurn, type TurnFinder } from './answered-turn.ts'
import type { UpstreamMessage } from './parse-message.ts'

export interface Inbox {
  /**
   * Takes a message in. Resolves once it is on disk: with the answer for an ask, with undefined for
   * the others. Rejects with the GatewayError that becomes the Problem.
   */
  receive(device: Device, channel: Channel, message: UpstreamMessage): Promise<Answer | undefined>
}

export interface InboxParts {
  readonly store: Store
  readonly clock: Clock
  readonly ledger: Pick<Ledger, 'append' | 'seen'> & TurnFinder
  readonly answerTurn: AnswerTurn
  readonly askLimit: RateLimit
  readonly metrics: Pick<Metrics, 'answered' | 'refused'>
  /** Proof of play, told once, to be recorded under this key; inside `store.commit`. */
  readonly onPlayed: (deviceId: string, report: PlayReport, askKey: AskKey) => void
  /** Reported state of the twin; inside `store.commit`. */
  readonly onReported: (deviceId: string, state: TwinState) => void
  /** What happened at a device, told once; inside `store.commit`. */
  readonly onEvent: (device: Device, event: DeviceEvent) => void
  /** A message that is kept and came by another channel than MQTT, where it goes on by itself; inside `store.commit`. */
  readonly passOn: (device: Device, message: ToldMessage) => void
}

/** What a device tells without being given an answer. */
export type ToldMessage = Exclude<UpstreamMessage, { name: 'ask' }>

export function createInbox(parts: InboxParts): Inbox {
  const { store, clock, ledger, metrics } = parts

  async function ask(
    device: Device,
    channel: Channel,
    message: UpstreamMessage & { name: 'ask' },
  ): Promise<Answer> {
    const startedMs = clock.monotonic()
    if (!parts.askLimit.take(device.id, startedMs)) {
      throw new GatewayError('limit.rate', { inReplyTo: message.message.id })
    }
    const receivedAtMs = clock.now()
    const answer = await parts.answerTurn({ ask: message.message, device, channel, receivedAtMs })
    metrics.answered(channel, answer.status, (clock.monotonic() - startedMs) / 1000)
    return answer
  }

  const isSeen = ({ deviceId, askId }: AskKey) => ledger.seen(deviceId, askId) !== undefined

  function played(device: Device, report: PlayReport): void {
    const askKey = { deviceId: knownAs(device), askId: PLAYED + report.id }
    if (!isSeen(askKey)) parts.onPlayed(device.id, report, askKey)
  }

  /** A message that comes again (the acknowledgement was lost) has no second effect. */
  function once(
    device: Device,
    name: string,
    id: string,
    draft: Omit<LedgerDraft, 'askKey' | 'deviceId' | 'atMs'>,
  ): boolean {
    const askKey = keyOf(device, name, id)
    if (isSeen(askKey)) return false
    ledger.append({ ...draft, askKey, deviceId: device.id, atMs: clock.now() })
    return true
  }

  /** A comment is kept as words of the person whose turn it speaks of: shown with them, erased with them. */
  function feedback(device: Device, message: Feedback): void {
    const { id, rating, answer, inReplyTo, comment } = message
    const turn = comment === undefined ? undefined : answeredTurn(ledger, device, message)
    if (turn?.keyId !== undefined && !turn.personal) throw new GatewayError('answer.erased')
    once(device, 'feedback', id, {
      lane: 'session',
      kind: 'feedback',
      ...(turn?.subject ? { subject: turn.subject } : {}),
      body: { id, rating, answer, inReplyTo },
      ...(comment === undefined ? {} : { personal: { comment } }),
    })
  }

  function event(device: Device, message: DeviceEvent): void {
    const { id, kind, name, at, subject, values } = message
    const { attachment, named } = partsOf(message.attachment)
    const isNew = once(device, 'event', id, {
      lane: kind === 'alarm' || kind === 'button' ? 'critical' : 'telemetry',
      kind: `event.${kind}`,
      ...(subject ? { subject } : {}),
      body: { id, name, at, attachment },
      ...(values || named ? { personal: { values: values as Json | undefined, ...named } } : {}),
    })
    if (isNew) parts.onEvent(device, message)
  }

  function take(device: Device, { name, message }: ToldMessage): void {
    switch (name) {
      case 'played':
        played(device, message)
        break
      case 'reported':
        parts.onReported(device.id, message)
        break
      case 'feedback':
        feedback(device, message)
        break
      case 'event':
        event(device, message)
    }
  }

  async function receive(
    device: Device,
    channel: Channel,
    message: UpstreamMessage,
  ): Promise<Answer | undefined> {
    if (message.name === 'ask') return ask(device, channel, message)
    await store.commit(() => {
      take(device, message)
      if (channel !== 'mqtt') parts.passOn(device, message)
    })
    return undefined
  }

  return {
    async receive(device, channel, message) {
      try {
        return await receive(device, channel, message)
      } catch (error) {
        const known = asGatewayError(error)
        metrics.refused(channel, known.code)
        throw known.inReplyTo('id' in message.message ? message.message.id : undefined)
      }
    },
  }
}

const keyOf = (device: Device, name: string, id: string): AskKey => ({
  deviceId: knownAs(device),
  askId: `${name}/${id}`,
})

/** The name of a file may tell of a person (…_HIV报告.pdf), and its digest which file it is: both are sealed. */
function partsOf(attachment: DeviceEvent['attachment']) {
  if (!attachment) return {}
  const { name, sha256, ...plain } = attachment
  return { attachment: plain, named: { attachment: { name, sha256 } } }
}
