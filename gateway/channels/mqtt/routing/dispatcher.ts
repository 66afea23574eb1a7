/** One message to everyone who should have it. */
import type { Qos } from '../codec/packets.ts'
import type { Delivery } from '../queues/delivery.ts'
import type { DurableJob, DurableLog } from '../queues/durable-log.ts'
import type { Session } from '../sessions/session.ts'
import type { Message } from './message.ts'
import type { RetainedMessages } from './retained.ts'
import type { Listener, Router, Subscription, Target } from './router.ts'
import type { SharedGroup } from './shared-groups.ts'

/**
 * `none`: nobody is subscribed and nothing was kept. `done`: given to all. `pending`: part of it is
 * being written, `done` is called after the commit.
 */
export type DispatchResult = 'none' | 'done' | 'pending'

type Done = (error: unknown) => void

export interface DispatcherParts {
  readonly router: Router
  readonly retained: RetainedMessages
  readonly durable: DurableLog
  readonly totals: { sharedDropped: number }
  readonly mayReceive: (session: Session, topic: string) => boolean
  /** Hands a message to functions of the house. */
  readonly notify: (listener: Listener, message: Message) => void
}

export class Dispatcher {
  private readonly parts: DispatcherParts
  /** Deliveries made since start, for the statistics. */
  deliveries = 0
  constructor(parts: DispatcherParts) {
    this.parts = parts
  }

  /**
   * Gives `message` to all of its receivers. What must survive goes to the store first; `done` is then
   * called after the commit, with an error if it failed. `alongside` writes what belongs to the same commit.
   * `notifies` false: functions of the house have had it already.
   */
  dispatch(
    message: Message,
    publisher: Session | null,
    alongside: (() => void) | null,
    done: Done | null,
    notifies = true,
  ): DispatchResult {
    const { targets, groups, listeners } = this.parts.router.match(message.topic)
    const deliveries: DurableJob['deliveries'] = []
    for (let at = 0; at < targets.length; at++) {
      let target = targets[at] as Target | null
      if (target?.session === publisher) target = target?.whenOwn ?? null
      if (target !== null) this.toTarget(message, target, deliveries)
    }
    for (const group of groups) this.toGroup(message, group, this.hasPlace(message), deliveries)
    if (notifies) for (const listener of listeners) this.parts.notify(listener, message)
    if (message.retain) this.parts.retained.set(message)
    if (deliveries.length > 0 || message.retain || alongside !== null) {
      this.parts.durable.add({ message, deliveries, isRetained: message.retain, alongside, done })
      return 'pending'
    }
    return targets.length + groups.length + listeners.length === 0 ? 'none' : 'done'
  }

  /** A kept message of a topic, to a session that has just subscribed. */
  sendRetained(message: Message, subscription: Subscription): void {
    const { session, identifier } = subscription
    const identifiers = identifier > 0 ? [identifier] : null
    const qos = Math.min(message.qos, subscription.qos) as Qos
    this.deliver(message, session, qos, true, identifiers, null)
  }

  /** A message whose group member has gone, to another member, other than one with this client id. */
  returnToGroup({ group, message }: Delivery, exceptClientId?: string): void {
    if (group === null) {
      this.parts.totals.sharedDropped++
      return
    }
    const hasPlace = this.hasPlace(message)
    const deliveries: DurableJob['deliveries'] = []
    this.toGroup(
      message,
      group,
      (one) => one.session.clientId !== exceptClientId && hasPlace(one),
      deliveries,
    )
    this.keep(message, deliveries)
  }

  /** Whether each kept session that would get the message has room (asked when the policy is to refuse). */
  hasRoomFor(message: Message): boolean {
    if (message.qos === 0) return true
    // What came before in the same stretch of work has taken its place only once it is staged.
    this.parts.durable.flush()
    const { targets, groups } = this.parts.router.match(message.topic)
    for (const { session, qos } of targets) {
      if (qos > 0 && !session.outbound.wouldAccept(message)) return false
    }
    return groups.every(
      (group) => !group.has(this.mayTake(message)) || group.has(this.hasPlace(message)),
    )
  }

  private mayTake(message: Message): (one: Subscription) => boolean {
    return (one) => this.parts.mayReceive(one.session, message.topic)
  }

  /** A member of a group whose queue is full is passed over where the policy is to refuse. */
  private hasPlace(message: Message): (one: Subscription) => boolean {
    const mayTake = this.mayTake(message)
    return (one) =>
      mayTake(one) &&
      (one.qos === 0 || message.qos === 0 || one.session.outbound.wouldAccept(message))
  }

  private toTarget(message: Message, target: Target, deliveries: DurableJob['deliveries']): void {
    const qos = Math.min(target.qos, message.qos) as Qos
    const retain = message.retain && target.retainAsPublished
    this.offer(message, target.session, qos, retain, target.identifiers, null, deliveries)
  }

  private toGroup(
    message: Message,
    group: SharedGroup,
    mayTake: (one: Subscription) => boolean,
    deliveries: DurableJob['deliveries'],
  ): void {
    const member = group.choose(message, mayTake)
    if (member === undefined) {
      this.parts.totals.sharedDropped++
      return
    }
    const qos = Math.min(member.qos, message.qos) as Qos
    const retain = message.retain && member.retainAsPublished
    const identifiers = member.identifier > 0 ? [member.identifier] : null
    this.offer(message, member.session, qos, retain, identifiers, group, deliveries)
  }

  private deliver(
    message: Message,
    session: Session,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[] | null,
    group: SharedGroup | null,
  ): void {
    const deliveries: DurableJob['deliveries'] = []
    this.offer(message, session, qos, retain, identifiers, group, deliveries)
    this.keep(message, deliveries)
  }

  private keep(message: Message, deliveries: DurableJob['deliveries']): void {
    if (deliveries.length === 0) return
    this.parts.durable.add({ message, deliveries, isRetained: false, alongside: null, done: null })
  }

  private offer(
    message: Message,
    session: Session,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[] | null,
    group: SharedGroup | null,
    deliveries: DurableJob['deliveries'],
  ): void {
    this.deliveries++
    if (qos === 0) {
      session.deliverAtMostOnce(message, retain, identifiers)
      return
    }
    message.own()
    const delivery: Delivery = {
      message,
      qos,
      retain,
      identifiers,
      group,
      seq: 0,
      dropAtMs: Number.POSITIVE_INFINITY,
      packetId: 0,
      isCommitted: false,
      isOnDisk: false,
      wasSent: false,
      isReleased: false,
    }
    if (session.isDurable) deliveries.push({ session, delivery })
    else session.outbound.push(delivery)
  }
}
