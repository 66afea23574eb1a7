import { newId } from '../protocol/ids.ts'
import {
  type Answer,
  Ask,
  DeviceEvent,
  Feedback,
  PlayReport,
  type PlayState,
  type Presence,
  type Problem,
  type Speech,
  type TwinState,
  type UpstreamName,
} from '../protocol/schemas.ts'
import type {
  AskRequest,
  DeviceClient,
  DeviceClientOptions,
  EventRequest,
  FeedbackRequest,
} from './api.ts'
import { RECONNECT_FIRST_DELAY_MS, RECONNECT_MAX_DELAY_MS } from './backoff.ts'
import { type Clock, monotonicMs, systemClock } from './clock.ts'
import { Connection, type ConnectionState } from './connection.ts'
import { DeviceClientError, isPassing, localProblem, ProblemError } from './errors.ts'
import { Handlers, SeenIds } from './handlers.ts'
import { type Downstream, type Link, type OpenLink, type ToldTime, toldNow } from './link.ts'
import { messageBytes } from './message-size.ts'
import { type Handling, Outbox, type Outcome } from './outbox.ts'
import {
  memoryQueueStore,
  QUEUE_MAX_BYTES,
  QUEUE_MAX_MESSAGES,
  type QueuedMessage,
} from './queue-store.ts'
import { checkMessage } from './read-message.ts'
import { ReportedState } from './reported-state.ts'

/** An answer takes milliseconds; the rest is the radio link and a gateway that restarts. */
export const ASK_TIMEOUT_MS = 15_000
/** A kept ask is answered within a day or not at all: nobody waits any more. */
const KEPT_ASK_LIFE_MS = 24 * 60 * 60 * 1000
/** What is redelivered after a lost acknowledgement is at most the receive window of a few links old. */
const SEEN_IDS = 512

/** Somebody makes room on a full flash in minutes. */
const LOAD_AGAIN_MS = 30_000

interface PendingAsk {
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** The client on a given transport; `createDeviceClient` of the package chooses it by the URL. */
export function deviceClientOn(
  openLink: OpenLink,
  options: Omit<DeviceClientOptions, 'url' | 'wrapLink'>,
): DeviceClient {
  return new Client(openLink, options)
}

/** Its calls may be handed on by themselves: they are bound, all of them. */
class Client implements DeviceClient {
  readonly deviceId: string
  readonly #clock: Clock
  readonly #askTimeoutMs: number
  readonly #outbox: Outbox
  readonly #connection: Connection
  readonly #reported: ReportedState
  readonly #pending = new Map<string, PendingAsk>()
  readonly #seenSpeech = new SeenIds(SEEN_IDS)
  readonly #seenAnswers = new SeenIds(SEEN_IDS)
  readonly #answers = new Handlers<Answer>()
  readonly #speeches = new Handlers<Speech>()
  readonly #problems = new Handlers<Problem>()
  readonly #presences = new Handlers<Presence>()
  readonly #connections = new Handlers<ConnectionState>()
  readonly #desireds = new Handlers<TwinState>()
  readonly #idle = new Handlers<void>()
  /** The first try to load the queue is over. */
  readonly #loaded: Promise<void>
  #cancelLoad: () => void = () => undefined
  #told: ToldTime | undefined

