/** What a device maker sees of the client. */
import type {
  Answer,
  Ask,
  DeviceEvent,
  Feedback,
  PlayState,
  Presence,
  Problem,
  Speech,
  TwinState,
} from '../protocol/schemas.ts'
import type { BackoffOptions } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { ConnectionState } from './connection.ts'
import type { OpenLink, TlsOptions } from './link.ts'
import type { QueueLimits, QueueStore } from './queue-store.ts'

export interface DeviceClientOptions {
  readonly deviceId: string
  readonly token: string
  /** `mqtt://host:1883`, `mqtts://host:8883`, `ws://host:8080/mqtt` (MQTT) or `ws://host:8080/v1/ws`. */
  readonly url: string
  /** Frames of the WebSocket protocol; MQTT speaks JSON. Default `json`. */
  readonly encoding?: 'json' | 'msgpack'
  /** Where messages wait while the gateway is away. Default: memory. */
  readonly queue?: QueueStore
  readonly queueLimits?: Partial<QueueLimits>
  readonly reconnect?: Partial<BackoffOptions>
  /** How long `ask` waits unless it is told otherwise. Default 15 s. */
  readonly askTimeoutMs?: number
  readonly tls?: TlsOptions
  readonly clock?: Clock
  /** 0 ≤ random < 1; jitter only. */
  readonly random?: () => number
  /** Puts something between the client and its transport: the faults of a simulator. */
  readonly wrapLink?: (open: OpenLink) => OpenLink
}

export interface AskRequest extends Omit<Ask, 'id'> {
  /** Chosen here unless given; the same id is the same question. */
  readonly id?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}
export type EventRequest = Omit<DeviceEvent, 'id'> & { readonly id?: string }
export type FeedbackRequest = Omit<Feedback, 'id'> & { readonly id?: string }
export type Unsubscribe = () => void

/** A device's view of the gateway. Messages handed over while offline wait in the queue. */
export interface DeviceClient {
  readonly deviceId: string
  readonly connection: ConnectionState
  /**
   * The gateway's time, milliseconds since 1970, however wrong the device's clock is; undefined until a
   * gateway has told it (WebSocket, MQTT 5). Goes on while the gateway is away.
   */
  gatewayTime(): number | undefined
  /** What waits until the gateway has it. */
  readonly waiting: { readonly messages: number; readonly bytes: number }
  /**
   * Asks and waits for the answer, also across a reconnect. Throws ProblemError (the gateway refused)
   * or DeviceClientError (`client.timeout`, `client.aborted`, `client.closed`, `client.invalid`).
   */
  ask(request: string | AskRequest): Promise<Answer>
  /**
   * Leaves a question that may wait, even for a restart of the device: resolves with its id when it
   * is in the queue. The answer comes to `onAnswer`.
   */
  leaveAsk(request: AskRequest): Promise<string>
  /** Every answer, also to questions of an earlier run. */
  onAnswer(handler: (answer: Answer) => void): Unsubscribe
  /** Broadcasts, calls, reminders, alerts: each once, however often it was delivered. */
  onSpeech(handler: (speech: Speech) => void): Unsubscribe
  /** Refusals that belong to no waiting `ask`, and what went wrong on this side. */
  onProblem(handler: (problem: Problem) => void): Unsubscribe
  onPresence(handler: (presence: Presence) => void): Unsubscribe
  onConnection(handler: (state: ConnectionState) => void): Unsubscribe
  /** State that the gateway wants the device to have. */
  onDesired(handler: (desired: TwinState) => void): Unsubscribe
  /** The device's state, whole; the last one is told again with every new connection. */
  reportState(state: Readonly<Record<string, unknown>>): Promise<void>
  /** Proof of play. Resolves when it is in the queue. */
  reportPlayed(speechId: string, state: PlayState, reason?: string): Promise<void>
  /**
   * Resolves with the event's id when it is in the queue; an alarm or a button also where the store is full:
   * it is sent from memory, and `onProblem` tells `client.storage`.
   */
  sendEvent(event: EventRequest): Promise<string>
  sendFeedback(feedback: FeedbackRequest): Promise<string>
  /** Waits until everything handed over has reached the gateway. Throws `client.timeout`. */
  flush(timeoutMs?: number): Promise<void>
  /** Says goodbye; what is in a durable queue stays there for the next run. */
  close(): Promise<void>
  /** Ends without a goodbye, as a power cut would. */
  kill(): void
}
