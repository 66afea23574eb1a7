/**
 * Retained messages for a client that has just subscribed, at the pace at which it reads: a dashboard
 * that subscribes to everything must neither lose most of it to its own full buffer nor crowd out what
 * happens meanwhile. The message of a topic is looked up when its turn comes, so that never an old one
 * follows a newer one.
 */
import type { Connection } from './connection.ts'
import type { Subscription } from './router.ts'

/** Part of the socket buffer that a replay may fill; the rest is for live messages. */
const BUFFER_SHARE = 1 / 8
/** Deliveries of QoS 1 and 2 that the session may hold, acknowledged by nobody yet, while the replay goes on. */
const MAX_WAITING = 100
/**
 * Messages of one turn of the loop, however often it goes on in it, as at each of many acknowledgements that
 * come at once: those of a kept session count as waiting only once they are written.
 */
const BATCH = 100

interface Replay {
  readonly subscription: Subscription
  readonly topics: readonly string[]
  next: number
}

export class RetainedReplay {
  private readonly connection: Connection
  private readonly replays: Replay[] = []
  private isRunning = false
  private leftOfTurn = BATCH

  constructor(connection: Connection) {
    this.connection = connection
  }

  /** Begins with the topics that the filter matches now. */
  start(subscription: Subscription): void {
    const topics = this.connection.engine.retained
      .match(subscription.filter)
      .map((message) => message.topic)
    if (topics.length === 0) return
    this.replays.push({ subscription, topics, next: 0 })
    this.advance()
  }

  /** Goes on as far as there is room; called again when the client has read or acknowledged. */
  advance(): void {
    if (this.isRunning) return
    this.isRunning = true
    while (this.leftOfTurn > 0) {
      const replay = this.replays[0]
      if (replay === undefined || !this.hasRoom()) break
      const topic = replay.topics[replay.next++]
      if (topic === undefined) this.replays.shift()
      else {
        if (this.leftOfTurn-- === BATCH) setImmediate(this.nextTurn)
        this.send(topic, replay.subscription)
      }
    }
    this.isRunning = false
  }

  private readonly nextTurn = (): void => {
    this.leftOfTurn = BATCH
    this.advance()
  }

  private hasRoom(): boolean {
    const { outlet, session } = this.connection
    // What is left of it is lost with its connection: whoever comes back subscribes anew.
    if (session?.connection !== this.connection) return false
    return outlet.hasRoom(BUFFER_SHARE) && session.outbound.count < MAX_WAITING
  }

  private send(topic: string, subscription: Subscription): void {
    const { retained, policy, dispatcher, clock } = this.connection.engine
    const { session } = subscription
    // Unsubscribed, or subscribed anew, meanwhile.
    if (session.subscriptions.get(subscription.text) !== subscription) return
    const message = retained.get(topic)
    if (message === undefined || message.isExpired(clock.nowMs())) return
    if (subscription.noLocal && message.publisher === session.clientId) return
    const { principal } = session
    if (principal !== null && !policy.authorize(principal, 'receive', topic).ok) return
    dispatcher.sendRetained(message, subscription)
  }
}
