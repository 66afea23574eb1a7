/**
 * Retained messages for a client that has just subscribed, at the pace at which it reads: a dashboard
 * that subscribes to everything must neither lose most of it to its own full buffer nor crowd out what
 * happens meanwhile. The tree is walked as there is room, so that a filter costs nothing before its turn,
 * and never an old message follows a newer one.
 *
 * What is left when the connection ends goes on with the next one of the session: a client whose session is
 * present need not subscribe anew. After a restart it begins again: the row of a subscription is marked in the
 * commit of its SUBSCRIBE, until it is through.
 */
import type { Engine } from '../engine.ts'
import type { Session } from '../sessions/session.ts'
import type { Message } from './message.ts'
import type { Subscription } from './router.ts'

/** Part of the socket buffer that a replay may fill; the rest is for live messages. */
const BUFFER_SHARE = 1 / 8
/** Deliveries of QoS 1 and 2 that the session may hold, acknowledged by nobody yet, while the replay goes on. */
const MAX_WAITING = 100
/**
 * Places of the tree looked at in one turn of the loop, however often it goes on in it, as at each of many
 * acknowledgements that come at once: those of a kept session count as waiting only once they are written.
 */
const STEPS_OF_TURN = 1000
/** A message is as much work as so many places: its rights are looked at, and mostly it is sent. */
const STEPS_OF_MESSAGE = 10
/** So many count as one packet against the client's rate: ten messages. One subscription to all does not slow it. */
const STEPS_OF_PACKET = 100

interface Replay {
  subscription: Subscription
  /** Null until its turn comes. */
  walk: Iterator<Message | null> | null
}

type Parts = Pick<Engine, 'clock' | 'dispatcher' | 'policy' | 'retained' | 'sessionRows' | 'store'>

export class RetainedReplay {
  private readonly session: Session
  private readonly parts: Parts
  /** One for each filter that was subscribed to, as the client wrote it, in the order in which they go. */
  private readonly replays = new Map<string, Replay>()
  /** Whose mark is still to be taken off. */
  private through: Subscription[] = []
  private isRunning = false
  private leftOfTurn = STEPS_OF_TURN
  /** Steps that make no whole packet yet. */
  private uncharged = 0

  constructor(session: Session, parts: Parts) {
    this.session = session
    this.parts = parts
  }

  /** Begins with all that the filter matches, in the place of what an earlier subscription had begun. */
  start(subscription: Subscription): void {
    const { text } = subscription
    // Of a filter that stood twice in a packet the last one counts.
    if (!this.isCurrent(subscription)) return
    this.replays.delete(text)
    this.replays.set(text, { subscription, walk: null })
    this.advance()
  }

  /** What is left of an earlier subscription goes to the one that takes its place; false: nothing is. */
  handOver(subscription: Subscription): boolean {
    const replay = this.replays.get(subscription.text)
    if (replay !== undefined) replay.subscription = subscription
    return replay !== undefined
  }

  /** Sends as far as there is room; called again when the client is back, has read or acknowledged. */
  advance(): void {
    if (this.isRunning || this.replays.size === 0) return
    this.isRunning = true
    for (const replay of this.replays.values()) {
      while (this.mayStep() && this.step(replay)) {}
      if (!this.mayStep()) break
    }
    this.isRunning = false
    this.takeMarksOff()
  }

  private mayStep(): boolean {
    const { connection, outbound } = this.session
    if (this.leftOfTurn <= 0 || connection === null) return false
    return connection.outlet.hasRoom(BUFFER_SHARE) && outbound.count < MAX_WAITING
  }

  private isCurrent(subscription: Subscription): boolean {
    return this.session.subscriptions.get(subscription.text) === subscription
  }

  /** False: nothing is left of it. */
  private step(replay: Replay): boolean {
    const { subscription } = replay
    const isCurrent = this.isCurrent(subscription)
    replay.walk ??= this.parts.retained.walk(subscription.filter)
    const place = isCurrent ? replay.walk.next() : OVER
    if (place.done) {
      this.replays.delete(subscription.text)
      if (isCurrent) this.through.push(subscription)
      return false
    }
    this.spend(place.value === null ? 1 : STEPS_OF_MESSAGE)
    if (place.value !== null) this.send(place.value, subscription)
    return true
  }

  private spend(steps: number): void {
    if (this.leftOfTurn === STEPS_OF_TURN) setImmediate(this.nextTurn)
    this.leftOfTurn -= steps
  }

  private readonly nextTurn = (): void => {
    this.chargeWhole()
    this.leftOfTurn = STEPS_OF_TURN
    if (this.replays.size > 0) this.advance()
    else if (this.session.replay === this) this.session.replay = null
  }

  private chargeWhole(): void {
    this.uncharged += STEPS_OF_TURN - this.leftOfTurn
    const packets = Math.floor(this.uncharged / STEPS_OF_PACKET)
    if (packets === 0) return
    this.uncharged -= packets * STEPS_OF_PACKET
    this.session.connection?.charge(packets)
  }

  private takeMarksOff(): void {
    const { through, session } = this
    if (through.length === 0) return
    this.through = []
    if (!session.isDurable) return
    const { store, sessionRows } = this.parts
    const { rowId } = session
    const work = (): void => {
      for (const subscription of through) sessionRows.putSubscription(rowId, subscription)
    }
    // Not waited for: what a lost one costs is that they are sent again after a restart.
    store.commit(work).catch(() => undefined)
  }

  private send(message: Message, subscription: Subscription): void {
    const { clock, dispatcher, policy } = this.parts
    const { session } = this
    if (message.isExpired(clock.nowMs())) return
    if (subscription.noLocal && message.publisher === session.clientId) return
    const { principal } = session
    if (principal !== null && !policy.authorize(principal, 'receive', message.topic).ok) return
    dispatcher.sendRetained(message, subscription)
  }
}

const OVER = { done: true, value: undefined } as const

/** Gives the session of a subscription the retained messages that its filter matches, once its client is here. */
export function replayRetained(engine: Parts, subscription: Subscription): void {
  const { session } = subscription
  session.replay ??= new RetainedReplay(session, engine)
  session.replay.start(subscription)
}