  constructor(openLink: OpenLink, options: Omit<DeviceClientOptions, 'url' | 'wrapLink'>) {
    const clock = options.clock ?? systemClock
    const random = options.random ?? Math.random
    this.deviceId = options.deviceId
    this.#clock = clock
    this.#askTimeoutMs = options.askTimeoutMs ?? ASK_TIMEOUT_MS
    this.#outbox = new Outbox({
      store: options.queue ?? memoryQueueStore(),
      limits: {
        maxMessages: QUEUE_MAX_MESSAGES,
        maxBytes: QUEUE_MAX_BYTES,
        whenFull: 'refuse',
        ...options.queueLimits,
      },
      clock,
      random,
      onOutcome: (message, outcome) => this.#onOutcome(message, outcome),
      onStoreFailure: (error) => this.#failedStore(error),
      onSilence: () => this.#connection.drop(),
    })
    this.#connection = new Connection({
      openLink,
      clock,
      random,
      backoff: {
        firstDelayMs: RECONNECT_FIRST_DELAY_MS,
        maxDelayMs: RECONNECT_MAX_DELAY_MS,
        ...options.reconnect,
      },
      onUp: (link) => this.#onUp(link),
      onDown: () => this.#onDown(),
      onMessage: (message) => this.#onMessage(message),
      onState: (state) => this.#connections.call(state),
    })
    this.#reported = new ReportedState({ clock, onError: (error) => this.#failedStore(error) })
    this.#loaded = this.#load()
    this.#connection.start()
  }

  get connection(): ConnectionState {
    return this.#connection.state
  }

  gatewayTime = (): number | undefined =>
    this.#told && this.#told.gatewayMs + monotonicMs(this.#clock) - this.#told.atMs

  get waiting() {
    return this.#outbox.size
  }

  ask = async (request: string | AskRequest): Promise<Answer> => {
    const { timeoutMs = this.#askTimeoutMs, signal, ...fields } = asRequest(request)
    const ask = checkMessage(Ask, { id: newId(this.#clock.now()), ...fields }, 'client.invalid')
    if (signal?.aborted) throw new DeviceClientError('client.aborted')
    const key = `ask/${ask.id}`
    const twin = this.#pending.get(ask.id)
    if (twin !== undefined)
      throw new DeviceClientError('client.invalid', '/id: a question with this id is being asked')
    const message = this.#queued('ask', ask, timeoutMs)
    return new Promise<Answer>((resolve, reject) => {
      const end = (error?: Error) => {
        cancelTimer()
        signal?.removeEventListener('abort', onAbort)
        this.#pending.delete(ask.id)
        if (error === undefined) return
        this.#outbox.withdraw(key).catch((reason: unknown) => this.#failedStore(reason))
        reject(error)
      }
      const onAbort = () => end(new DeviceClientError('client.aborted'))
      const cancelTimer = this.#clock.after(timeoutMs, () => end(this.#timeout(timeoutMs)))
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#pending.set(ask.id, {
        resolve: (answer) => {
          end()
          resolve(answer)
        },
        reject: end,
      })
      this.#outbox.add(message, { durable: false, untilAnswered: true }).catch(end)
    })
  }

  leaveAsk = async (request: AskRequest): Promise<string> => {
    const { timeoutMs = KEPT_ASK_LIFE_MS, signal: _, ...fields } = request
    const ask = checkMessage(Ask, { id: newId(this.#clock.now()), ...fields }, 'client.invalid')
    await this.#keep('ask', ask, timeoutMs)
    return ask.id
  }

  reportPlayed = async (speechId: string, state: PlayState, reason?: string): Promise<void> => {
    const report = {
      id: newId(this.#clock.now()),
      speech: speechId,
      state,
      at: this.#nowIso(),
      ...(reason === undefined ? {} : { reason }),
    }
    await this.#keep('played', checkMessage(PlayReport, report, 'client.invalid'))
  }

  sendEvent = async (event: EventRequest): Promise<string> => {
    const whole = { id: newId(this.#clock.now()), at: this.#nowIso(), ...event }
    await this.#keep('event', checkMessage(DeviceEvent, whole, 'client.invalid'))
    return whole.id
  }

  sendFeedback = async (feedback: FeedbackRequest): Promise<string> => {
    const whole = { id: newId(this.#clock.now()), at: this.#nowIso(), ...feedback }
    await this.#keep('feedback', checkMessage(Feedback, whole, 'client.invalid'))
    return whole.id
  }

  reportState = (state: Readonly<Record<string, unknown>>): Promise<void> =>
    this.#reported.report(state, this.#nowIso())

  onAnswer = (handler: (answer: Answer) => void) => this.#answers.add(handler)
  onSpeech = (handler: (speech: Speech) => void) => this.#speeches.add(handler)
  onProblem = (handler: (problem: Problem) => void) => this.#problems.add(handler)
  onPresence = (handler: (presence: Presence) => void) => this.#presences.add(handler)
  onConnection = (handler: (state: ConnectionState) => void) => this.#connections.add(handler)
  onDesired = (handler: (desired: TwinState) => void) => this.#desireds.add(handler)

  flush = async (timeoutMs: number = this.#askTimeoutMs): Promise<void> => {
    await this.#loaded
    if (this.#outbox.size.messages === 0) return
    await new Promise<void>((resolve, reject) => {
      const stop = this.#idle.add(() => {
        if (this.#outbox.size.messages > 0) return
        stop()
        cancelTimer()
        resolve()
      })
      const cancelTimer = this.#clock.after(timeoutMs, () => {
        stop()
        reject(this.#timeout(timeoutMs))
      })
    })
  }

  close = async (): Promise<void> => {
    this.#rejectAll()
    await this.#connection.close()
    await this.#loaded
    this.#cancelLoad()
    await this.#outbox.close()
  }

  kill = (): void => {
    this.#connection.kill()
    this.#rejectAll()
    this.#loaded
      .then(() => {
        this.#cancelLoad()
        return this.#outbox.close()
      })
      .catch((error: unknown) => this.#failedStore(error))
  }

  /** Without its queue the device still asks, listens and calls for help; what waits in it comes later. */
  async #load(): Promise<void> {
    try {
      await this.#outbox.load(handlingOf)
    } catch (error) {
      this.#failedStore(error)
      if (this.connection.kind === 'closed') return
      this.#cancelLoad = this.#clock.after(LOAD_AGAIN_MS, () => void this.#load())
    }
  }

  #rejectAll(): void {
    for (const pending of [...this.#pending.values()])
      pending.reject(new DeviceClientError('client.closed'))
  }

  #onUp(link: Link): void {
    this.#reported.linkUp(link)
    this.#outbox.linkUp(link)
  }

  #onDown(): void {
    this.#reported.linkDown()
    this.#outbox.linkDown()
  }

  #onMessage(down: Downstream): void {
    this.#outbox.heard()
    switch (down.name) {
      case 'answer':
        this.#onAnswer(down.message)
        return
      case 'speech':
        if (this.#seenSpeech.add(down.message.id)) this.#speeches.call(down.message)
        return
      case 'problem':
        this.#onProblem(down.message)
        return
      case 'desired':
        this.#desireds.call(down.message)
        return
      case 'presence':
        this.#presences.call(down.message)
        return
      case 'time':
        this.#told = toldNow(down.message.time, this.#clock) ?? this.#told
    }
  }

  /** A question that was sent twice is answered twice. */
  #onAnswer(answer: Answer): void {
    const isNew = this.#seenAnswers.add(answer.id)
    const isAwaited = this.#outbox.settle(answer.inReplyTo)
    this.#pending.get(answer.inReplyTo)?.resolve(answer)
    if (isNew || isAwaited) this.#answers.call(answer)
  }

  #onProblem(problem: Problem): void {
    const known = problem.inReplyTo !== undefined && this.#outbox.settle(problem.inReplyTo, problem)
    // A refused message of ours is reported by its outcome.
    if (!known) this.#problems.call(problem)
    if (problem.inReplyTo === undefined && isPassing(problem)) this.#reported.refusedSomething()
  }

  #onOutcome(message: QueuedMessage, outcome: Outcome): void {
    this.#idle.call()
    const pending = message.name === 'ask' ? this.#pending.get(message.id) : undefined
    switch (outcome.kind) {
      case 'kept':
      case 'written':
        return
      case 'refused':
        if (pending === undefined) this.#problems.call(outcome.problem)
        else pending.reject(new ProblemError(outcome.problem))
        return
      case 'expired':
        this.#problems.call(localProblem('client.timeout', `${message.name} expired`, message.id))
        return
      case 'dropped':
        this.#problems.call(
          localProblem('client.queue-full', `${message.name} dropped`, message.id),
        )
    }
  }

  async #keep(name: UpstreamName, body: { readonly id: string }, lifeMs?: number) {
    await this.#loaded
    const message = this.#queued(name, body, lifeMs)
    await this.#outbox.add(message, handlingOf(message))
  }

  #queued(name: UpstreamName, body: { readonly id: string }, lifeMs?: number): QueuedMessage {
    const queuedAtMs = this.#clock.now()
    return {
      key: `${name}/${body.id}`,
      id: body.id,
      name,
      body: { ...body },
      bytes: messageBytes(name, body),
      queuedAtMs,
      ...(lifeMs === undefined ? {} : { expiresAtMs: queuedAtMs + lifeMs }),
    }
  }

  #timeout(timeoutMs: number): DeviceClientError {
    const state = this.#connection.state
    const why = state.kind === 'offline' ? `, offline: ${state.reason}` : ''
    return new DeviceClientError('client.timeout', `(${timeoutMs} ms, ${state.kind}${why})`)
  }

  #failedStore(error: unknown): void {
    this.#problems.call(localProblem('client.storage', String(error)))
  }

  #nowIso(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}

/** Reports and events must arrive even after a restart; a kept ask also waits for its answer. */
const handlingOf = (message: QueuedMessage): Handling => ({
  durable: true,
  untilAnswered: message.name === 'ask',
})

const asRequest = (request: string | AskRequest): AskRequest =>
  typeof request === 'string' ? { text: request } : request
